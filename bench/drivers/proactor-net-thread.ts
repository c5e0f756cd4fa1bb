import { type Driver, netCommand, nodeModes } from './driver.js';

export const proactorNetThread: Driver = {
  name: 'proactor-net-thread',
  description: "proactor/net in node:net's place, the ring owned by an I/O thread",
  modes: nodeModes,
  speaksTls: true,
  collectsGarbage: true,
  command: (task) => netCommand(task, '--net', 'proactor', '--dispatch', 'thread'),
};
