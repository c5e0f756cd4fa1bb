// One ring: initiates operations and dispatches their completions. Knows slots, queues and
// counters; what the operations mean is for the tiers above. The hot path of everything is
// begin() -> commit() and dispatch() -> complete().
//
// Here and in the other files of this folder what runs for each message is a function in a field, and
// what it refers to is in fields that the constructor assigns once, of TypeScript's privacy: while
// there is one ring, V8 compiles all of them into it as constants, addresses and sizes of arrays
// included. #private fields would be properties that may change, and cost twice the bytecode, of
// which V8 inlines so much and no more. ARCHITECTURE.md, "What V8 makes of it", has the rules.
import { disposedError, systemError } from '../errors';
import type { NativeAddon, NativeRing, RingMemory } from './binding';
import { BufferRing, type BufferRingOptions } from './buffer-ring';
import { Chain } from './chain';
import { type Deferred, DeferredList } from './deferred-list';
import { DescriptorSet } from './descriptor-set';
import {
  type Completer,
  HandlerTable,
  type OperationId,
  STATE_HASTENED,
  STATE_OWNS,
  STATE_UNREFERENCED,
} from './handler-table';
import { EAGAIN, EBUSY, ECANCELED, EINTR, IORING_CQE_F_MORE, Opcode } from './kernel';
import {
  COMPLETION_HEAD,
  COMPLETION_TAIL,
  CONSUMED_HEAD,
  COUNTER_BATCHES,
  COUNTER_COMPLETIONS,
  COUNTER_QUEUE_FULL,
  COUNTER_STALE,
  COUNTER_SUBMITTED,
  CQE_WORDS_SHIFT,
  IN_FLIGHT,
  INTERNAL_SLOT,
  LIBUV_READY,
  LOOP_REFERENCED,
  LOUD,
  PUBLISHED_TAIL,
  QUIET,
  RESULT_IS_DESCRIPTOR,
  SLEEPING,
  SLEEPING_FOR_ROOM,
  SLEEPING_NO,
  SQE_WORDS_SHIFT,
  SUBMISSION_TAIL,
  TAKEN_HEAD,
  UNHANDLED,
  UNREFERENCED,
} from './layout';
import { type Memory, MemoryAccess, settleSafely } from './memory';
import { anotherCopySleeps, markSleeper } from './sleeper';
import { callOfStart } from './start-call';
import { SubmissionEntry } from './submission-queue';

// The kernel is short of memory or of room for completions, or was interrupted: it is asked again.
const PASSING_ERRORS = [-EAGAIN, -EBUSY, -EINTR];

export interface RingOptions {
  readonly threaded: boolean;
  readonly entries: number;
  readonly completionEntries: number;
  readonly maxOperations: number;
  readonly buffers: BufferRingOptions;
  readonly withheldFlags: number;
  readonly preferEventfd: boolean;
}

export class Ring {
  readonly native: NativeRing;
  readonly memory: MemoryAccess;
  readonly buffers: BufferRing;
  readonly entry: SubmissionEntry;
  readonly threaded: boolean;
  readonly setUp: RingMemory;
  readonly control: Int32Array;
  readonly counters: Float64Array;
  readonly handlers: HandlerTable;
  /** Descriptors that are closed together with the ring. */
  readonly descriptors: DescriptorSet;
  readonly #addon: NativeAddon;
  private readonly flushes: boolean; // who drives the ring may be asleep, and is told of submissions
  private readonly entries: number;
  private readonly heads: Int32Array;
  private readonly headIndex: number;
  readonly completions: Int32Array;
  readonly completionsFirst: number;
  readonly completionMask: number;
  readonly completionHead: Int32Array;
  private readonly completionHeadIndex: number;
  readonly completionTailIndex: number;
  /** The operations that are linked by what is initiated next. */
  readonly chain = new Chain();
  private submissionHead = 0; // as last seen: the real one may be ahead
  #countedTail = 0; // submissions of the present batch that are counted
  private nextMarks = 0; // QUIET if quiet() was called
  private quietInFlight = 0;
  private attention = 0;
  private dispatching = false;
  #flushScheduled = false;
  private limit: number; // entries that users may have: all, or none any more
  #closed = false;
  readonly #flushLater = (): void => {
    this.#flushScheduled = false;
    if (this.#closed) return;
    this.deferred.run();
    this.flush();
  };
  private readonly deferred = new DeferredList();

