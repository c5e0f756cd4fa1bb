import { type EchoDriver, nodeCommand } from './driver.js';

export const nodeNet: EchoDriver = {
  name: 'node-net',
  description: "Node's own node:net on libuv: socket.on('data', (chunk) => socket.write(chunk))",
  command: () => nodeCommand('bench/servers/node-net.mjs'),
};
