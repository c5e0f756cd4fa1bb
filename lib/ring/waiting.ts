// What is in the completion queue and was not dispatched yet.
import type { OperationId } from './handler-table';
import { CONSUMED_HEAD, CQE_WORDS_SHIFT } from './layout';
import type { Ring } from './ring';

/** Whether a completion of the operation waits to be dispatched, be it in the present batch. */
export function hasCompletion(ring: Ring, id: OperationId): boolean {
  return waitingResult(ring, id) !== undefined;
}

/** The result of that completion, if there is one. */
export function waitingResult(ring: Ring, id: OperationId): number | undefined {
  if (ring.closed || !ring.handlers.isLive(id)) return undefined;
  const { completions, handlers } = ring;
  const slot = handlers.slotOf(id);
  const tail = Atomics.load(ring.completionHead, ring.completionTailIndex);
  for (let head = ring.control[CONSUMED_HEAD]!; head !== tail; head = (head + 1) | 0) {
    const at = ring.completionsFirst + ((head & ring.completionMask) << CQE_WORDS_SHIFT);
    if (completions[at] === slot && completions[at + 1] === handlers.live[slot])
      return completions[at + 2];
  }
  return undefined;
}
