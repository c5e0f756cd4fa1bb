// Which completion goes to which handler. An operation in flight has a slot; the slot's generation
// changes with each use, so that a completion of an earlier use is told from one of this use.
//
//   user_data  | low word: slot | high word: 29 bits of generation, marks in the upper bits |
//   id         | 18 bits of slot, 13 bits of generation above them: a small integer to V8    |
//
// Slots are reused in turn, the longest free first, so that generations grow slowly.
import { proactorError } from '../errors';
import { queueMicrotask } from '../timers';
import { IORING_CQE_F_MORE } from './kernel';
import { INTERNAL_SLOT, QUIET, SLOT_LIMIT, SLOTS } from './layout';
import type { Owned } from './memory';
import type { SubmissionEntry } from './submission-queue';

/**
 * Called with each completion of an operation: `result` is >= 0 or -errno, `flags` are the
 * completion's (IORING_CQE_F_*). Multishot operations call it until a completion lacks
 * IORING_CQE_F_MORE. It is called from the event loop, never from within the call that initiated the
 * operation; what it throws is an uncaught exception.
 */
export type CompletionHandler = (result: number, flags: number) => void;

/**
 * What an object of this package gives instead of a handler: a method costs no closure for each
 * object, and V8 calls it directly.
 */
export interface CompletionTarget {
  complete(result: number, flags: number): void;
}

/** Who is told of an operation's completions. */
export type Completer = CompletionHandler | CompletionTarget;

export function tell(completer: Completer, result: number, flags: number): void {
  if (typeof completer === 'function') completer(result, flags);
  else completer.complete(result, flags);
}

/**
 * Names an operation in flight, for cancelling it: a positive integer. After the terminal
 * completion it names nothing; some millions of operations later it may name another one, so do not
 * keep it.
 */
export type OperationId = number;

// Ids stay below 2^31: larger ones would be allocated, one for each operation.
const SLOT_BITS = 18; // SLOT_LIMIT of them
const ID_GENERATION_MASK = (1 << 13) - 1;
const INITIAL_SLOTS = 512;

/** States of a slot, beside being in use: its operation does not keep the process alive. */
export const STATE_UNREFERENCED = 1;
/** It was initiated as a quiet one, and somebody waits for it now. */
export const STATE_HASTENED = 2;
/** It holds what the operation uses. */
export const STATE_OWNS = 4;

/** Operations that can be in flight at the most. */
export const OPERATIONS_LIMIT = SLOT_LIMIT - 1;

export class HandlerTable {
  handlers: (Completer | null)[] = [];
  owned: (Owned | null)[] = [];
  /**
   * The high word that a slot's completion must carry; ~generation of the next use, if not in use. Native
   * code looks at it when the ring ends. This and the others have room for all slots from the beginning,
   * for V8 knows an array that stays the same; the system gives memory to what is used of it.
   */
  readonly live: Int32Array;
  /** Results of what the JavaScript thread performed itself, by slot, until they are dispatched. */
  readonly performed = new Map<number, number>();
  private readonly state: Uint8Array;
  // A ring of free slots, as large as a power of two has to be to hold all. Head and tail are compared,
  // so both are 32-bit integers that wrap around.
  private readonly free: Int32Array;
  private readonly freeMask: number;
  private freeHead = 0;
  private freeTail = 0;
  readonly #maxSlots: number;
  readonly #control: Int32Array;
  #slots = 0;
  readonly #watched = new Set<OperationId>(); // by whileMore
  readonly #done = new Map<number, number>(); // by slot: see addToResult

