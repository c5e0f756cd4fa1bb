// The servers that one writes with Bun.serve, in clear or over TLS.
import { createReadStream } from 'node:fs';
import { announce, collectOnRequest, identityOf, readOptions, select } from './common.mjs';
import { bodies } from './http-bodies.mjs';

const options = readOptions({
  body: { type: 'string', default: 'hello' },
  file: { type: 'string' },
});

function answer() {
  const body = select(bodies, { mode: options.body });
  const headers = { 'Content-Type': 'text/plain' };
  return () => new Response(body, { headers });
}

// As with Node: of a Bun.file() the length would be known, and the kernel would copy it.
function sendFile() {
  const headers = { 'Content-Type': 'application/octet-stream' };
  return () => new Response(createReadStream(options.file), { headers });
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  tls: identityOf(options),
  fetch: select({ http: answer, file: sendFile }, options)(),
});
announce('127.0.0.1', server.port);
collectOnRequest(() => Bun.gc(true));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
