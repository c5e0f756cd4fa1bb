// The servers that one writes with Bun.listen: one set of handlers for all sockets, what belongs to a connection in
// socket.data, and what write() did not take kept for drain(). Bun sets TCP_NODELAY by itself. Over TLS they are the same.
import {
  announce,
  busyWork,
  collectOnRequest,
  identityOf,
  MEBIBYTE,
  readOptions,
  SinkCounter,
  select,
  sourceChunk,
} from './common.mjs';

const options = readOptions();

// While there is something unsent the socket is paused: a peer that does not read is not read from either.
function keepUnsent(socket, bytes, written) {
  socket.data.unsent = bytes.slice(Math.max(written, 0));
  socket.pause();
}

// True when all is sent.
function sendUnsent(socket) {
  const { unsent } = socket.data;
  if (unsent === null) return true;
  const written = Math.max(socket.write(unsent), 0);
  socket.data.unsent = written < unsent.length ? unsent.subarray(written) : null;
  if (socket.data.unsent !== null) return false;
  socket.resume();
  return true;
}

function send(socket, bytes) {
  const written = socket.write(bytes);
  if (written < bytes.length) keepUnsent(socket, bytes, written);
}

function echo(work) {
  return {
    open(socket) {
      socket.data = { unsent: null };
    },
    data(socket, chunk) {
      work?.(chunk.length);
      const { unsent } = socket.data;
      if (unsent === null) send(socket, chunk);
      else socket.data.unsent = Buffer.concat([unsent, chunk]);
    },
    drain: sendUnsent,
  };
}

function sink() {
  return {
    open(socket) {
      socket.data = { unsent: null, counter: new SinkCounter() };
    },
    data(socket, chunk) {
      const answers = socket.data.counter.add(chunk.length);
      if (!answers) return;
      const { unsent } = socket.data;
      if (unsent === null) send(socket, answers);
      else socket.data.unsent = Buffer.concat([unsent, answers]);
    },
    drain: sendUnsent,
  };
}

function source() {
  const chunk = sourceChunk(options);
  // Where the next write begins within the chunk: what write() did not take needs no copy, being known.
  const pump = (socket) => {
    const state = socket.data;
    while (state.wanted > 0) {
      const bytes = state.at === 0 ? chunk : chunk.subarray(state.at);
      const written = Math.max(socket.write(bytes), 0);
      state.wanted -= written;
      state.at = (state.at + written) % chunk.length;
      if (written < bytes.length) return;
    }
  };
  return {
    open(socket) {
      socket.data = { wanted: 0, at: 0 };
    },
    data(socket, requests) {
      const { data } = socket;
      const wasIdle = data.wanted === 0;
      data.wanted += requests.length * MEBIBYTE;
      if (wasIdle) pump(socket); // else drain() goes on
    },
    drain: pump,
  };
}

const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  tls: identityOf(options),
  socket: {
    ...select({ echo, busy: () => echo(busyWork(options)), sink, source }, options)(),
    error(socket) {
      socket.terminate();
    },
  },
});
announce('127.0.0.1', server.port);
collectOnRequest(() => Bun.gc(true));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
