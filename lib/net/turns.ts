// Turns for what happens to one socket or server: before the next thing is told, ticks and promises have run, as they
// have between two calls of Node's own handles. Who waits for one 'data' with `await once()` misses none that way,
// though one batch of completions may bring several.

import { COUNTER_BATCHES } from '../ring/layout';
import type { Ring } from '../ring/ring';

/** A number for the present batch of completions: no ticks and promises run within one. */
export function turnOf(ring: Ring): number {
  return ring.counters[COUNTER_BATCHES]! | 0;
}

const resolved = Promise.resolve();

/** Calls `run` when all ticks and promises have run that there are, those that they lead to included. */
export function inNextTurn(run: () => void): void {
  // Ticks run before promises, but not before those that are run already. queueMicrotask() makes an object more.
  resolved.then(() => process.nextTick(run));
}
