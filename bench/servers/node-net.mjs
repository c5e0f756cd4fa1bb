// The servers that one writes with node:net. The yardstick of the benchmark.
import { createServer } from 'node:net';
import {
  announce,
  busyWork,
  collectOnRequest,
  MEBIBYTE,
  readOptions,
  SinkCounter,
  select,
  sourceChunk,
} from './common.mjs';

const backlog = 4096;
const options = readOptions();

function echo(work) {
  return (socket) => {
    socket.on('data', (chunk) => {
      work?.(chunk.length);
      if (!socket.write(chunk)) socket.pause();
    });
    socket.on('drain', () => socket.resume());
  };
}

function sink() {
  return (socket) => {
    const counter = new SinkCounter();
    socket.on('data', (chunk) => {
      const answers = counter.add(chunk.length);
      if (answers) socket.write(answers);
    });
  };
}

function source() {
  const chunk = sourceChunk(options);
  return (socket) => {
    let wanted = 0;
    const pump = () => {
      while (wanted > 0) {
        wanted -= chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('data', (requests) => {
      wanted += requests.length * MEBIBYTE;
      if (!socket.writableNeedDrain) pump();
    });
    socket.on('drain', pump);
  };
}

const serve = select({ echo, busy: () => echo(busyWork(options)), sink, source }, options)();
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  serve(socket);
});
server.listen({ host: '127.0.0.1', port: 0, backlog }, () => {
  const { address, port } = server.address();
  announce(address, port);
});
collectOnRequest(globalThis.gc);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
