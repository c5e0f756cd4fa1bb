// Provided buffers: receives take them from a ring that the kernel and this file share, so that no
// memory waits idle for a connection that has nothing to say.
//
//   holds[buffer] = chunks of it that somebody holds, and FILLING while the kernel may write into it
//
//   filling --take(F_BUF_MORE)----> filling, holds + 1    (incremental: the rest is for later receives)
//           --take(no F_BUF_MORE)-> ours, holds + 1
//   ours    --release to 0--------> filling again, or spare
//   spare   --the kernel has few--> filling
//
// The kernel fills them in turn. So it is shown few, which stay in the processor's cache, and as many more as receives
// turn out to need; the one that was given back last is the next that it gets.
import { proactorError } from '../errors';
import { addHidden, printSummariesOf, refuseClones, type Summary } from '../inspection';
import { tellEach } from '../tell-each';
import { queueMicrotask } from '../timers';
import type { NativeRing } from './binding';
import { IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUF_MORE, IOU_PBUF_RING_INC } from './kernel';
import { Memory } from './memory';

const ENTRY_BYTES = 16;
const FILLING = 1 << 30;
/** Bytes of buffers that the kernel is shown until a receive finds none. */
const SHOWN_BYTES = 1 << 20;
const TAIL_INDEX = 7; // the uint16 at byte 14 of the first entry

export interface BufferRingOptions {
  /** How many buffers: a power of two. */
  readonly count: number;
  /** Bytes of each: a power of two. */
  readonly size: number;
  readonly incremental: boolean;
}

/**
 * The receive buffers of a proactor, which all its multishot receives share. Whoever takes bytes
 * from a completion holds them until `release`.
 */
export class BufferRing {
  /** Where the received bytes are. Operations on it copy nothing. */
  declare readonly memory: Memory;
  /** How many buffers. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
  /** The number by which submissions name the ring. @internal */
  declare readonly group: number;
  /** They are used piece by piece. */
  readonly incremental: boolean;
  readonly #entries: Memory;
  declare private readonly words: Int32Array;
  declare private readonly halves: Uint16Array;
  declare private readonly shift: number;
  declare private readonly scarceFrom: number;
  declare private readonly holds: Int32Array;
  declare private readonly used: Int32Array; // bytes of the buffer that earlier completions took
  declare private readonly spare: Int32Array; // buffers that the kernel was not shown: a stack
  private spares = 0;
  private tail = 0;
  private published = 0;
  private shown = 0; // buffers that the kernel has, or gets at the batch's end
  private mostShown: number;
  private isWidened = false; // in this batch
  /** While a batch is dispatched, buffers given back are published once, at its end. @internal */
  inBatch = false;
  #waiting: (() => void)[] = [];
  /** Told when the first begins to wait and when none waits any more. @internal */
  declare onWaiting: ((change: 1 | -1) => void) | null;

