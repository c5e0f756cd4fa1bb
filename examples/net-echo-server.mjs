// An echo server on proactor/net, whose API is that of node:net: sends back what comes. One import is all that tells
// it from a server of Node's; with --node the same program runs on node:net.
//
//   node examples/net-echo-server.mjs --port 7000 [--host 127.0.0.1] [--node]
import { parseArgs } from 'node:util';
import { shutdown } from 'proactor/http';

const USAGE = `usage: node examples/net-echo-server.mjs [options]
  --port N  port to listen on, 0 for a free one  (7000)
  --host H  address to listen on                 (127.0.0.1)
  --node    use node:net instead of proactor/net
  --help    show this`;

function fail(message, code = 1) {
  console.error(`net-echo-server: ${message}`);
  process.exit(code);
}

function parseOptions() {
  const options = {
    port: { type: 'string', default: '7000' },
    host: { type: 'string', default: '127.0.0.1' },
    node: { type: 'boolean', default: false },
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
  const port = /^\d+$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65535)) fail(`--port must be an integer from 0 to 65535, not '${values.port}'`, 2);
  return { ...values, port };
}

const { port, host, node } = parseOptions();
const { createServer } = await import(node ? 'node:net' : 'proactor/net');

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => {
    if (!socket.write(chunk)) socket.pause(); // the client does not read: do not receive more
  });
  socket.on('drain', () => socket.resume());
  socket.on('error', () => {}); // a client that left
});
server.on('error', (error) => fail(error.message));
server.listen({ port, host }, () => {
  const { address, family, port } = server.address();
  console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);
});

// No new connections; those that there are may go on for a second.
const stop = () => shutdown(server, { timeoutMs: 1000 });
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
