// A server of HTTP: GET / is answered with a greeting, POST /echo with what was sent. It is a server of node:http, which
// takes its connections from the Proactor; with --node it takes them as ever.
//
//   node examples/http-server.mjs --port 8080 [--host 127.0.0.1] [--node]
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { parseArgs } from 'node:util';
import { attach, shutdown } from 'proactor/http';

const USAGE = `usage: node examples/http-server.mjs [options]
  --port N  port to listen on, 0 for a free one  (8080)
  --host H  address to listen on                 (127.0.0.1)
  --node    without the Proactor
  --help    show this`;

function fail(message, code = 1) {
  console.error(`http-server: ${message}`);
  process.exit(code);
}

function parseOptions() {
  const options = {
    port: { type: 'string', default: '8080' },
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

const GREETING = 'Hello\n';

function answer(request, response) {
  const route = `${request.method} ${request.url}`;
  if (route === 'GET /') {
    response.setHeader('Content-Type', 'text/plain');
    response.end(GREETING);
  } else if (route === 'POST /echo') {
    response.setHeader('Content-Type', 'application/octet-stream');
    pipeline(request, response, () => {}); // whoever breaks off knows it
  } else {
    response.statusCode = 404;
    response.end('Not found\n');
  }
}

const { port, host, node } = parseOptions();
const server = createServer(answer);
if (!node) attach(server);
server.on('error', (error) => fail(error.message));
server.listen({ port, host }, () => {
  const { address, family, port } = server.address();
  console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);
});

// Requests that are being answered are finished; idle connections are closed at once.
const stop = () => shutdown(server, { timeoutMs: 5000 });
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
