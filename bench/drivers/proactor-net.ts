import { type Driver, netCommand, nodeModes } from './driver.js';

export const proactorNet: Driver = {
  name: 'proactor-net',
  description: "proactor/net in node:net's place, completions dispatched on the event loop",
  modes: nodeModes,
  speaksTls: true,
  collectsGarbage: true,
  command: (task) => netCommand(task, '--net', 'proactor', '--dispatch', 'loop'),
};
