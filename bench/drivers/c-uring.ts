// The io_uring baseline is fitted to the load, so that it is not beaten by its own settings: a buffer holds all
// that a connection has outstanding, and there are two for each connection, so that none waits for one.
import {
  bufferBytesFor,
  clamp,
  type Driver,
  nativeCommand,
  nativeModes,
  powerOfTwoFrom,
  type ServerTask,
} from './driver.js';

const bufferCountMin = 64;
const bufferCountMax = 32_768;
const slabBytesMax = 64 * 1024 * 1024;

export function bufferSettings(task: ServerTask): {
  readonly count: number;
  readonly bytes: number;
} {
  const bytes = bufferBytesFor(task);
  const countMax = Math.min(bufferCountMax, slabBytesMax / bytes);
  return { count: clamp(powerOfTwoFrom(task.connections * 2), bufferCountMin, countMax), bytes };
}

export const cUring: Driver = {
  name: 'c-uring',
  description: 'C++ on io_uring: multishot accept and receive, provided buffers, DEFER_TASKRUN',
  modes: nativeModes,
  collectsGarbage: false,
  command: (task) => {
    const { count, bytes } = bufferSettings(task);
    return nativeCommand('c_uring', task, ['--buffers', `${count}`, '--buffer-size', `${bytes}`]);
  },
};
