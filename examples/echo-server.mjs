// An echo server: what a client sends comes back. Two ways to write it:
//   --tier tcp         on TcpAcceptor and TcpStream (the default)
//   --tier operations  on the Proactor's operations alone
//
//   node examples/echo-server.mjs --port 7000 [--host 127.0.0.1] [--dispatch loop|thread] [--tier operations|tcp]
import { parseArgs } from 'node:util';
import { Proactor, TcpAcceptor } from 'proactor';
import { serveEchoWithOperations } from './echo-operations.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7000' },
    host: { type: 'string', default: '127.0.0.1' },
    dispatch: { type: 'string' },
    tier: { type: 'string', default: 'tcp' },
    eventfd: { type: 'boolean', default: false },
  },
});

const proactor = new Proactor({ dispatch: values.dispatch, eventfd: values.eventfd });

async function serveEchoWithTcp(options) {
  return TcpAcceptor.listen(proactor, options, (stream) => {
    stream.onData = (chunk) => {
      // The chunk is written back from where it was received: nothing is copied.
      if (!stream.write(chunk)) stream.pause();
    };
    stream.onDrain = () => stream.resume();
  });
}

const options = { host: values.host, port: Number(values.port) };
const tiers = { tcp: serveEchoWithTcp, operations: (o) => serveEchoWithOperations(proactor, o) };
const serve = tiers[values.tier];
if (serve === undefined) {
  console.error(`unknown tier '${values.tier}': use operations or tcp`);
  process.exit(2);
}
const acceptor = await serve(options);
console.log(`listening on ${acceptor.address.address}:${acceptor.address.port}`);

async function stop() {
  await acceptor.close();
  await proactor.dispose();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