  constructor(maxOperations: number, live: Int32Array, control: Int32Array) {
    // Slot 0 is native code's.
    this.#maxSlots = Math.min(maxOperations + 1, SLOT_LIMIT);
    this.live = live;
    this.#control = control;
    this.state = new Uint8Array(this.#maxSlots);
    this.free = new Int32Array(1 << (32 - Math.clz32(this.#maxSlots - 1)));
    this.freeMask = this.free.length - 1;
    this.#grow(Math.min(INITIAL_SLOTS, this.#maxSlots));
  }

  /**
   * Takes a slot for the operation that `entry` describes, and names it there; `marks`:
   * RESULT_IS_DESCRIPTOR, QUIET.
   */
  take(completer: Completer, entry: SubmissionEntry, marks: number): number {
    const { free, freeHead, live } = this;
    if (freeHead === this.freeTail) this.growOrThrow();
    const slot = free[freeHead & this.freeMask]!;
    this.freeHead = (freeHead + 1) | 0;
    const highWord = ~live[slot]! | marks;
    live[slot] = highWord;
    entry.address(slot, highWord);
    this.handlers[slot] = completer;
    if (entry.owned !== null) this.own(slot, entry);
    return slot;
  }

  private own(slot: number, entry: SubmissionEntry): void {
    this.owned[slot] = entry.owned;
    this.state[slot] = STATE_OWNS;
    entry.owned = null;
  }

  /** Frees a slot at its terminal completion, and returns its STATE_* bits. */
  giveBack(slot: number): number {
    const { free, freeTail, live } = this;
    live[slot] = ~((live[slot]! + 1) & (QUIET - 1));
    this.handlers[slot] = null;
    free[freeTail & this.freeMask] = slot;
    this.freeTail = (freeTail + 1) | 0;
    const state = this.state[slot]!;
    if (state !== 0) this.state[slot] = 0;
    return state;
  }

  /**
   * Frees all slots in use, and completes their operations with `result`, unless they have one. For a ring
   * that is closed: the memory that they were given is abandoned.
   */
  completeAll(result: number): void {
    for (const [slot, completer] of this.handlers.entries()) {
      if (completer === null) continue;
      this.giveBack(slot);
      // Each in a turn of its own: one that throws is reported, the others are called all the same.
      const final = this.performed.get(slot) ?? result;
      queueMicrotask(() => tell(completer, final, 0));
    }
  }

  /** The id of the operation in a slot. */
  idAt(slot: number): OperationId {
    return slot | ((this.live[slot]! & ID_GENERATION_MASK) << SLOT_BITS);
  }

  slotOf(id: OperationId): number {
    return id & (SLOT_LIMIT - 1);
  }

  isLive(id: OperationId): boolean {
    const slot = this.slotOf(id);
    if (slot >= this.#slots) return false;
    const live = this.live[slot]!;
    return live >= 0 && (live & ID_GENERATION_MASK) === id >>> SLOT_BITS;
  }

  /** The high word of an operation's user data; what no operation has if it is not in flight. */
  userDataHigh(id: OperationId): number {
    return this.isLive(id) ? this.live[this.slotOf(id)]! : -1;
  }

  /**
   * Sets whether an operation in flight keeps the process alive; returns by how much the count
   * changes.
   */
  setReferenced(id: OperationId, referenced: boolean): number {
    if (!this.isLive(id)) return 0;
    const slot = this.slotOf(id);
    const value = referenced ? 0 : STATE_UNREFERENCED;
    const state = this.state[slot]!;
    this.state[slot] = (state & ~STATE_UNREFERENCED) | value;
    return value - (state & STATE_UNREFERENCED);
  }

  /** Calls `again` at each completion of an operation in flight but its last; asked for twice, once. */
  whileMore(id: OperationId, again: () => void): void {
    if (this.#watched.has(id)) return;
    this.#watched.add(id);
    const slot = this.slotOf(id);
    const completer = this.handlers[slot]!;
    this.handlers[slot] = (result, flags) => {
      if ((flags & IORING_CQE_F_MORE) === 0) this.#watched.delete(id);
      else again();
      tell(completer, result, flags);
    };
  }

  /** Part of an operation was done before, without the kernel: its result is that of both parts. */
  addToResult(slot: number, done: number): void {
    const completer = this.handlers[slot]!;
    this.#done.set(slot, done);
    this.handlers[slot] = (result, flags) => {
      const whole = this.wholeResult(slot, result);
      this.#done.delete(slot);
      tell(completer, whole, flags);
    };
  }

  /** The result of an operation in flight, of which `result` is the kernel's. */
  wholeResult(slot: number, result: number): number {
    const done = this.#done.get(slot);
    return done === undefined ? result : Math.max(result, 0) + done;
  }

  /** Marks a quiet operation in flight as one that is waited for; true if that is new. */
  hasten(id: OperationId): boolean {
    const slot = this.slotOf(id);
    if (!this.isLive(id) || (this.live[slot]! & QUIET) === 0) return false;
    if ((this.state[slot]! & STATE_HASTENED) !== 0) return false;
    this.state[slot]! |= STATE_HASTENED;
    return true;
  }

  /** @throws ERR_PROACTOR_OPERATIONS_EXHAUSTED where no slot is free. */
  checkFree(): void {
    if (this.freeHead === this.freeTail) this.growOrThrow();
  }

  private growOrThrow(): void {
    if (this.#slots >= this.#maxSlots) {
      throw proactorError(
        'ERR_PROACTOR_OPERATIONS_EXHAUSTED',
        `${this.#slots - 1} operations are in flight, which is all that "maxOperations" allows`,
      );
    }
    this.#grow(Math.min(this.#slots * 2, this.#maxSlots));
  }

  #grow(slots: number): void {
    for (let slot = this.#slots; slot < slots; slot++) {
      this.handlers.push(null);
      this.owned.push(null);
      this.live[slot] = ~0;
      if (slot === INTERNAL_SLOT) continue;
      this.free[this.freeTail & this.freeMask] = slot;
      this.freeTail = (this.freeTail + 1) | 0;
    }
    this.#slots = slots;
    this.#control[SLOTS] = slots;
  }

  /** The operations in flight from slot `from` on, at most `count` slots of them. */
  liveFrom(from: number, count: number): OperationId[] {
    const ids: OperationId[] = [];
    for (let slot = from; slot < Math.min(from + count, this.#slots); slot++) {
      if (slot !== INTERNAL_SLOT && this.live[slot]! >= 0) ids.push(this.idAt(slot));
    }
    return ids;
  }

  /** Slots that have been in use. */
  get slots(): number {
    return this.#slots;
  }
}
