// Timers and clocks as they were when the package was loaded. Test suites put others in their place (node:test, jest,
// sinon), and sockets have to go on then, as Node's own do. Everything in lib/ takes them from here.
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';
import { setTimeout as delayed } from 'node:timers/promises';

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers;

/** Milliseconds of a clock that never goes back, with fractions. */
export const nowMs: () => number = performance.now.bind(performance);

/** Nanoseconds of that clock. */
export const hrtime: () => bigint = process.hrtime.bigint.bind(process.hrtime);

export const nextTick = process.nextTick.bind(process);

export const queueMicrotask: (run: () => void) => void = globalThis.queueMicrotask.bind(globalThis);

/** Fulfilled after so many milliseconds; `ref`: whether it keeps the process alive until then. */
export const delay: (ms: number, ref?: boolean) => Promise<void> = (ms, ref = true) =>
  delayed(ms, undefined, { ref });

const resolved = Promise.resolve();

/** Calls `run` when all ticks and promises have run that there are, those that they lead to included. */
export function inNextTurn(run: () => void): void {
  // Ticks run before promises, but not before those that are run already. queueMicrotask() makes an object more.
  resolved.then(() => nextTick(run));
}

const immediate = setImmediate;

/** Fulfilled when the event loop has turned. */
export function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve);
  });
}
