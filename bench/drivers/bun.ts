import { type Driver, scriptModes, scriptOptions, serverScript } from './driver.js';
import { findRuntime } from './runtimes.js';

export const bun: Driver = {
  name: 'bun',
  description: 'Bun.listen, Bun.serve',
  modes: [...scriptModes, 'http'],
  collectsGarbage: true,
  command: (task, runtimes) => [
    findRuntime('bun', runtimes.bun),
    serverScript(task.mode === 'http' ? 'bun-http.mjs' : 'bun.mjs'),
    ...scriptOptions(task),
  ],
};
