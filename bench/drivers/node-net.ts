import { type Driver, netCommand, nodeModes } from './driver.js';

export const nodeNet: Driver = {
  name: 'node-net',
  description: "Node's own node:net on libuv",
  modes: nodeModes,
  speaksTls: true,
  collectsGarbage: true,
  command: (task) => netCommand(task, '--net', 'node'),
};
