// An echo server: what a client sends comes back. Two ways to write it:
//   --tier tcp         on TcpAcceptor and TcpStream (the default)
//   --tier operations  on the Proactor's operations alone
//
//   node examples/echo-server.mjs --port 7000 [--host 127.0.0.1] [--dispatch loop|thread] [--tier operations|tcp]
import { parseArgs } from 'node:util';
import { Proactor, TcpAcceptor } from 'proactor';
import { serveEchoWithOperations } from './echo-operations.mjs';

const USAGE = `usage: node examples/echo-server.mjs [--port N] [--host H] [--dispatch loop|thread]
         [--tier operations|tcp] [--eventfd]
Sends back what comes. Port 0 (the default is 7000) takes a free one.`;

function fail(message) {
  console.error(`echo-server: ${message}`);
  process.exit(2);
}

function parseOptions() {
  const options = {
    port: { type: 'string', default: '7000' },
    host: { type: 'string', default: '127.0.0.1' },
    dispatch: { type: 'string' },
    tier: { type: 'string', default: 'tcp' },
    eventfd: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    const port = Number(values.port);
    if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) {
      fail(`--port must be an integer from 0 to 65535, not '${values.port}'`);
    }
    return { ...values, port };
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`);
  }
}

const values = parseOptions();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
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

const options = { host: values.host, port: values.port };
const tiers = { tcp: serveEchoWithTcp, operations: (o) => serveEchoWithOperations(proactor, o) };
const serve = tiers[values.tier];
if (serve === undefined) fail(`unknown tier '${values.tier}': use operations or tcp`);
const acceptor = await serve(options);
const { address, family, port } = acceptor.address;
console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);

async function stop() {
  await acceptor.close();
  await proactor.dispose();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
