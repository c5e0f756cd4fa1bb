// Received bytes as a handler sees them: borrowed until it returns, leased for longer, or copied.
import { illegalConstructor, proactorError } from '../errors';
import { printSummariesOf, type Summary } from '../inspection';
import { BufferRing } from '../ring/buffer-ring';

/**
 * Bytes whose owner is somebody else: `offset` is in the receive buffers, or -1 where `copy` holds
 * them.
 */
export interface HeldBytes {
  readonly offset: number;
  readonly length: number;
  readonly copy: Buffer | null;
}

function returned(): Error {
  return proactorError(
    'ERR_PROACTOR_CHUNK_RETURNED',
    'The bytes were returned: a chunk is valid until its handler returns (lease() or toBuffer() it), a lease until release()',
  );
}

/**
 * Received bytes, borrowed: valid until the handler they were passed to returns; its members throw
 * ERR_PROACTOR_CHUNK_RETURNED afterwards. Writing a chunk to a stream copies nothing. There is one
 * such object a stream, so that receiving allocates nothing: who keeps it sees the bytes of the next
 * handler while that runs.
 */
export class Chunk implements HeldBytes {
  /** Where `offset` is. @internal */
  readonly buffers: BufferRing;
  private lentOffset = -1;
  private lentLength = -1;
  private lentCopy: Buffer | null = null;
  private claimed = false;

  /** @internal */
  constructor(buffers: BufferRing) {
    if (!(buffers instanceof BufferRing)) throw illegalConstructor('stream.onData');
    this.buffers = buffers;
  }

  /** @internal */
  lend(offset: number, length: number, copy: Buffer | null): void {
    this.lentOffset = offset;
    this.lentLength = length;
    this.lentCopy = copy;
    this.claimed = false;
  }

  /** Ends the loan. True if the lender's hold on the bytes is somebody else's now. @internal */
  takeBack(): boolean {
    this.lentLength = -1;
    this.lentCopy = null;
    return this.claimed;
  }

  /**
   * Makes a hold on the bytes the caller's: the lender's, which would end with the loan, or one
   * more. @internal
   */
  hold(): void {
    if (this.claimed) this.buffers.retain(this.lentOffset);
    this.claimed = true;
  }

  /** @internal */
  get offset(): number {
    if (this.lentLength < 0) throw returned();
    return this.lentOffset;
  }

  /** @internal */
  get copy(): Buffer | null {
    return this.lentCopy;
  }

  /** Bytes received. */
  get length(): number {
    if (this.lentLength < 0) throw returned();
    return this.lentLength;
  }

  /** Bytes received. */
  get byteLength(): number {
    return this.length;
  }

  /** A view of the bytes, borrowed like the chunk: the memory is reused afterwards. */
  get bytes(): Buffer {
    const { offset, length } = this;
    return this.lentCopy ?? this.buffers.memory.view(offset, length);
  }

  /** The bytes as text. A character that is torn between two chunks is not put together. */
  toString(encoding: BufferEncoding = 'utf8'): string {
    const { offset, length } = this;
    return (this.lentCopy ?? this.buffers.memory.view(offset, length)).toString(encoding);
  }

  /** The bytes in memory of their own: the caller's. */
  toBuffer(): Buffer {
    return Buffer.from(this.bytes);
  }

  /**
   * Keeps the bytes beyond the handler, until `release()`: without copying them, unless few receive
   * buffers are left.
   */
  lease(): Lease {
    const { offset, length } = this;
    const { buffers } = this;
    // Leases must not starve the receives of others: when buffers are few, the bytes are copied.
    if (this.lentCopy !== null || buffers.scarce)
      return new Lease(buffers, -1, length, this.toBuffer());
    this.hold();
    return new Lease(buffers, offset, length, null);
  }

  /** @internal */
  summary(): Summary {
    if (this.lentLength < 0) return { isReturned: true };
    const { bytes, length } = this;
    return { length, bytes };
  }

  static {
    printSummariesOf(Chunk);
  }
}

/**
 * Received bytes, kept until `release()`; `bytes` throws ERR_PROACTOR_CHUNK_RETURNED afterwards.
 * Writing a lease to a stream copies nothing, and keeps them until they are sent. As long as it is
 * held, the receive buffer it lies in is not reused.
 */
export class Lease implements HeldBytes {
  /** Where `offset` is. @internal */
  readonly buffers: BufferRing;
  readonly #offset: number;
  readonly #length: number;
  #copy: Buffer | null;
  #released = false;

  /** @internal */
  constructor(buffers: BufferRing, offset: number, length: number, copy: Buffer | null) {
    if (!(buffers instanceof BufferRing)) throw illegalConstructor('chunk.lease()');
    this.buffers = buffers;
    this.#offset = offset;
    this.#length = length;
    this.#copy = copy;
  }

  /** @internal */
  get offset(): number {
    if (this.#released) throw returned();
    return this.#offset;
  }

  /** One more hold on the bytes, which is the caller's. @internal */
  hold(): void {
    this.buffers.retain(this.#offset);
  }

  /** @internal */
  get copy(): Buffer | null {
    return this.#copy;
  }

  /** Bytes received. */
  get length(): number {
    return this.#length;
  }

  /** Bytes received. */
  get byteLength(): number {
    return this.#length;
  }

  /** A view of the bytes, valid until `release()`. */
  get bytes(): Buffer {
    const { offset } = this;
    return this.#copy ?? this.buffers.memory.view(offset, this.#length);
  }

  /** The bytes as text. */
  toString(encoding: BufferEncoding = 'utf8'): string {
    return this.bytes.toString(encoding);
  }

  /** Gives the bytes back. Releasing twice is harmless. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#copy === null) this.buffers.release(this.#offset);
    this.#copy = null;
  }

  /** As `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** @internal */
  summary(): Summary {
    const { length } = this;
    return this.#released ? { length, isReleased: true } : { length, bytes: this.bytes };
  }

  static {
    printSummariesOf(Lease);
  }
}
