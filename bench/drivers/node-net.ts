import { type Driver, nodeCommand, scriptModes, scriptOptions } from './driver.js';

export const nodeNet: Driver = {
  name: 'node-net',
  description: "Node's own node:net on libuv",
  modes: scriptModes,
  collectsGarbage: true,
  command: (task) => nodeCommand('node-net.mjs', ...scriptOptions(task)),
};
