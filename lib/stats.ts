// The figures of a proactor, read from the memory it shares with native code: counting costs no
// call.
import * as layout from './ring/layout';
import type { Ring } from './ring/ring';

/** Figures since the proactor was made, all of them counts. */
export interface ProactorStats {
  /** Operations initiated. */
  readonly submitted: number;
  /** Operations whose terminal completion was dispatched. */
  readonly completed: number;
  /** Completions dispatched, those of multishot operations each. */
  readonly completions: number;
  /** Operations initiated and not completed, now. */
  readonly inFlight: number;
  /** io_uring_enter calls. */
  readonly enters: number;
  /** Entries into JavaScript. */
  readonly batches: number;
  /** Enters that found the completion queue overflown; nothing is lost by that, it costs time. */
  readonly overflows: number;
  /** Submissions that found the queue full and had to wait for an enter. */
  readonly submissionQueueFull: number;
  /** Receives that found no buffer and waited for one. */
  readonly bufferExhaustion: number;
  /** Completions dropped because nobody waits for them any more. */
  readonly staleCompletions: number;
  /** Thread dispatch: posts to the JavaScript thread; 0 in loop dispatch. */
  readonly posts: number;
  /** Thread dispatch: wake-ups of the I/O thread; 0 in loop dispatch. */
  readonly wakeups: number;
  /** Blocks of native memory lent to operations and writes, now. */
  readonly blocksLent: number;
  /** Receive buffers that the kernel can still fill, now. */
  readonly buffersProvided: number;
}

export function readStats(ring: Ring): ProactorStats {
  const { counters } = ring;
  ring.countSubmitted();
  // Once the proactor is disposed of, the memory is gone: those figures are then 0.
  const native =
    counters.length === 0
      ? []
      : new BigUint64Array(counters.buffer, counters.byteOffset, counters.length);
  const count = (index: number): number => counters[index] ?? 0;
  const nativeCount = (index: number): number => Number(native[index] ?? 0n);
  return {
    submitted: count(layout.COUNTER_SUBMITTED),
    completed: count(layout.COUNTER_SUBMITTED) - ring.inFlight,
    completions: count(layout.COUNTER_COMPLETIONS),
    inFlight: ring.inFlight,
    enters: nativeCount(layout.COUNTER_ENTERS),
    batches: count(layout.COUNTER_BATCHES),
    overflows: nativeCount(layout.COUNTER_OVERFLOWS),
    submissionQueueFull: count(layout.COUNTER_QUEUE_FULL),
    bufferExhaustion: count(layout.COUNTER_BUFFER_EXHAUSTION),
    staleCompletions: count(layout.COUNTER_STALE),
    posts: nativeCount(layout.COUNTER_POSTS),
    wakeups: nativeCount(layout.COUNTER_WAKEUPS),
    blocksLent: ring.memory.pool.lent,
    buffersProvided: ring.buffers.provided,
  };
}
