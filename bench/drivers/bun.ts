import { type Driver, scriptModes, scriptOptions, serverScript } from './driver.js';
import { findRuntime } from './runtimes.js';

export const bun: Driver = {
  name: 'bun',
  description: 'Bun.listen',
  modes: scriptModes,
  collectsGarbage: true,
  command: (task, runtimes) => [
    findRuntime('bun', runtimes.bun),
    serverScript('bun.mjs'),
    ...scriptOptions(task),
  ],
};
