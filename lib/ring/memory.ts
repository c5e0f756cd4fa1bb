// Memory that the kernel may read or write: native mappings whose addresses are known here and
// nowhere else. Every address that goes into a submission is made in this file, and checked against
// its mapping first.
import { markAsUntransferable } from 'node:worker_threads';
import { illegalConstructor, outOfRange, proactorError, systemError } from '../errors';
import { addHidden, printSummariesOf, refuseClones, type Summary } from '../inspection';
import { checkInteger, checkView } from '../validate';
import type { NativeRing } from './binding';
import { EFAULT, MAX_RW_COUNT } from './kernel';
import type { SubmissionEntry } from './submission-queue';

/** A view of bytes of the caller's, or native memory itself. */
export type BufferSource = ArrayBufferView | Memory;

/**
 * What a slot holds for an operation in flight. `settle` is called once, at the terminal
 * completion: it gives the memory back and may turn the result into an error.
 */
export interface Owned {
  settle(result: number): number;
}

// Node marks native memory by itself from version 22 on, and 24 ends the process at the end of a
// worker if that was done twice.
const MARK_NEEDED = Number.parseInt(process.versions.node, 10) < 22;

// Native memory by the ArrayBuffer over it, so that views of it are recognized.
const byBuffer = new WeakMap<ArrayBufferLike, Memory>();

/** What settling throws (a target became unusable) is that operation's failure, not the ring's. */
export function settleSafely(owned: Owned, result: number): number {
  try {
    return owned.settle(result);
  } catch {
    return -EFAULT;
  }
}

/**
 * A mapping outside JavaScript's heap, made by `proactor.allocate()`: operations on it copy nothing.
 * It is unmapped when neither this object, nor an operation in flight, nor an ArrayBuffer over it is
 * left.
 */
export class Memory implements Owned {
  /**
   * The whole mapping: the caller's to read and write, but for what an operation in flight uses. It
   * cannot be transferred to another thread.
   */
  declare readonly bytes: Buffer;
  /** Bytes of the whole mapping. */
  readonly byteLength: number;
  /** Views of it are borrowed: what is in them now will soon be something else. @internal */
  declare isLent: boolean;
  declare private readonly addressLow: number;
  declare private readonly addressHigh: number;
  readonly #handle: object;
  readonly #keptBy: NativeRing | null;

  /**
   * `kept`: the ring's own, which lives as long as anything is in flight on it.
   *
   * @internal Use `Proactor.allocate`.
   */
  constructor(native: NativeRing, byteLength: number, kept = false) {
    if (native?.registerBufferRing === undefined) throw illegalConstructor('proactor.allocate()');
    const memory = native.allocate(byteLength);
    if (typeof memory === 'number') throw systemError(memory, 'mmap');
    // Sent away by postMessage or structuredClone, it would be lost to all others that use it.
    if (MARK_NEEDED) markAsUntransferable(memory.buffer);
    this.byteLength = byteLength;
    addHidden(this, {
      bytes: Buffer.from(memory.buffer),
      addressLow: memory.addressLow | 0,
      addressHigh: memory.addressHigh | 0,
      isLent: false,
    });
    refuseClones(this);
    this.#handle = memory.handle;
    this.#keptBy = kept ? native : null;
    byBuffer.set(memory.buffer, this);
  }

  /** A view of `length` bytes at `offset`. @internal */
  view(offset: number, length: number): Buffer {
    if (this.bytes.length === 0) throw detachedError();
    return this.bytes.subarray(offset, offset + length);
  }

  /** Operations on this ring need not keep it alive. @internal */
  isKeptBy(native: NativeRing): boolean {
    return this.#keptBy === native;
  }

  /** The handle by which native code knows the mapping. @internal */
  get handle(): object {
    return this.#handle;
  }

  /** Whether `length` bytes at `offset` are all within the mapping. @internal */
  includes(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.byteLength;
  }

