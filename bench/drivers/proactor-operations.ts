import { type EchoDriver, exampleCommand } from './driver.js';

export const proactorOperations: EchoDriver = {
  name: 'proactor-operations',
  description: 'operations of tier 1 alone, completions dispatched on the event loop',
  command: () => exampleCommand('loop', 'operations'),
};