  /** @internal */
  constructor(native: NativeRing, group: number, options: BufferRingOptions) {
    const { count, size, incremental } = options;
    this.count = count;
    this.incremental = incremental;
    this.size = size;
    this.#entries = new Memory(native, Math.max(4096, count * ENTRY_BYTES));
    const { buffer, byteOffset, byteLength } = this.#entries.bytes;
    addHidden(this, {
      memory: new Memory(native, count * size, true),
      words: new Int32Array(buffer, byteOffset, byteLength / 4),
      halves: new Uint16Array(buffer, byteOffset, byteLength / 2),
      holds: new Int32Array(count),
      used: new Int32Array(count),
      spare: Int32Array.from({ length: count }, (_, place) => count - 1 - place),
      shift: Math.log2(size),
      scarceFrom: Math.max(1, count >> 2),
      group,
      onWaiting: null,
    });
    this.memory.isLent = true;
    this.spares = count;
    this.mostShown = Math.min(count, Math.max(2, SHOWN_BYTES / size));
    this.publish();
    const flags = incremental ? IOU_PBUF_RING_INC : 0;
    const registration = native.registerBufferRing(this.#entries.handle, count, group, flags);
    addHidden(this, { registration });
    refuseClones(this);
  }

  /** What the kernel said to the registration: 0 or -errno. @internal */
  declare readonly registration: number;

  /**
   * Few buffers are left: hold on to none that can be copied. One at least is left to the kernel
   * whatever others hold, so that no stream waits for another's reader: only the buffer that is
   * being filled is both provided and held, so there have to be two.
   */
  get scarce(): boolean {
    return this.provided <= this.scarceFrom;
  }

  /** Buffers that the kernel can still fill, wholly or partly. */
  get provided(): number {
    return this.shown + this.spares;
  }

  /**
   * Takes the bytes of a completion (its `result` > 0 and `flags`) and returns their offset in
   * `memory`. They are the caller's until `release`. To be called for every such completion, and in
   * their order.
   */
  readonly take = (result: number, flags: number): number => {
    const { holds, used } = this;
    const buffer = flags >>> IORING_CQE_BUFFER_SHIFT;
    const start = used[buffer]!;
    if ((flags & IORING_CQE_F_BUF_MORE) !== 0) {
      holds[buffer]!++;
      used[buffer] = start + result;
    } else {
      holds[buffer] = (holds[buffer]! + 1) & ~FILLING;
      used[buffer] = 0;
      this.shown--;
    }
    return (buffer << this.shift) + start;
  };

  /** One more holder of the bytes at `offset`, who has to `release` them as well. */
  readonly retain = (offset: number): void => {
    this.holds[offset >>> this.shift]!++;
  };

  /**
   * One holder less; the last one gives the buffer back to the kernel.
   *
   * @throws ERR_PROACTOR_CHUNK_RETURNED for bytes that nobody holds.
   */
  readonly release = (offset: number): void => {
    const buffer = offset >>> this.shift;
    const holds = this.holds[buffer]!;
    // Without this check the kernel would be given the buffer twice, and fill it twice at once.
    if (!((holds & ~FILLING) > 0)) {
      throw proactorError(
        'ERR_PROACTOR_CHUNK_RETURNED',
        `the bytes at ${offset} were released twice`,
      );
    }
    this.holds[buffer] = holds - 1;
    if (holds !== 1) return;
    if (this.shown < this.mostShown) this.show(buffer);
    else this.spare[this.spares++] = buffer;
    if (!this.inBatch) this.publish();
  };

  private show(buffer: number): void {
    const index = this.tail & (this.count - 1);
    this.memory.writeAddress(this.words, index * 4, buffer << this.shift, this.size);
    this.words[index * 4 + 2] = this.size;
    this.halves[index * 8 + 6] = buffer;
    this.holds[buffer] = FILLING;
    this.tail++;
    this.shown++;
  }

  /** Shows the kernel as many as it is to have, and lets those go on who found no buffer. @internal */
  publish(): void {
    this.isWidened = false;
    while (this.shown < this.mostShown && this.spares > 0) this.show(this.spare[--this.spares]!);
    if (this.published === this.tail) return;
    this.published = this.tail;
    // Release order: the kernel reads an entry only after it saw the tail pass it.
    Atomics.store(this.halves, TAIL_INDEX, this.tail & 0xffff);
    if (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.onWaiting?.(-1);
      tellEach(waiting, (resume) => resume());
    }
  }

  /**
   * A receive found no buffer. True where the kernel was not shown all that are free: it is shown more from now on, and
   * the receive may be initiated again. @internal
   */
  widen(): boolean {
    if (this.provided === 0) return false;
    if (this.isWidened) return true;
    if (this.mostShown === this.count) return false;
    this.mostShown = Math.min(this.count, 2 * this.mostShown);
    this.isWidened = this.inBatch;
    if (!this.inBatch) this.publish();
    return true;
  }

  /** Calls `resume` once when there are buffers: for a receive that ended with ENOBUFS. */
  whenAvailable(resume: () => void): void {
    // Given back meanwhile, the receive may have missed them by a hair.
    if (this.widen() || this.provided > 0) queueMicrotask(resume);
    else if (this.#waiting.push(resume) === 1) this.onWaiting?.(1);
  }

  /** @internal */
  summary(): Summary {
    const { count, size, provided, scarce } = this;
    return { count, size, provided, scarce };
  }

  static {
    printSummariesOf(BufferRing);
  }
}