  constructor(addon: NativeAddon, options: RingOptions) {
    this.#addon = addon;
    this.threaded = options.threaded;
    this.native = new addon.NativeRing();
    const { threaded, entries, completionEntries, withheldFlags } = options;
    const error = this.native.setUp(threaded, entries, completionEntries, withheldFlags);
    if (error < 0) throw systemError(error, 'io_uring_setup');
    this.memory = new MemoryAccess(this.native);
    this.buffers = new BufferRing(this.native, 0, options.buffers);
    if (this.buffers.registration < 0)
      throw systemError(this.buffers.registration, 'io_uring_register');
    // Buffers may be held by operations whose completions are held back.
    this.buffers.onWaiting = (change) => this.attend(change);
    const started = this.native.start(this.dispatch, options.preferEventfd || anotherCopySleeps());
    if (typeof started === 'number') throw systemError(started, callOfStart(started, threaded));
    this.setUp = started;
    if (started.sleepsInRing === true) markSleeper(true);
    this.entry = new SubmissionEntry(started.submissions);
    this.control = new Int32Array(started.control);
    this.counters = new Float64Array(started.control);
    this.descriptors = new DescriptorSet(started.descriptors);
    this.handlers = new HandlerTable(options.maxOperations);
    this.flushes = started.sleepsInRing !== true;
    this.entries = this.limit = started.submissionEntries;
    this.completions = new Int32Array(started.completions);
    this.completionMask = started.completionEntries - 1;
    if (options.threaded) {
      this.heads = this.control;
      this.headIndex = TAKEN_HEAD;
      this.completionsFirst = 0;
      this.completionHead = this.control;
      this.completionHeadIndex = COMPLETION_HEAD;
      this.completionTailIndex = COMPLETION_TAIL;
    } else {
      this.heads = this.completions;
      this.headIndex = started.submissionHeadOffset! >> 2;
      this.completionsFirst = started.completionsOffset! >> 2;
      this.completionHead = this.completions;
      this.completionHeadIndex = started.completionHeadOffset! >> 2;
      this.completionTailIndex = started.completionTailOffset! >> 2;
    }
  }

  /** Operations whose terminal completion was not dispatched. */
  get inFlight(): number {
    return this.control[IN_FLIGHT] ?? 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Starts an entry: to be filled in at once and then committed. Nothing is initiated if filling it
   * in throws.
   */
  readonly begin = (opcodeAndFlags: number): SubmissionEntry => {
    return this.beginWithin(this.limit, opcodeAndFlags);
  };

  /** As begin(), also while the ring refuses. */
  beginAlways(opcodeAndFlags: number): SubmissionEntry {
    return this.beginWithin(this.entries, opcodeAndFlags);
  }

  private beginWithin(limit: number, opcodeAndFlags: number): SubmissionEntry {
    const { entry } = this;
    const tail = this.control[SUBMISSION_TAIL]!;
    if (((tail - this.submissionHead) | 0) + this.chain.entriesNeeded > limit) {
      this.makeRoom(tail, limit);
    }
    entry.begin((tail & (this.entries - 1)) << SQE_WORDS_SHIFT, opcodeAndFlags);
    return entry;
  }

  /**
   * A send of memory that lives as long as the ring, and includes the bytes: the table's `send`,
   * without its checks. Returns the slot.
   */
  readonly sendKept = (
    fd: number,
    memory: Memory,
    offset: number,
    length: number,
    flags: number,
    completer: Completer,
    marks: number,
  ): number => {
    this.beginWithin(this.limit, Opcode.SEND);
    this.entry.fillSend(fd, memory, offset, length, flags);
    return this.commitTo(completer, marks);
  };

  /** Initiates what the entry describes. */
  readonly commit = (completer: Completer, marks: number): OperationId => {
    return this.handlers.idAt(this.commitTo(completer, marks));
  };

  private commitTo(completer: Completer, marks: number): number {
    const { entry } = this;
    const allMarks = marks | this.nextMarks;
    this.nextMarks = 0;
    if (this.chain.active) this.chain.continueWith(entry);
    const slot = this.handlers.take(completer, entry, allMarks);
    if ((allMarks & QUIET) !== 0) this.quietInFlight++;
    this.commitEntry();
    return slot;
  }

  private commitEntry(): void {
    const { control } = this;
    control[SUBMISSION_TAIL]!++;
    control[IN_FLIGHT]!++;
    if (this.dispatching === false) this.commitOutside();
  }

  /** Initiates nothing for users any more. */
  refuse(): void {
    this.limit = 0;
  }

  /** Initiates an operation whose completion is for nobody. It takes no slot. */
  commitUnhandled(entry: SubmissionEntry): void {
    entry.address(INTERNAL_SLOT, UNHANDLED);
    this.chain.endBehind();
    this.commitEntry();
  }

  /**
   * Nothing was initiated after begin(): what was taken for it goes back, and a link does not wait
   * for another.
   */
  abandon(): void {
    this.entry.owned?.settle(-ECANCELED);
    this.entry.owned = null;
    this.#forgetRequests();
  }

  // Those of chain.link() and quiet().
  #forgetRequests(): void {
    this.chain.forget();
    this.nextMarks = 0;
  }

