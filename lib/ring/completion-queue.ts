// The completion queue as JavaScript reads it. In loop dispatch this is the kernel's own, in thread dispatch the
// ring from the I/O thread.
import type { RingMemory } from './binding';
import { COMPLETION_HEAD, COMPLETION_TAIL, CQE_WORDS_SHIFT } from './layout';

export class CompletionQueue {
  readonly words: Int32Array;
  /** The word of the entry that has number 0. */
  readonly first: number;
  /** Of an entry's number, what tells its place. */
  readonly mask: number;
  private readonly indices: Int32Array;
  private readonly headIndex: number;
  private readonly tailIndex: number;

  constructor(words: Int32Array, started: RingMemory, control: Int32Array) {
    const { completionHeadOffset, completionTailOffset, completionsOffset = 0 } = started;
    const isKernels = completionHeadOffset !== undefined && completionTailOffset !== undefined;
    this.words = words;
    this.first = completionsOffset >> 2;
    this.mask = started.completionEntries - 1;
    this.indices = isKernels ? words : control;
    this.headIndex = isKernels ? completionHeadOffset >> 2 : COMPLETION_HEAD;
    this.tailIndex = isKernels ? completionTailOffset >> 2 : COMPLETION_TAIL;
  }

  /** The number of the entry that comes next. */
  get tail(): number {
    return Atomics.load(this.indices, this.tailIndex);
  }

  /** The word at which an entry stands. */
  at(number: number): number {
    return this.first + ((number & this.mask) << CQE_WORDS_SHIFT);
  }

  /** The entries before `head` were read and may be overwritten. Release order. */
  release(head: number): void {
    Atomics.store(this.indices, this.headIndex, head);
  }
}
