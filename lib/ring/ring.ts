// One ring: initiates operations and dispatches their completions. Knows slots, queues and
// counters; what the operations mean is for the tiers above. The hot path of everything is
// begin() -> commit() and dispatch() -> complete().
//
// Here and in the other files of this folder what runs for each message is a function in a field, and
// what it refers to is in fields that the constructor assigns once, of TypeScript's privacy: while
// there is one ring, V8 compiles all of them into it as constants, addresses and sizes of arrays
// included. #private fields would be properties that may change, and cost twice the bytecode, of
// which V8 inlines so much and no more. ARCHITECTURE.md, "What V8 makes of it", has the rules.
import { systemError } from '../errors';
import { hrtime, queueMicrotask, setImmediate } from '../timers';
import type { NativeAddon, NativeRing, RingMemory } from './binding';
import { BufferRing, type BufferRingOptions } from './buffer-ring';
import { CompletionQueue } from './completion-queue';
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
import { EALREADY, ECANCELED, IORING_CQE_F_MORE, Opcode } from './kernel';
import {
  CONSUMED_HEAD,
  COUNTED,
  COUNTER_BATCHES,
  COUNTER_COMPLETIONS,
  COUNTER_STALE,
  COUNTER_SUBMITTED,
  CQE_WORDS_SHIFT,
  IN_FLIGHT,
  INTERNAL_SLOT,
  LIBUV_READY,
  NOW_MS,
  QUIET,
  RESULT_IS_DESCRIPTOR,
  SUBMISSION_TAIL,
  UNREFERENCED,
} from './layout';
import { LoopReference } from './loop-reference';
import { type Memory, MemoryAccess, settleSafely } from './memory';
import { QuietCompletions } from './quiet-completions';
import type { Requests } from './requests';
import { anotherCopySleeps, markSleeper } from './sleeper';
import { Slice } from './slice';
import { callOfStart } from './start-call';
import type { SubmissionEntry } from './submission-queue';
import { Submissions } from './submissions';

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
  readonly threaded: boolean;
  readonly setUp: RingMemory;
  readonly control: Int32Array;
  readonly counters: Float64Array;
  readonly handlers: HandlerTable;
  /** Descriptors that are closed together with the ring. */
  readonly descriptors: DescriptorSet;
  readonly #addon: NativeAddon;
  private readonly flushes: boolean; // who drives the ring may be asleep, and is told of submissions
  readonly completions: CompletionQueue;
  private readonly submissions: Submissions;
  private readonly entry: SubmissionEntry;
  private readonly requests: Requests;
  private readonly quietOnes: QuietCompletions;
  private readonly reference: LoopReference;
  #countedTail = 0; // submissions of the present batch that are counted
  private counted = 0; // of the COUNTED cancels those that found their operation
  private readonly slice = new Slice();
  private dispatching = false;
  #flushScheduled = false;
  #closed = false;
  readonly #flushLater = (): void => {
    this.#flushScheduled = false;
    if (this.#closed) return;
    this.forgetAsked();
    try {
      this.deferred.run();
    } finally {
      if (!this.deferred.isEmpty) this.#scheduleFlush();
      this.flush();
    }
  };
  private readonly deferred = new DeferredList();
  readonly spareSenders: object[] = []; // lib/io/spare-senders.ts

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
    const started = this.native.start(
      this.dispatch,
      options.preferEventfd || anotherCopySleeps(),
      () => setImmediate(() => this.native.continueDispatch()),
    );
    if (typeof started === 'number') throw systemError(started, callOfStart(started, threaded));
    this.setUp = started;
    if (started.sleepsInRing === true) markSleeper(true);
    this.control = new Int32Array(started.control);
    this.counters = new Float64Array(started.control);
    this.descriptors = new DescriptorSet(started.descriptors);
    this.handlers = new HandlerTable(
      options.maxOperations,
      new Int32Array(started.live),
      this.control,
    );
    this.flushes = started.sleepsInRing !== true;
    const words = new Int32Array(started.completions);
    this.completions = new CompletionQueue(words, started, this.control);
    this.submissions = new Submissions(this.native, started, this.control, this.counters, words);
    this.entry = this.submissions.entry;
    this.requests = this.submissions.requests;
    this.reference = new LoopReference(this.control, this.native);
    this.quietOnes = new QuietCompletions(this.control, this.native, threaded);
  }

  /** Operations whose terminal completion was not dispatched. */
  get inFlight(): number {
    return this.control[IN_FLIGHT] ?? 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Milliseconds of the monotonic clock, modulo 2^32; within a batch those of its beginning. */
  get nowMs(): number {
    return this.dispatching ? this.control[NOW_MS]! : Number(hrtime() / 1_000_000n) | 0;
  }

  /**
   * Starts an entry: to be filled in at once and then committed. Nothing is initiated if filling it
   * in throws.
   */
  readonly begin = (opcodeAndFlags: number): SubmissionEntry => {
    return this.submissions.begin(opcodeAndFlags);
  };

  /** As begin(), also while the ring refuses. */
  beginAlways(opcodeAndFlags: number): SubmissionEntry {
    return this.submissions.beginAlways(opcodeAndFlags);
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
    this.submissions.begin(Opcode.SEND);
    this.entry.fillSend(fd, memory, offset, length, flags);
    return this.commitTo(completer, marks);
  };

  /** Initiates what the entry describes, for this package: what the program asked does not concern it. */
  readonly commit = (completer: Completer, marks: number): OperationId => {
    return this.handlers.idAt(this.commitTo(completer, marks));
  };

  /** As commit(), for the program: as it asked by link() and quiet(). */
  readonly commitForProgram = (completer: Completer, marks: number): OperationId => {
    const { requests } = this;
    if (requests.asked === 0) return this.handlers.idAt(this.commitTo(completer, marks));
    const allMarks = marks | requests.takeMarks();
    const slot = requests.isChain
      ? this.#commitToChain(completer, allMarks)
      : this.commitTo(completer, allMarks);
    return this.handlers.idAt(slot);
  };

  private commitTo(completer: Completer, marks: number): number {
    const slot = this.handlers.take(completer, this.entry, marks);
    if ((marks & QUIET) !== 0) this.quietOnes.inFlight++;
    if (this.requests.asked !== 0) this.requests.stepAside(this.entry);
    this.commitEntry();
    return slot;
  }

  private commitEntry(): void {
    const { control } = this;
    control[SUBMISSION_TAIL]!++;
    control[IN_FLIGHT]!++;
    if (this.dispatching === false) this.commitOutside();
  }

  #commitToChain(completer: Completer, marks: number): number {
    const { requests } = this;
    const slot = this.handlers.take(completer, this.entry, marks);
    if ((marks & QUIET) !== 0) this.quietOnes.inFlight++;
    requests.addMember(this.entry, this.control[SUBMISSION_TAIL]!);
    this.commitEntry();
    if (requests.asked === 0) requests.endChain();
    return slot;
  }

  /** Initiates nothing for users any more. */
  refuse(): void {
    this.submissions.refuse();
  }

  /** Initiates an operation that takes no slot: for nobody (`generation`: UNHANDLED), or COUNTED. */
  commitUnhandled(entry: SubmissionEntry, generation: number): void {
    entry.address(INTERNAL_SLOT, generation);
    this.requests.stepAside(entry);
    this.commitEntry();
  }

  /** Nothing was initiated after begin(): what was taken for it goes back. */
  abandon(): void {
    const { entry } = this;
    entry.owned?.settle(-ECANCELED);
    entry.owned = null;
  }

  /** The program's next operation is linked to the one that it initiates after that. */
  link(): void {
    this.requests.link();
    if (!this.dispatching) this.#scheduleFlush(); // where it is forgotten
  }

  /** The completion of the program's next operation may wait until another is dispatched; see `hasten`. */
  quiet(): void {
    this.requests.quiet();
    if (!this.dispatching) this.#scheduleFlush();
  }

  /** As of Submissions. */
  forgetAsked(): void {
    this.submissions.forgetAsked();
  }

  /** Calls `run` when the chain is complete that the program is linking; now, if it is linking none. */
  afterChain(run: () => void): void {
    this.requests.whenNoChain(run);
  }

  /**
   * Somebody came to depend on an operation in flight that may have been initiated as a quiet one.
   */
  hasten(id: OperationId): void {
    if (this.handlers.hasten(id)) this.attend(1);
  }

  /** While the sum of the changes is above 0, no completion is held back. */
  attend(change: 1 | -1): void {
    this.quietOnes.attention += change;
    if (!this.dispatching && !this.#closed) this.quietOnes.update();
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
    this.quietOnes.update();
    if (this.reference.isNone) this.native.reference();
    if (this.flushes) this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(this.#flushLater);
  }

  /** Calls `target.runDeferred()` once at the end of this batch, or of this turn outside of one. */
  readonly defer = (target: Deferred): void => {
    this.deferred.add(target);
    if (this.dispatching === false) this.#scheduleFlush();
  };

  /** Hands over all that was initiated or deferred, for the process is about to exit. */
  submitNow(): void {
    if (this.#closed) return;
    this.forgetAsked();
    this.deferred.run();
    this.quietOnes.update();
    if (this.threaded) this.flush();
    else this.submissions.submit();
  }

  /**
   * Makes what was initiated known to the I/O thread. In loop dispatch native code does so before
   * it sleeps; with an eventfd we do, for another ring may sleep for the event loop.
   */
  flush(): void {
    if (this.threaded) {
      try {
        while (this.#performHere());
      } finally {
        this.submissions.publish();
      }
    } else if (this.flushes && !this.dispatching) this.submissions.submit();
  }

  // Dispatches what needed no I/O thread: false if there was nothing.
  #performHere(): boolean {
    const { submissions } = this;
    const result = submissions.performLast(this.handlers);
    if (result === undefined) return false;
    const [slot, generation] = submissions.performed;
    this.#countedTail = (this.#countedTail - 1) | 0;
    const complete = (): void => {
      if (this.#closed) return; // it was completed with all others
      this.handlers.performed.delete(slot);
      this.control[IN_FLIGHT]!--;
      this.counters[COUNTER_COMPLETIONS]!++;
      try {
        this.complete(slot, generation, result, 0);
      } finally {
        if (!this.dispatching) {
          this.quietOnes.update();
          this.reference.update();
        }
      }
    };
    // Whoever waits for it is told when the loop has turned; and so is a program that does not, for what its handler
    // initiates may be performed here, too, and so on.
    const isOurs = typeof this.handlers.handlers[slot] !== 'function';
    if (isOurs && (generation & QUIET) !== 0 && result >= 0) complete();
    else {
      this.handlers.performed.set(slot, result);
      submissions.completeLater(complete);
    }
    return true;
  }

  // Called by native code when there are completions. If a handler throws, the exception goes to
  // native code, which reports it as uncaught and calls again for the rest of the batch.
  private readonly dispatch = (): void => {
    const { control } = this;
    const { words: completions, mask, first } = this.completions;
    this.dispatching = true;
    this.buffers.inBatch = true;
    this.counters[COUNTER_BATCHES]!++;
    this.#countedTail = control[SUBMISSION_TAIL]!;
    const from = control[CONSUMED_HEAD]!;
    // What comes later is another batch: first the ticks and promises of this one have their turn.
    const { tail } = this.completions;
    let pause = this.slice.begin(from);
    let head = from;
    try {
      while (head !== tail) {
        if (head === pause) {
          pause = this.slice.next(head);
          if (pause === head) break;
        }
        const at = first + ((head & mask) << CQE_WORDS_SHIFT);
        const slot = completions[at]!;
        const generation = completions[at + 1]!;
        const result = completions[at + 2]!;
        const flags = completions[at + 3]!;
        const known = this.handlers.live[slot] === generation;
        const ends = known
          ? (flags & IORING_CQE_F_MORE) === 0
          : slot === INTERNAL_SLOT && generation !== 0;
        head = (head + 1) | 0;
        // Before the handler: whatever it does, this completion is dispatched only once. And with no
        // call between the two: a worker may be terminated at any call, and is then drained by them.
        control[CONSUMED_HEAD] = head;
        if (ends) control[IN_FLIGHT]!--;
        else if (slot === INTERNAL_SLOT) control[LIBUV_READY] = 1;
        if (known) this.complete(slot, generation, result, flags);
        else this.#completeUnknown(slot, generation, result);
        if (this.requests.asked !== 0) this.forgetAsked();
      }
    } finally {
      this.endBatch(from, head);
    }
  };

  private endBatch(from: number, head: number): void {
    try {
      if (!this.#closed) {
        this.counters[COUNTER_COMPLETIONS]! += (head - from) | 0;
        if (this.requests.asked !== 0) this.forgetAsked(); // of a handler that threw
        this.deferred.run();
      }
    } finally {
      try {
        this.handOver(head);
      } finally {
        this.dispatching = false;
        this.buffers.inBatch = false;
        if (!this.deferred.isEmpty) this.#scheduleFlush();
        if (this.threaded || this.reference.isNone) this.reference.update();
      }
    }
  }

  private handOver(head: number): void {
    if (this.#closed) return;
    this.countSubmitted();
    this.buffers.publish();
    this.quietOnes.update();
    this.completions.release(head);
    this.flush();
    this.countSubmitted();
  }

  private complete(slot: number, generation: number, result: number, flags: number): void {
    const { handlers } = this;
    const completer = handlers.handlers[slot]!;
    let settled = result;
    if ((flags & IORING_CQE_F_MORE) === 0) {
      if ((generation & QUIET) !== 0) this.quietOnes.inFlight--;
      const state = handlers.giveBack(slot);
      if (state !== 0) settled = this.#settle(slot, state, result);
    }
    if (typeof completer === 'function') completer(settled, flags);
    else completer.complete(settled, flags);
  }

  #settle(slot: number, state: number, result: number): number {
    if ((state & STATE_UNREFERENCED) !== 0) this.control[UNREFERENCED]!--;
    if ((state & STATE_HASTENED) !== 0) this.quietOnes.attention--;
    if ((state & STATE_OWNS) === 0) return result;
    const { owned } = this.handlers;
    const held = owned[slot]!;
    owned[slot] = null;
    return settleSafely(held, result);
  }

  #completeUnknown(slot: number, generation: number, result: number): void {
    this.counters[COUNTER_COMPLETIONS]!--;
    if (slot === INTERNAL_SLOT) {
      if (generation === COUNTED) this.counted += result >= 0 || result === -EALREADY ? 1 : 0;
      return;
    }
    this.counters[COUNTER_STALE]!++;
    if ((generation & RESULT_IS_DESCRIPTOR) !== 0 && result >= 0)
      this.#addon.closeDescriptor(result);
  }

  /** How many COUNTED cancels found their operation since this was asked the last time. */
  takeCounted(): number {
    const { counted } = this;
    this.counted = 0;
    return counted;
  }

  /** Sets whether an operation in flight keeps the process alive. */
  setReferenced(id: OperationId, referenced: boolean): void {
    if (this.#closed) return;
    this.control[UNREFERENCED]! += this.handlers.setReferenced(id, referenced);
    this.quietOnes.update();
    this.reference.update();
  }

  /** Closes a descriptor of this ring's now; together with the ring it was closed already. */
  closeDescriptor(fd: number): void {
    if (this.#closed) return;
    this.descriptors.delete(fd);
    this.#addon.closeDescriptor(fd);
  }

  /** Ends the ring; `closed` is told how many operations the kernel did not give back. */
  close(drainMs: number, closed: (leaked: number) => void): void {
    this.refuse();
    this.#closed = true;
    if (this.setUp.sleepsInRing === true) markSleeper(false);
    this.native.close(drainMs, closed);
  }
}
