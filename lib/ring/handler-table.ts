// Which completion goes to which handler. An operation in flight has a slot; the slot's generation
// changes with each use, so that a completion of an earlier use is told from one of this use.
//
//   user_data  | low word: slot | high word: 29 bits of generation, marks in the upper bits |
//   id         | 18 bits of slot, 13 bits of generation above them: a small integer to V8    |
//
// Slots are reused in turn, the longest free first, so that generations grow slowly.
import { proactorError } from '../errors';
import { IORING_CQE_F_MORE } from './kernel';
import { INTERNAL_SLOT, QUIET } from './layout';
import type { Owned } from './memory';

/**
 * Called with each completion of an operation: `result` is >= 0 or -errno, `flags` are the
 * completion's (IORING_CQE_F_*). Multishot operations call it until a completion lacks
 * IORING_CQE_F_MORE.
 */
export type CompletionHandler = (result: number, flags: number) => void;

/**
 * Names an operation in flight, for cancelling it: a positive integer. After the terminal
 * completion it names nothing; some millions of operations later it may name another one, so do not
 * keep it.
 */
export type OperationId = number;

// Ids stay below 2^31: larger ones would be allocated, one for each operation.
const SLOT_BITS = 18;
const SLOT_LIMIT = 1 << SLOT_BITS;
const ID_GENERATION_MASK = (1 << 13) - 1;
const GENERATION_MASK = QUIET - 1;
const INITIAL_SLOTS = 512;

/** Operations that can be in flight at the most. */
export const OPERATIONS_LIMIT = SLOT_LIMIT - 1;

export class HandlerTable {
  readonly #maxSlots: number;
  handlers: (CompletionHandler | null)[] = [];
  owned: (Owned | null)[] = [];
  /** The high word that a slot's completion must carry; -1 for slots not in use. */
  live: Int32Array = new Int32Array(0);
  #next: Int32Array = new Int32Array(0); // generation of the slot's next use
  #unreferenced: Uint8Array = new Uint8Array(0);
  #hastened: Uint8Array = new Uint8Array(0);
  // A ring of free slots, as large as a power of two has to be to hold all.
  #free: Int32Array = new Int32Array(0);
  readonly #watched = new Set<OperationId>(); // by whileMore
  #freeHead = 0;
  #freeTail = 0;

  constructor(maxOperations: number) {
    // Slot 0 is native code's.
    this.#maxSlots = Math.min(maxOperations + 1, SLOT_LIMIT);
    this.#grow(Math.min(INITIAL_SLOTS, this.#maxSlots));
  }

  /** Takes a slot for an operation that calls `handler`; `marks`: RESULT_IS_DESCRIPTOR, QUIET. */
  take(handler: CompletionHandler, owned: Owned | null, marks: number): number {
    if (this.#freeHead === this.#freeTail) this.#growOrThrow();
    const slot = this.#free[this.#freeHead & (this.#free.length - 1)]!;
    this.#freeHead = (this.#freeHead + 1) | 0;
    const generation = this.#next[slot]!;
    this.#next[slot] = (generation + 1) & GENERATION_MASK;
    this.live[slot] = generation | marks;
    this.handlers[slot] = handler;
    if (owned !== null) this.owned[slot] = owned;
    return slot;
  }

  /**
   * Frees a slot at its terminal completion; returns 1 if it did not keep the process alive, else
   * 0.
   */
  free(slot: number): number {
    this.live[slot] = -1;
    this.handlers[slot] = null;
    this.#giveBack(slot);
    const unreferenced = this.#unreferenced[slot]!;
    if (unreferenced !== 0) this.#unreferenced[slot] = 0;
    return unreferenced;
  }

  /** Frees all slots in use, and returns the handlers that were there. */
  takeAll(): CompletionHandler[] {
    const handlers: CompletionHandler[] = [];
    this.live.forEach((generation, slot) => {
      if (generation === -1) return;
      handlers.push(this.handlers[slot]!);
      this.free(slot);
    });
    return handlers;
  }

  #giveBack(slot: number): void {
    this.#free[this.#freeTail & (this.#free.length - 1)] = slot;
    this.#freeTail = (this.#freeTail + 1) | 0;
  }

  id(slot: number): OperationId {
    return slot | ((this.live[slot]! & ID_GENERATION_MASK) << SLOT_BITS);
  }

  slotOf(id: OperationId): number {
    return id & (SLOT_LIMIT - 1);
  }

  isLive(id: OperationId): boolean {
    const live = this.live[this.slotOf(id)];
    if (live === undefined || live === -1) return false;
    return (live & ID_GENERATION_MASK) === id >>> SLOT_BITS;
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
    const value = referenced ? 0 : 1;
    const change = value - this.#unreferenced[slot]!;
    this.#unreferenced[slot] = value;
    return change;
  }

  /** Calls `again` at each completion of an operation in flight but its last; asked for twice, once. */
  whileMore(id: OperationId, again: () => void): void {
    if (this.#watched.has(id)) return;
    this.#watched.add(id);
    const slot = this.slotOf(id);
    const handler = this.handlers[slot]!;
    this.handlers[slot] = (result, flags) => {
      if ((flags & IORING_CQE_F_MORE) === 0) this.#watched.delete(id);
      else again();
      handler(result, flags);
    };
  }

  /** Marks a quiet operation in flight as one that is waited for; true if that is new. */
  hasten(id: OperationId): boolean {
    const slot = this.slotOf(id);
    if (!this.isLive(id) || (this.live[slot]! & QUIET) === 0 || this.#hastened[slot] !== 0) {
      return false;
    }
    this.#hastened[slot] = 1;
    return true;
  }

  /** Asks for the mark, and takes it away. */
  wasHastened(slot: number): boolean {
    if (this.#hastened[slot] === 0) return false;
    this.#hastened[slot] = 0;
    return true;
  }

  #growOrThrow(): void {
    const size = this.live.length;
    if (size >= this.#maxSlots) {
      throw proactorError(
        'ERR_PROACTOR_OPERATIONS_EXHAUSTED',
        `${size - 1} operations are in flight, which is all that "maxOperations" allows`,
      );
    }
    this.#grow(Math.min(size * 2, this.#maxSlots));
  }

  #grow(size: number): void {
    const before = this.live.length;
    const enlarge = <T extends Int32Array | Uint8Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    this.live = enlarge(this.live, new Int32Array(size).fill(-1));
    this.#next = enlarge(this.#next, new Int32Array(size));
    this.#unreferenced = enlarge(this.#unreferenced, new Uint8Array(size));
    this.#hastened = enlarge(this.#hastened, new Uint8Array(size));
    for (let slot = before; slot < size; slot++) {
      this.handlers.push(null);
      this.owned.push(null);
    }
    // Called when no slot is free, so the old ring holds nothing.
    this.#free = new Int32Array(1 << (32 - Math.clz32(size - 1)));
    for (let slot = Math.max(before, INTERNAL_SLOT + 1); slot < size; slot++) this.#giveBack(slot);
  }
}
