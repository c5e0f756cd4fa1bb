// Which completion goes to which handler. An operation in flight has a slot; the slot's generation
// changes with each use, so that a completion of an earlier use is told from one of this use.
//
//   user_data  | low word: slot          | high word: generation, and marks in its upper bits |
//   id         | slot + generation * 2^20, a safe integer: what callers hold to cancel the operation   |
import { proactorError } from '../errors';
import { INTERNAL_SLOT, QUIET } from './layout';
import type { Owned } from './memory';

/**
 * Called with each completion of an operation: `result` is >= 0 or -errno, `flags` are the
 * completion's (IORING_CQE_F_*). Multishot operations call it until a completion lacks
 * IORING_CQE_F_MORE.
 */
export type CompletionHandler = (result: number, flags: number) => void;

/** Names an operation in flight, for cancelling it. Never reused for another one. */
export type OperationId = number;

const SLOT_LIMIT = 1 << 20;
const GENERATION_MASK = QUIET - 1;
const INITIAL_SLOTS = 1024;

export class HandlerTable {
  readonly #maxSlots: number;
  handlers: (CompletionHandler | null)[] = [];
  owned: (Owned | null)[] = [];
  /** The high word that a slot's completion must carry; -1 for slots not in use. */
  live: Int32Array = new Int32Array(0);
  #next: Int32Array = new Int32Array(0); // generation of the slot's next use
  #unreferenced: Uint8Array = new Uint8Array(0);
  #hastened: Uint8Array = new Uint8Array(0);
  #free: number[] = [];

  constructor(maxOperations: number) {
    // Slot 0 is native code's.
    this.#maxSlots = Math.min(maxOperations + 1, SLOT_LIMIT);
    this.#grow(Math.min(INITIAL_SLOTS, this.#maxSlots));
  }

  /** Takes a slot for an operation that calls `handler`; `marks`: RESULT_IS_DESCRIPTOR, QUIET. */
  take(handler: CompletionHandler, owned: Owned | null, marks: number): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      this.#growOrThrow();
      slot = this.#free.pop()!;
    }
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
    this.#free.push(slot);
    const unreferenced = this.#unreferenced[slot]!;
    if (unreferenced !== 0) this.#unreferenced[slot] = 0;
    return unreferenced;
  }

  id(slot: number): OperationId {
    return slot + this.live[slot]! * SLOT_LIMIT;
  }

  slotOf(id: OperationId): number {
    return id % SLOT_LIMIT;
  }

  generationOf(id: OperationId): number {
    return Math.floor(id / SLOT_LIMIT);
  }

  isLive(id: OperationId): boolean {
    return this.live[this.slotOf(id)] === this.generationOf(id);
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

  /** Marks a quiet operation in flight as one that is waited for; true if that is new. */
  hasten(id: OperationId): boolean {
    const slot = this.slotOf(id);
    if ((this.generationOf(id) & QUIET) === 0 || !this.isLive(id) || this.#hastened[slot] !== 0) {
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
    // The lowest are used first.
    for (let slot = size - 1; slot >= Math.max(before, INTERNAL_SLOT + 1); slot--)
      this.#free.push(slot);
  }
}
