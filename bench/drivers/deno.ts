import { bufferBytesFor, type Driver, scriptModes, scriptOptions, serverScript } from './driver.js';
import { findRuntime } from './runtimes.js';

export const deno: Driver = {
  name: 'deno',
  description: 'Deno.listen, a loop of conn.read and conn.write per connection',
  modes: scriptModes,
  collectsGarbage: true,
  command: (task, runtimes) => [
    ...[findRuntime('deno', runtimes.deno), 'run', '--no-config', '--no-lock'],
    ...['--allow-net', '--allow-read', '--v8-flags=--expose-gc', serverScript('deno.mjs')],
    ...[...scriptOptions(task), '--buffer-size', `${bufferBytesFor(task)}`],
  ],
};