  /** Writes the address of `length` bytes at `offset` into two words. @internal */
  writeAddress(words: Int32Array, at: number, offset: number, length: number): void {
    if (!this.includes(offset, length)) throw this.rangeError(offset, length);
    // In 32-bit integers: with doubles it takes three times the instructions.
    const low = (this.addressLow + offset) | 0;
    words[at] = low;
    words[at + 1] = this.addressHigh + (low >>> 0 < this.addressLow >>> 0 ? 1 : 0);
  }

  private rangeError(offset: number, length: number): Error {
    const [name, value, most] =
      offset >= 0 && offset <= this.byteLength
        ? (['length', length, this.byteLength - offset] as const)
        : (['offset', offset, this.byteLength] as const);
    return outOfRange(name, `>= 0 && <= ${most}`, value);
  }

  /** @internal */
  settle(result: number): number {
    return result;
  }

  /** @internal */
  summary(): Summary {
    const { byteLength, bytes, isLent } = this;
    if (bytes.length === 0) return { byteLength, isDetached: true };
    return { byteLength, bytes: isLent ? undefined : bytes };
  }

  static {
    printSummariesOf(Memory);
  }
}

// Sizes of pooled blocks; larger ones are mapped for the operation alone.
const BLOCK_BYTES = [256, 4096, 65536, 262144] as const;
const POOL_MEMORY_BYTES = 1 << 20;

/** Native memory lent to one operation or one write, from a pool. Its holder is its only owner. */
export class Block implements Owned {
  readonly memory: Memory;
  readonly offset: number;
  readonly byteLength: number;
  readonly bytes: Buffer;
  readonly #pool: BlockPool;
  /** Where the kernel's bytes go at the end; null for an operation that only reads. */
  target: Uint8Array | null = null;
  /** Bytes of `target` when the operation was initiated. */
  targetLength = 0;
  /** Called at the end, before the block goes back, for what is more than bytes. */
  onSettle: ((block: Block, result: number) => number) | null = null;

  constructor(pool: BlockPool, memory: Memory, offset: number, byteLength: number) {
    this.#pool = pool;
    this.memory = memory;
    this.offset = offset;
    this.byteLength = byteLength;
    this.bytes = memory.bytes.subarray(offset, offset + byteLength);
  }

  /** Gives the block back. The kernel must be done with it. */
  release(): void {
    this.target = null;
    this.onSettle = null;
    this.#pool.put(this);
  }

  settle(result: number): number {
    try {
      const settled = this.onSettle === null ? result : this.onSettle(this, result);
      return this.target !== null && settled > 0 ? this.#fill(this.target, settled) : settled;
    } finally {
      this.release();
    }
  }

  // Copies what the kernel wrote to where the caller wants it. A target that was detached or shrunk
  // meanwhile has no room any more; as if its address were bad, the operation fails. A result may be
  // larger than what was written: the length of a datagram that did not fit (MSG_TRUNC).
  #fill(target: Uint8Array, result: number): number {
    const length = Math.min(result, this.targetLength);
    if (target.byteLength < length) return -EFAULT;
    target.set(this.bytes.subarray(0, length));
    return result;
  }
}

/** Blocks by size, on free lists. What is not in flight is reused before more is mapped. */
export class BlockPool {
  readonly #native: NativeRing;
  readonly #free: Block[][] = BLOCK_BYTES.map(() => []);
  #lent = 0;

  constructor(native: NativeRing) {
    this.#native = native;
  }

  /** Blocks that are lent. */
  get lent(): number {
    return this.#lent;
  }

  take(byteLength: number): Block {
    const sizeClass = BLOCK_BYTES.findIndex((size) => byteLength <= size);
    const block = sizeClass < 0 ? this.#single(byteLength) : this.#pooled(sizeClass);
    this.#lent++;
    return block;
  }

  #single(byteLength: number): Block {
    return new Block(this, new Memory(this.#native, byteLength), 0, byteLength);
  }

  #pooled(sizeClass: number): Block {
    const free = this.#free[sizeClass]!;
    return free.pop() ?? this.#grow(free, BLOCK_BYTES[sizeClass]!);
  }

