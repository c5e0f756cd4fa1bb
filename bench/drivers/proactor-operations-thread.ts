import { type Driver, proactorCommand } from './driver.js';

export const proactorOperationsThread: Driver = {
  name: 'proactor-operations-thread',
  description: 'operations of tier 1 alone, the ring owned by an I/O thread',
  modes: ['echo'],
  collectsGarbage: true,
  command: (task) => proactorCommand(task, '--dispatch', 'thread', '--tier', 'operations'),
};
