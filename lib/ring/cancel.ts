// Requests to end operations. They take no slot, so that they are possible however many operations
// are in flight, and while the ring refuses others.
import type { OperationId } from './handler-table';
import { IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_ANY, Opcode } from './kernel';
import { COUNTER_BATCHES } from './layout';
import type { Ring } from './ring';

/** Requests the end of an operation; false if it is not in flight. */
export function cancelOperation(ring: Ring, id: OperationId): boolean {
  if (ring.closed || !ring.handlers.isLive(id)) return false;
  request(ring, id);
  // The kernel does not find a repeated timeout that is just firing: then it is asked again, once a
  // batch, since what completes in this one did so before it could know.
  let asked = ring.counters[COUNTER_BATCHES]!;
  ring.handlers.whileMore(id, () => {
    const batch = ring.counters[COUNTER_BATCHES]!;
    if (batch === asked) return;
    asked = batch;
    request(ring, id);
  });
  return true;
}

function request(ring: Ring, id: OperationId): void {
  if (ring.closed) return;
  const entry = ring.beginAlways(Opcode.ASYNC_CANCEL);
  entry.setTarget(ring.handlers.slotOf(id), ring.handlers.userDataHigh(id));
  ring.commitUnhandled(entry);
}

/** Lets the ring initiate nothing any more, and requests the end of everything in flight. */
export function cancelAll(ring: Ring): void {
  ring.refuse();
  if (ring.closed || ring.inFlight === 0) return;
  const entry = ring.beginAlways(Opcode.ASYNC_CANCEL);
  entry.operationFlags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  ring.commitUnhandled(entry);
}
