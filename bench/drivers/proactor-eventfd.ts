import { type Driver, proactorCommand, scriptModes } from './driver.js';

export const proactorEventfd: Driver = {
  name: 'proactor-eventfd',
  description: 'as proactor-loop, but woken by an eventfd rather than sleeping in the ring',
  modes: scriptModes,
  collectsGarbage: true,
  isOptional: true,
  command: (task) => proactorCommand(task, '--dispatch', 'loop', '--eventfd'),
};