  put(block: Block): void {
    this.#lent--;
    const sizeClass = BLOCK_BYTES.indexOf(block.byteLength as (typeof BLOCK_BYTES)[number]);
    // A block of its own size has a mapping of its own, which goes when the block is collected.
    if (sizeClass >= 0) this.#free[sizeClass]!.push(block);
  }

  #grow(free: Block[], size: number): Block {
    const memory = new Memory(this.#native, POOL_MEMORY_BYTES, true);
    for (let offset = POOL_MEMORY_BYTES - size; offset > 0; offset -= size) {
      free.push(new Block(this, memory, offset, size));
    }
    return new Block(this, memory, 0, size);
  }
}

/** Resolves what callers hand in as buffers, and writes its address into a submission. */
export class MemoryAccess {
  readonly pool: BlockPool;
  readonly #native: NativeRing;

  constructor(native: NativeRing) {
    this.#native = native;
    this.pool = new BlockPool(native);
  }

  allocate(byteLength: number): Memory {
    checkInteger(byteLength, 'byteLength', 1, 0x7fffffff);
    return new Memory(this.#native, byteLength);
  }

  /** The bytes are to be read by the kernel: native memory as it is, everything else copied now. */
  source(
    entry: SubmissionEntry,
    data: BufferSource,
    offset: number | undefined,
    length: number | undefined,
  ): void {
    this.#place(entry, data, offset, length, false);
  }

  /**
   * The bytes are to be written by the kernel: native memory directly, everything else by a copy at
   * the end.
   */
  target(
    entry: SubmissionEntry,
    data: BufferSource,
    offset: number | undefined,
    length: number | undefined,
  ): void {
    this.#place(entry, data, offset, length, true);
  }

  #place(
    entry: SubmissionEntry,
    data: BufferSource,
    offset: number | undefined,
    length: number | undefined,
    written: boolean,
  ): void {
    if (data instanceof Memory && isIndex(offset) && isIndex(length)) {
      this.#placeNative(entry, data, offset, length);
      return;
    }
    if (!(data instanceof Memory)) checkView(data, 'buffer');
    const size = data.byteLength;
    const start = offset === undefined ? 0 : checkInteger(offset, 'offset', 0, size);
    const asked =
      length === undefined ? size - start : checkInteger(length, 'length', 0, size - start);
    const count = Math.min(asked, MAX_RW_COUNT); // more, and the length would not fit into the entry
    entry.length = count;
    if (data instanceof Memory) {
      this.#placeNative(entry, data, start, count);
      return;
    }
    const view = new Uint8Array(data.buffer, data.byteOffset + start, count);
    const memory = this.find(view);
    if (memory !== undefined) {
      this.#placeNative(entry, memory, view.byteOffset, count);
      return;
    }
    const block = this.pool.take(count);
    if (written) {
      block.target = view;
      block.targetLength = count;
    } else block.bytes.set(view);
    entry.setAddress(block.memory, block.offset, count);
    entry.own(block);
  }

  #placeNative(entry: SubmissionEntry, memory: Memory, offset: number, length: number): void {
    entry.length = length;
    entry.setAddress(memory, offset, length);
    if (!memory.isKeptBy(this.#native)) entry.own(memory);
  }

  /** The native memory that a view lies in, if any. */
  find(view: ArrayBufferView): Memory | undefined {
    return byBuffer.get(view.buffer);
  }
}

// Whether it is within the bounds is seen when the address is made.
function isIndex(value: number | undefined): value is number {
  return value !== undefined && (value | 0) === value;
}

/** For memory that was taken away, with ArrayBuffer.prototype.transfer. */
function detachedError(): Error {
  return proactorError(
    'ERR_PROACTOR_MEMORY_DETACHED',
    'An ArrayBuffer of the proactor was transferred or detached; views of received data may be copied, not transferred',
  );
}