  /** The next operation's completion may wait until another one is dispatched; see `hasten`. */
  quiet(): void {
    this.nextMarks = QUIET;
  }

  /**
   * Somebody came to depend on an operation in flight that may have been initiated as a quiet one.
   */
  hasten(id: OperationId): void {
    if (this.handlers.hasten(id)) this.attend(1);
  }

  /** While the sum of the changes is above 0, no completion is held back. */
  attend(change: 1 | -1): void {
    this.attention += change;
    if (!this.dispatching && !this.#closed) this.updateLoud();
  }

  // Nothing may be held back either if nothing else is in flight that keeps the process alive:
  // then it would never end.
  private updateLoud(): void {
    const { control } = this;
    const others = control[IN_FLIGHT]! - control[UNREFERENCED]! - this.quietInFlight;
    const loud = this.attention > 0 || others <= 0 ? 1 : 0;
    if (control[LOUD] === loud) return;
    // Sequentially consistent, as the I/O thread's look at it after each wait.
    Atomics.store(control, LOUD, loud);
    if (loud !== 0 && this.threaded) this.native.wake();
  }

  /** Brings the counter up to date: in a batch it is not written for each operation. */
  countSubmitted(): void {
    if (this.dispatching === false) return;
    const tail = this.control[SUBMISSION_TAIL]!;
    this.counters[COUNTER_SUBMITTED]! += (tail - this.#countedTail) | 0;
    this.#countedTail = tail;
  }

  private commitOutside(): void {
    this.counters[COUNTER_SUBMITTED]!++;
    this.updateLoud();
    if (this.control[LOOP_REFERENCED] === 0) this.native.reference();
    if (this.flushes) this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(this.#flushLater);
  }

  /**
   * Calls `target.runDeferred()` at the end of this batch, or of this turn outside of one: what is
   * asked for several times until then becomes one operation.
   */
  readonly defer = (target: Deferred): void => {
    this.deferred.add(target);
    if (this.dispatching === false) this.#scheduleFlush();
  };

  private makeRoom(tail: number, limit: number): void {
    if (limit === 0) {
      throw disposedError();
    }
    const room = (): boolean => {
      this.submissionHead = Atomics.load(this.heads, this.headIndex);
      return ((tail - this.submissionHead) | 0) + this.chain.entriesNeeded <= limit;
    };
    if (room()) return;
    this.counters[COUNTER_QUEUE_FULL]!++;
    while (!room()) {
      const error = this.native.submit();
      if (error < 0 && !PASSING_ERRORS.includes(error)) {
        throw systemError(error, 'io_uring_enter');
      }
    }
  }

  /** Hands over all that was initiated or deferred, for the process is about to exit. */
  submitNow(): void {
    if (this.#closed) return;
    this.deferred.run();
    this.updateLoud();
    if (this.threaded) this.flush();
    else this.native.submit();
  }

  /**
   * Makes what was initiated known to the I/O thread. In loop dispatch native code does so before
   * it sleeps; with an eventfd we do, for another ring may sleep for the event loop.
   */
  flush(): void {
    if (!this.threaded) {
      if (this.flushes && !this.dispatching) this.native.submit();
      return;
    }
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

  // Called by native code when there are completions. If a handler throws, the exception goes to
  // native code, which reports it as uncaught and calls again for the rest of the batch.
  private readonly dispatch = (): void => {
    const { control } = this;
    const completions = this.completions;
    const mask = this.completionMask;
    const first = this.completionsFirst;
    const tailIndex = this.completionTailIndex;
    const tails = this.completionHead;
    this.dispatching = true;
    this.buffers.inBatch = true;
    this.counters[COUNTER_BATCHES]!++;
    this.#countedTail = control[SUBMISSION_TAIL]!;
    const from = control[CONSUMED_HEAD]!;
    // What comes later is another batch: first the ticks and promises of this one have their turn.
    const tail = Atomics.load(tails, tailIndex);
    let head = from;
    try {
      while (head !== tail) {
        const at = first + ((head & mask) << CQE_WORDS_SHIFT);
        const slot = completions[at]!;
        const generation = completions[at + 1]!;
        const result = completions[at + 2]!;
        const flags = completions[at + 3]!;
        const known = this.handlers.live[slot] === generation;
        const ends = known
          ? (flags & IORING_CQE_F_MORE) === 0
          : slot === INTERNAL_SLOT && generation === UNHANDLED;
        head = (head + 1) | 0;
        // Before the handler: whatever it does, this completion is dispatched only once. And with no
        // call between the two: a worker may be terminated at any call, and is then drained by them.
        control[CONSUMED_HEAD] = head;
        if (ends) control[IN_FLIGHT]!--;
        if (known) this.complete(slot, generation, result, flags);
        else this.#completeUnknown(slot, generation, result);
      }
    } finally {
      this.endBatch(from, head);
    }
  };

  private endBatch(from: number, head: number): void {
    try {
      if (!this.#closed) {
        this.counters[COUNTER_COMPLETIONS]! += (head - from) | 0;
        this.deferred.run();
      }
    } finally {
      this.handOver(head);
      this.dispatching = false;
      this.buffers.inBatch = false;
      if (this.threaded || this.control[LOOP_REFERENCED] === 0) this.#updateReference();
    }
  }

  private handOver(head: number): void {
    if (this.#closed) return;
    this.countSubmitted();
    this.buffers.publish();
    this.updateLoud();
    // Release order: the entries before `head` were read and may be overwritten.
    Atomics.store(this.completionHead, this.completionHeadIndex, head);
    this.flush();
  }

  private complete(slot: number, generation: number, result: number, flags: number): void {
    const { handlers } = this;
    const completer = handlers.handlers[slot]!;
    let settled = result;
    if ((flags & IORING_CQE_F_MORE) === 0) {
      if ((generation & QUIET) !== 0) this.quietInFlight--;
      const state = handlers.giveBack(slot);
      if (state !== 0) settled = this.#settle(slot, state, result);
    }
    if (typeof completer === 'function') completer(settled, flags);
    else completer.complete(settled, flags);
  }

  #settle(slot: number, state: number, result: number): number {
    if ((state & STATE_UNREFERENCED) !== 0) this.control[UNREFERENCED]!--;
    if ((state & STATE_HASTENED) !== 0) this.attention--;
    if ((state & STATE_OWNS) === 0) return result;
    const { owned } = this.handlers;
    const held = owned[slot]!;
    owned[slot] = null;
    return settleSafely(held, result);
  }

  #completeUnknown(slot: number, generation: number, result: number): void {
    this.counters[COUNTER_COMPLETIONS]!--;
    if (slot === INTERNAL_SLOT) {
      if (generation !== UNHANDLED) this.control[LIBUV_READY] = 1;
      return;
    }
    this.counters[COUNTER_STALE]!++;
    if ((generation & RESULT_IS_DESCRIPTOR) !== 0 && result >= 0)
      this.#addon.closeDescriptor(result);
  }

  /** Sets whether an operation in flight keeps the process alive. */
  setReferenced(id: OperationId, referenced: boolean): void {
    if (this.#closed) return;
    this.control[UNREFERENCED]! += this.handlers.setReferenced(id, referenced);
    this.updateLoud();
    this.#updateReference();
  }

  #updateReference(): void {
    const { control } = this;
    if (control.length === 0) return;
    const wanted = control[IN_FLIGHT]! - control[UNREFERENCED]! > 0;
    if (wanted === (control[LOOP_REFERENCED] === 1)) return;
    if (wanted) this.native.reference();
    else this.native.unreference();
  }

  /** Closes a descriptor of this ring's now; together with the ring it was closed already. */
  closeDescriptor(fd: number): void {
    if (this.#closed) return;
    this.descriptors.delete(fd);
    this.#addon.closeDescriptor(fd);
  }

  /**
   * Ends the ring; `closed` is called with the number of operations that the kernel did not give
   * back.
   */
  close(drainMs: number, closed: (leaked: number) => void): void {
    this.refuse();
    this.#closed = true;
    if (this.setUp.sleepsInRing === true) markSleeper(false);
    this.native.close(drainMs, closed);
  }
}
