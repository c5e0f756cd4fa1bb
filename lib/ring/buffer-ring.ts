// Provided buffers: receives take them from a ring that the kernel and this file share, so that no
// memory waits idle for a connection that has nothing to say.
//
//   holds[buffer] = chunks of it that somebody holds, and FILLING while the kernel may write into it
//
//   filling --take(F_BUF_MORE)----> filling, holds + 1    (incremental: the rest is for later receives)
//           --take(no F_BUF_MORE)-> ours, holds + 1
//   ours    --release to 0--------> filling again
import { proactorError } from '../errors';
import { addHidden, printSummariesOf, refuseClones, type Summary } from '../inspection';
import { tellEach } from '../tell-each';
import { queueMicrotask } from '../timers';
import type { NativeRing } from './binding';
import { IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUF_MORE, IOU_PBUF_RING_INC } from './kernel';
import { Memory } from './memory';

const ENTRY_BYTES = 16;
const FILLING = 1 << 30;
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
  private tail = 0;
  private published = 0;
  #provided = 0;
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
      shift: Math.log2(size),
      scarceFrom: Math.max(1, count >> 2),
      group,
      onWaiting: null,
    });
    this.memory.isLent = true;
    for (let buffer = 0; buffer < count; buffer++) this.provide(buffer);
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
    return this.#provided <= this.scarceFrom;
  }

  /** Buffers that are wholly the kernel's to write into, or partly. */
  get provided(): number {
    return this.#provided;
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
      this.#provided--;
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
    this.provide(buffer);
    if (!this.inBatch) this.publish();
  };

  private provide(buffer: number): void {
    const index = this.tail & (this.count - 1);
    this.memory.writeAddress(this.words, index * 4, buffer << this.shift, this.size);
    this.words[index * 4 + 2] = this.size;
    this.halves[index * 8 + 6] = buffer;
    this.holds[buffer] = FILLING;
    this.tail++;
    this.#provided++;
  }

  /** Shows the kernel what was given back, and lets those go on who found no buffer. @internal */
  publish(): void {
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

  /** Calls `resume` once when buffers were given back: for a receive that ended with ENOBUFS. */
  whenAvailable(resume: () => void): void {
    // Given back meanwhile: the receive missed them by a hair.
    if (this.#provided > 0) queueMicrotask(resume);
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
