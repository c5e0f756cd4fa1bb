// Turns for what happens to one socket or server: before the next thing is told, ticks and promises have run, as they
// have between two calls of Node's own handles. Who waits for one 'data' with `await once()` misses none that way,
// though one batch of completions may bring several.

import { COUNTER_BATCHES } from '../ring/layout';
import type { Ring } from '../ring/ring';

/** A number for the present batch of completions: no ticks and promises run within one. */
export function turnOf(ring: Ring): number {
  return ring.counters[COUNTER_BATCHES]! | 0;
}
