import { type Driver, proactorCommand } from './driver.js';

export const proactorOperations: Driver = {
  name: 'proactor-operations',
  description: 'operations of tier 1 alone, completions dispatched on the event loop',
  modes: ['echo'],
  collectsGarbage: true,
  command: (task) => proactorCommand(task, '--dispatch', 'loop', '--tier', 'operations'),
};
