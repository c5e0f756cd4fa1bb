// Received bytes that nobody took yet: those that came while a stream was paused, or before its
// reader asked.
import type { BufferRing } from '../ring/buffer-ring';
import type { HeldBytes } from './chunk';

export class InboundQueue {
  readonly #buffers: BufferRing;
  readonly #held: HeldBytes[] = [];
  #bytes = 0;

  constructor(buffers: BufferRing) {
    this.#buffers = buffers;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /**
   * Takes over the caller's hold on received bytes. Where buffers are few they are copied, so that
   * others go on.
   */
  push(offset: number, length: number): void {
    this.#bytes += length;
    if (this.#buffers.scarce) {
      const copy = Buffer.from(this.#buffers.memory.view(offset, length));
      this.#buffers.release(offset);
      this.#held.push({ offset: -1, length, copy });
    } else {
      this.#held.push({ offset, length, copy: null });
    }
  }

  /** The oldest bytes; the caller gives them back with `release`. */
  shift(): HeldBytes | undefined {
    const held = this.#held.shift();
    if (held !== undefined) this.#bytes -= held.length;
    return held;
  }

  /** Everything as one buffer of the caller's own, or at most `limit` bytes of it. */
  take(limit: number): Buffer {
    const result = Buffer.allocUnsafe(Math.min(limit, this.#bytes));
    let at = 0;
    while (at < result.length) {
      const held = this.#held[0]!;
      const length = Math.min(held.length, result.length - at);
      this.#view(held).copy(result, at, 0, length);
      at += length;
      this.#bytes -= length;
      if (length === held.length) {
        this.#held.shift();
        this.release(held);
      } else {
        this.#held[0] = this.#rest(held, length);
      }
    }
    return result;
  }

  release(held: HeldBytes): void {
    if (held.copy === null) this.#buffers.release(held.offset);
  }

  clear(): void {
    for (const held of this.#held) this.release(held);
    this.#held.length = 0;
    this.#bytes = 0;
  }

  #view({ offset, length, copy }: HeldBytes): Buffer {
    return copy ?? this.#buffers.memory.view(offset, length);
  }

  // The hold stays with what is left; it lies in the same buffer.
  #rest({ offset, length, copy }: HeldBytes, taken: number): HeldBytes {
    if (copy !== null) return { offset: -1, length: length - taken, copy: copy.subarray(taken) };
    return { offset: offset + taken, length: length - taken, copy: null };
  }
}
