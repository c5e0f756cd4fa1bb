// The server that one writes with Bun.serve.
import { announce, collectOnRequest, readOptions, select } from './common.mjs';
import { bodies } from './http-bodies.mjs';

const options = readOptions({ body: { type: 'string', default: 'hello' } });
const body = select(bodies, { mode: options.body });
const headers = { 'Content-Type': 'text/plain' };

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response(body, { headers }),
});
announce('127.0.0.1', server.port);
collectOnRequest(() => Bun.gc(true));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
