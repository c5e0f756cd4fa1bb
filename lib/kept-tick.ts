// Keeps process.nextTick() fast. It makes an object for each call, and V8 remembers of what shape these are only as
// long as one of them lives. A full collection that comes early, as native memory brings about, may find none: from
// then on each call takes 260 ns, and not 30. So one of them is kept.
import { executionAsyncResource } from 'node:async_hooks';
import { nextTick } from './timers';

const kept: { tick?: object | undefined } = {};

/** To be called before much native memory is allocated. */
export function keepTick(): void {
  if (kept.tick !== undefined) return;
  nextTick(() => {
    kept.tick = executionAsyncResource?.();
  });
}
