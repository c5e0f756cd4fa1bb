import { type Driver, type Mode, scriptModes, scriptOptions, serverScript } from './driver.js';
import { findRuntime } from './runtimes.js';

const httpModes: readonly Mode[] = ['http', 'file'];

export const bun: Driver = {
  name: 'bun',
  description: 'Bun.listen, Bun.serve',
  modes: [...scriptModes, ...httpModes],
  speaksTls: true,
  collectsGarbage: true,
  command: (task, runtimes) => [
    findRuntime('bun', runtimes.bun),
    serverScript(httpModes.includes(task.mode) ? 'bun-http.mjs' : 'bun.mjs'),
    ...scriptOptions(task),
  ],
};
