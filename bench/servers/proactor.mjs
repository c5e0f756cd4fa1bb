// The package's servers. Echo is that of examples/echo-server.mjs.
import { Proactor, TcpAcceptor } from 'proactor';
import { serveEchoWithOperations } from '../../examples/echo-operations.mjs';
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

const options = readOptions({
  dispatch: { type: 'string' },
  tier: { type: 'string', default: 'tcp' },
  eventfd: { type: 'boolean', default: false },
});
const proactor = new Proactor({ dispatch: options.dispatch, eventfd: options.eventfd });
const listenOptions = { host: '127.0.0.1', port: 0, backlog: 4096, noDelay: true };

function echo(work) {
  return (stream) => {
    stream.onData = (chunk) => {
      work?.(chunk.length);
      // The chunk is written back from where it was received: nothing is copied.
      if (!stream.write(chunk)) stream.pause();
    };
    stream.onDrain = () => stream.resume();
  };
}

function sink() {
  return (stream) => {
    const counter = new SinkCounter();
    stream.onData = (chunk) => {
      const answers = counter.add(chunk.length);
      if (answers) stream.write(answers);
    };
  };
}

function source() {
  const bytes = sourceChunk(options);
  return (stream) => {
    let wanted = 0;
    let isFull = false;
    const pump = () => {
      isFull = false;
      while (wanted > 0 && !isFull) {
        wanted -= bytes.length;
        isFull = !stream.write(bytes);
      }
    };
    stream.onData = (requests) => {
      wanted += requests.length * MEBIBYTE;
      if (!isFull) pump();
    };
    stream.onDrain = pump;
  };
}

const tiers = {
  tcp: () => {
    const busy = () => echo(busyWork(options));
    const serve = select({ echo, busy, sink, source }, options)();
    return TcpAcceptor.listen(proactor, listenOptions, serve);
  },
  operations: () => {
    const serveEcho = () => serveEchoWithOperations(proactor, listenOptions);
    return select({ echo: serveEcho }, options)();
  },
};

const acceptor = await select(tiers, { mode: options.tier })();
announce(acceptor.address.address, acceptor.address.port);
collectOnRequest(globalThis.gc);

async function stop() {
  await acceptor.close();
  await proactor.dispose();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
