// The server that one writes with node:http, on node:net or on proactor/net.
import { createServer } from 'node:http';
import { announce, collectOnRequest, readOptions, select } from './common.mjs';
import { bodies } from './http-bodies.mjs';
import { chooseNet, netOptions } from './net-module.mjs';

const backlog = 4096;
const options = readOptions({ ...netOptions, body: { type: 'string', default: 'hello' } });
const body = select(bodies, { mode: options.body });
const { attach } = await chooseNet(options);

const server = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/plain');
  response.end(body);
});
attach(server);
server.listen({ host: '127.0.0.1', port: 0, backlog }, () => {
  const { address, port } = server.address();
  announce(address, port);
});
collectOnRequest(globalThis.gc);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
