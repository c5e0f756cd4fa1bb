// The io_uring baseline is fitted to the load, so that it is not beaten by its own settings: a buffer holds all
// that a connection has outstanding, and there are two for each connection, so that none waits for one.
import { nativeProgram } from '../paths.js';
import type { EchoDriver, EchoLoad } from './driver.js';

const bufferBytesMin = 4096;
const bufferBytesMax = 65_536;
const bufferCountMin = 64;
const bufferCountMax = 32_768;
const slabBytesMax = 64 * 1024 * 1024;

export function bufferSettings(load: EchoLoad): { readonly count: number; readonly bytes: number } {
  const bytes = clamp(powerOfTwoFrom(load.size * load.depth), bufferBytesMin, bufferBytesMax);
  const countMax = Math.min(bufferCountMax, slabBytesMax / bytes);
  return { count: clamp(powerOfTwoFrom(load.connections * 2), bufferCountMin, countMax), bytes };
}

function powerOfTwoFrom(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

function clamp(value: number, minimum: number, maximum: number): number {
  return Math.min(Math.max(value, minimum), maximum);
}

export const cUring: EchoDriver = {
  name: 'c-uring',
  description: 'C++ on io_uring: multishot accept and receive, provided buffers, DEFER_TASKRUN',
  command: (load) => {
    const { count, bytes } = bufferSettings(load);
    return [nativeProgram('c_uring'), '--buffers', `${count}`, '--buffer-size', `${bytes}`];
  },
};
