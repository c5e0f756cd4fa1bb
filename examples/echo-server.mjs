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

function fail(message, code = 1) {
  console.error(`echo-server: ${message}`);
  process.exit(code);
}

const DISPATCHES = [undefined, 'loop', 'thread'];
const TIERS = ['tcp', 'operations'];

function parseOptions() {
  const options = {
    port: { type: 'string', default: '7000' },
    host: { type: 'string', default: '127.0.0.1' },
    dispatch: { type: 'string' },
    tier: { type: 'string', default: 'tcp' },
    eventfd: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    fail(`${error.message}\n\n${USAGE}`, 2);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const { dispatch, tier } = values;
  const port = /^\d+$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65535)) fail(`--port must be an integer from 0 to 65535, not '${values.port}'`, 2);
  if (!DISPATCHES.includes(dispatch))
    fail(`--dispatch must be loop or thread, not '${dispatch}'`, 2);
  if (!TIERS.includes(tier)) fail(`--tier must be operations or tcp, not '${tier}'`, 2);
  return { ...values, port };
}

function serveEchoWithTcp(proactor, options) {
  return TcpAcceptor.listen(proactor, options, (stream) => {
    stream.onData = (chunk) => {
      // The chunk is written back from where it was received: nothing is copied.
      if (!stream.write(chunk)) stream.pause();
    };
    stream.onDrain = () => stream.resume();
  });
}

const { dispatch, eventfd, tier, host, port: wantedPort } = parseOptions();
const serve = tier === 'tcp' ? serveEchoWithTcp : serveEchoWithOperations;
let proactor;
let acceptor;
try {
  proactor = new Proactor({ dispatch, eventfd });
  acceptor = await serve(proactor, { host, port: wantedPort });
} catch (error) {
  fail(error.message);
}
const { address, family, port } = acceptor.address;
console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);

async function stop() {
  await acceptor.close();
  await proactor.dispose();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
