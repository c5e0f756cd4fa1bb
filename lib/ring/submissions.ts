// The submission queue and how what is in it gets to who drives the ring: native code, which looks at it before it
// sleeps, or the I/O thread, which is told.
import { AsyncResource } from 'node:async_hooks';
import { disposedError, systemError } from '../errors';
import { setImmediate } from '../timers';
import type { NativeRing, RingMemory } from './binding';
import type { HandlerTable } from './handler-table';
import { EAGAIN, EBUSY, EINTR, Opcode } from './kernel';
import {
  COUNTER_QUEUE_FULL,
  PUBLISHED_TAIL,
  SLEEPING,
  SLEEPING_FOR_ROOM,
  SLEEPING_FOR_WORK,
  SLEEPING_NO,
  SQE_WORDS_SHIFT,
  SUBMISSION_TAIL,
  TAKEN_HEAD,
} from './layout';
import { Requests } from './requests';
import { SubmissionEntry } from './submission-queue';

// The kernel is short of memory or of room for completions, or was interrupted: it is asked again.
const PASSING_ERRORS = [-EAGAIN, -EBUSY, -EINTR];

export class Submissions {
  readonly entry: SubmissionEntry;
  /** What the program asks for its next operation. */
  readonly requests = new Requests();
  private readonly native: NativeRing;
  private readonly context = new AsyncResource('PROACTOR'); // that of handlers
  private readonly control: Int32Array;
  private readonly counters: Float64Array;
  private readonly entries: number;
  private readonly heads: Int32Array;
  private readonly headIndex: number;
  private head = 0; // as last seen: the real one may be ahead
  private limit: number; // entries that users may have: all, or none any more

  /** `completions`: where the kernel's head of the submission queue is, in loop dispatch. */
  constructor(
    native: NativeRing,
    started: RingMemory,
    control: Int32Array,
    counters: Float64Array,
    completions: Int32Array,
  ) {
    this.native = native;
    this.control = control;
    this.counters = counters;
    this.entry = new SubmissionEntry(started.submissions);
    this.entries = this.limit = started.submissionEntries;
    const { submissionHeadOffset } = started;
    const isKernels = submissionHeadOffset !== undefined;
    this.heads = isKernels ? completions : control;
    this.headIndex = isKernels ? submissionHeadOffset >> 2 : TAKEN_HEAD;
  }

  /** Starts an entry: to be filled in at once, and committed. */
  begin(opcodeAndFlags: number): SubmissionEntry {
    return this.beginWithin(this.limit, opcodeAndFlags);
  }

  /** As begin(), also while users are refused. */
  beginAlways(opcodeAndFlags: number): SubmissionEntry {
    return this.beginWithin(this.entries, opcodeAndFlags);
  }

  private beginWithin(limit: number, opcodeAndFlags: number): SubmissionEntry {
    const { entry } = this;
    const tail = this.control[SUBMISSION_TAIL]!;
    if (((tail - this.head) | 0) >= limit) this.makeRoom(tail, limit);
    entry.begin((tail & (this.entries - 1)) << SQE_WORDS_SHIFT, opcodeAndFlags);
    return entry;
  }

  private makeRoom(tail: number, limit: number): void {
    if (limit === 0) throw disposedError();
    const room = (): boolean => {
      this.head = Atomics.load(this.heads, this.headIndex);
      return ((tail - this.head) | 0) < limit;
    };
    if (room()) return;
    this.counters[COUNTER_QUEUE_FULL]!++;
    while (!room()) {
      const error = this.native.submit(this.requests.handOverTo(tail));
      if (error < 0 && !PASSING_ERRORS.includes(error)) {
        throw systemError(error, 'io_uring_enter');
      }
    }
  }

  /** Refuses users. */
  refuse(): void {
    this.limit = 0;
    this.forgetAsked();
  }

  /**
   * What the program asked for its next operation is not for the one that comes next: its call failed,
   * or it never came. A chain ends with what was initiated last.
   */
  forgetAsked(): void {
    const { requests } = this;
    if (requests.asked === 0 || !requests.forget()) return;
    this.entry.dropLink(this.at(this.control[SUBMISSION_TAIL]!));
    requests.endChain();
  }

  // The word at which the entry before `tail` stands.
  private at(tail: number): number {
    return ((tail - 1) & (this.entries - 1)) << SQE_WORDS_SHIFT;
  }

  /** Hands all over at once, by a system call. */
  submit(): void {
    this.native.submit(this.control[SUBMISSION_TAIL]!);
  }

  /** Makes all known to the I/O thread. */
  publish(): void {
    const { control } = this;
    const tail = control[SUBMISSION_TAIL]!;
    const published = control[PUBLISHED_TAIL]!;
    // Sequentially consistent, as is the I/O thread's side: either it sees the tail, or we see that
    // it sleeps.
    if (tail !== published) Atomics.store(control, PUBLISHED_TAIL, tail);
    const sleeping = Atomics.load(control, SLEEPING);
    if (sleeping === SLEEPING_NO) return;
    if (tail !== published || sleeping === SLEEPING_FOR_ROOM) this.native.wake();
  }

  /**
   * Performs the only entry that the I/O thread would be woken for, where that is a send or a close: to
   * wake it takes longer. Returns the result, or undefined where the entry is still for the thread.
   * Of a send that was done in part the rest is, and its slot knows how much was done.
   */
  performLast(handlers: HandlerTable): number | undefined {
    const { control, entry } = this;
    const tail = control[SUBMISSION_TAIL]!;
    if (((tail - control[PUBLISHED_TAIL]!) | 0) !== 1) return undefined;
    if (Atomics.load(control, SLEEPING) !== SLEEPING_FOR_WORK) return undefined;
    const at = this.at(tail);
    if (!entry.isPlain(at, Opcode.SEND) && !entry.isPlain(at, Opcode.CLOSE)) return undefined;
    const result = this.native.perform(tail);
    if (result === -EAGAIN) return undefined;
    if (entry.wantsMore(at, result)) {
      entry.skip(at, result);
      handlers.addToResult(entry.slotAt(at), result);
      return undefined;
    }
    control[SUBMISSION_TAIL] = (tail - 1) | 0;
    return result;
  }

  /** Calls `complete` when the loop has turned, in the context in which I/O threads' completions are dispatched. */
  completeLater(complete: () => void): void {
    this.context.runInAsyncScope(setImmediate, undefined, complete);
  }

  /** The slot and the generation that the entry behind the last one was for. */
  get performed(): readonly [slot: number, generation: number] {
    const at = this.at(this.control[SUBMISSION_TAIL]! + 1);
    return [this.entry.slotAt(at), this.entry.generationAt(at)];
  }
}
