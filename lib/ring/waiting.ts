// What has completed and was not dispatched yet: it is in the completion queue, or was performed by this thread.
import type { OperationId } from './handler-table';
import { CONSUMED_HEAD } from './layout';
import type { Ring } from './ring';

/** Whether a completion of the operation waits to be dispatched, be it in the present batch. */
export function hasCompletion(ring: Ring, id: OperationId): boolean {
  return waitingResult(ring, id) !== undefined;
}

/** The result of that completion, if there is one. */
export function waitingResult(ring: Ring, id: OperationId): number | undefined {
  if (ring.closed || !ring.handlers.isLive(id)) return undefined;
  const { completions, handlers } = ring;
  const { tail, words } = completions;
  const slot = handlers.slotOf(id);
  const performed = ring.handlers.performed.get(slot);
  if (performed !== undefined) return performed;
  for (let head = ring.control[CONSUMED_HEAD]!; head !== tail; head = (head + 1) | 0) {
    const at = completions.at(head);
    if (words[at] === slot && words[at + 1] === handlers.live[slot])
      return handlers.wholeResult(slot, words[at + 2]!);
  }
  return undefined;
}
