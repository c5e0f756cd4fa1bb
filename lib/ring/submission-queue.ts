// The submission queue as JavaScript writes it: entry by entry, each zeroed, filled in and then
// committed. In loop dispatch these are the kernel's own entries, in thread dispatch those of the
// ring to the I/O thread.
import { IOSQE_IO_LINK, MSG_WAITALL } from './kernel';
import {
  SQE_ADDRESS,
  SQE_BUFFER_GROUP,
  SQE_FD,
  SQE_FILE_INDEX,
  SQE_LENGTH,
  SQE_OFFSET,
  SQE_OPCODE_FLAGS_IOPRIO,
  SQE_OPERATION_FLAGS,
  SQE_USER_DATA,
  SQE_WORDS_SHIFT,
} from './layout';
import type { Block, Memory, Owned } from './memory';

const TWO_TO_32 = 0x1_0000_0000;

/** The entry being filled in. There is one such object a queue; it moves from entry to entry. */
export class SubmissionEntry {
  readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private at = 0;
  /** What the operation's slot will hold until its end. */
  owned: Owned | null = null;

  constructor(submissions: ArrayBuffer) {
    this.words = new Int32Array(submissions);
    this.doubles = new Float64Array(submissions);
  }

  /** Moves to the entry at word `at`, zeroed but for its first words. */
  begin(at: number, opcodeAndFlags: number): void {
    this.at = at;
    this.owned = null;
    const doubles = this.doubles;
    const half = at >> 1;
    doubles[half + 1] = 0;
    doubles[half + 2] = 0;
    doubles[half + 3] = 0;
    doubles[half + 5] = 0;
    doubles[half + 6] = 0;
    doubles[half + 7] = 0;
    const words = this.words;
    words[at + SQE_OPCODE_FLAGS_IOPRIO] = opcodeAndFlags;
    words[at + SQE_FD] = -1;
  }

  /** Fills in whom the completion is for. */
  address(slot: number, generation: number): void {
    const at = this.at + SQE_USER_DATA;
    this.words[at] = slot;
    this.words[at + 1] = generation;
  }

  own(owned: Owned): void {
    this.owned = owned;
  }

  /** The block that the entry owns; for operations that took one. */
  get ownedBlock(): Block {
    return this.owned as Block;
  }

  set fd(value: number) {
    this.words[this.at + SQE_FD] = value;
  }

  /** IOSQE_* bits. */
  addFlags(flags: number): void {
    const at = this.at + SQE_OPCODE_FLAGS_IOPRIO;
    this.words[at] = this.words[at]! | (flags << 8);
  }

  /** Takes IOSQE_IO_LINK off the entry at word `at`. */
  dropLink(at: number): void {
    this.words[at + SQE_OPCODE_FLAGS_IOPRIO]! &= ~(IOSQE_IO_LINK << 8);
  }

  /** The entry at word `at` is such an operation, without flags. */
  isPlain(at: number, opcode: number): boolean {
    return this.words[at + SQE_OPCODE_FLAGS_IOPRIO] === opcode;
  }

  slotAt(at: number): number {
    return this.words[at + SQE_USER_DATA]!;
  }

  generationAt(at: number): number {
    return this.words[at + SQE_USER_DATA + 1]!;
  }

  /** A result leaves a part to be done: the entry at word `at` is a send that asks for all of it. */
  wantsMore(at: number, result: number): boolean {
    const { words } = this;
    if ((words[at + SQE_OPERATION_FLAGS]! & MSG_WAITALL) === 0) return false;
    return result >= 0 && result < words[at + SQE_LENGTH]!;
  }

  /** Takes bytes off the beginning of what the send at word `at` sends. */
  skip(at: number, bytes: number): void {
    const { words } = this;
    const before = words[at + SQE_ADDRESS]!;
    const low = (before + bytes) | 0;
    words[at + SQE_ADDRESS] = low;
    if (low >>> 0 < before >>> 0) words[at + SQE_ADDRESS + 1]!++;
    words[at + SQE_LENGTH]! -= bytes;
  }

  /** Moves the entry, which stands behind all others, before the last `count` of them. */
  moveBefore(count: number): void {
    const { doubles } = this;
    const size = 1 << (SQE_WORDS_SHIFT - 1);
    const own = this.at >> 1;
    const behind = doubles.slice(own, own + size);
    let to = own;
    for (let moved = 0; moved < count; moved++) {
      const from = (to === 0 ? doubles.length : to) - size;
      doubles.copyWithin(to, from, from + size);
      to = from;
    }
    doubles.set(behind, to);
  }

  /** The field that holds flags of single operations (multishot, zero copy) beside a priority. */
  set ioprio(value: number) {
    const at = this.at + SQE_OPCODE_FLAGS_IOPRIO;
    this.words[at] = this.words[at]! | (value << 16);
  }

  set length(value: number) {
    this.words[this.at + SQE_LENGTH] = value;
  }

  /** msg_flags, timeout_flags, open_flags…: the operation's own. */
  set operationFlags(value: number) {
    this.words[this.at + SQE_OPERATION_FLAGS] = value;
  }

  set bufferGroup(value: number) {
    this.words[this.at + SQE_BUFFER_GROUP] = value;
  }

  set fileIndex(value: number) {
    this.words[this.at + SQE_FILE_INDEX] = value;
  }

  /** The 64-bit offset field as a number: a safe integer, or -1 for the file's own position. */
  set offset(value: number) {
    const at = this.at + SQE_OFFSET;
    this.words[at] = value;
    this.words[at + 1] = Math.floor(value / TWO_TO_32);
  }

  /** The address field as two words that are no address: the user data of another operation. */
  setTarget(low: number, high: number): void {
    const at = this.at + SQE_ADDRESS;
    this.words[at] = low;
    this.words[at + 1] = high;
  }

  setAddress(memory: Memory, offset: number, length: number): void {
    memory.writeAddress(this.words, this.at + SQE_ADDRESS, offset, length);
  }

  /** All fields of a send. */
  fillSend(fd: number, memory: Memory, offset: number, length: number, flags: number): void {
    const { words } = this;
    const at = this.at;
    words[at + SQE_FD] = fd | 0; // as V8 knows then, no double
    memory.writeAddress(words, at + SQE_ADDRESS, offset, length);
    words[at + SQE_LENGTH] = length;
    words[at + SQE_OPERATION_FLAGS] = flags;
  }

  /** For operations that keep a second address in the offset field. */
  setSecondAddress(memory: Memory, offset: number, length: number): void {
    memory.writeAddress(this.words, this.at + SQE_OFFSET, offset, length);
  }
}
