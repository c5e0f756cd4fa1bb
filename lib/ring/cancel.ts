// Requests to end operations. They take no slot, so that they are possible however many operations
// are in flight, and while the ring refuses others.
import { delay, nowMs, turnOfLoop } from '../timers';
import type { OperationId } from './handler-table';
import { Opcode } from './kernel';
import { COUNTED, COUNTER_BATCHES, UNHANDLED } from './layout';
import type { Ring } from './ring';

/** Requests between which the event loop turns. */
const REQUESTS_PER_TURN = 1024;
/** How long operations have to end before they are asked again, at first and at most. */
const PATIENCE_MS = 20;
const PATIENCE_MS_MAX = 500;

/** Requests the end of an operation; false if it is not in flight. */
export function cancelOperation(ring: Ring, id: OperationId): boolean {
  if (ring.closed || !ring.handlers.isLive(id)) return false;
  // The operation may be a member of a chain that the kernel does not know yet.
  ring.afterChain(() => request(ring, id, UNHANDLED));
  // The kernel does not find a repeated timeout that is just firing: then it is asked again, once a
  // batch, since what completes in this one did so before it could know.
  let asked = ring.counters[COUNTER_BATCHES]!;
  ring.handlers.whileMore(id, () => {
    const batch = ring.counters[COUNTER_BATCHES]!;
    if (batch === asked) return;
    asked = batch;
    request(ring, id, UNHANDLED);
  });
  return true;
}

function request(ring: Ring, id: OperationId, generation: number): void {
  if (ring.closed) return;
  const entry = ring.beginAlways(Opcode.ASYNC_CANCEL);
  entry.setTarget(ring.handlers.slotOf(id), ring.handlers.userDataHigh(id));
  ring.commitUnhandled(entry, generation);
}

/**
 * Requests the end of all that is in flight, and counts in `ring.counted` what was found. One by one: for a
 * cancel of everything the kernel looks through all operations once for each of them, and it would
 * end the dispatcher's own.
 *
 * @throws ERR_PROACTOR_OPERATIONS_EXHAUSTED where no slot is free for who is to be told.
 */
export function cancelCounted(ring: Ring): void {
  const { handlers } = ring;
  handlers.checkFree();
  for (const id of handlers.liveFrom(0, handlers.slots)) request(ring, id, COUNTED);
}

/**
 * Lets the ring initiate nothing any more, and ends everything in flight: until nothing is, or until
 * `untilMs`. The event loop turns meanwhile, in which completions come.
 */
export async function cancelAll(ring: Ring, untilMs: number): Promise<void> {
  ring.refuse();
  ring.attend(1); // the end of what is held back is waited for
  let patienceMs = PATIENCE_MS;
  while (ring.inFlight > 0 && nowMs() < untilMs) {
    await requestAll(ring, untilMs);
    await ended(ring, Math.min(untilMs, nowMs() + patienceMs));
    patienceMs = Math.min(patienceMs * 2, PATIENCE_MS_MAX);
  }
}

async function requestAll(ring: Ring, untilMs: number): Promise<void> {
  const { handlers } = ring;
  for (let slot = 0; slot < handlers.slots; slot += REQUESTS_PER_TURN) {
    if (ring.closed || nowMs() >= untilMs) return;
    const ids = handlers.liveFrom(slot, REQUESTS_PER_TURN);
    for (const id of ids) request(ring, id, UNHANDLED);
    if (ids.length > 0) await turnOfLoop();
  }
}

async function ended(ring: Ring, untilMs: number): Promise<void> {
  while (!ring.closed && ring.inFlight > 0 && nowMs() < untilMs) await delay(1);
}
