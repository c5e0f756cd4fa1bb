// The echo server that one writes with node:net. The yardstick of the echo benchmark.
import { createServer } from 'node:net';

const backlog = 4096;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen({ host: '127.0.0.1', port: 0, backlog }, () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
