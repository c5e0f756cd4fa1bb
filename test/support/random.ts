// Pseudo-random numbers with a seed, so that a failure can be repeated: PROACTOR_TEST_SEED.
import { createHash, type Hash } from 'node:crypto';

export const seed = Number(process.env['PROACTOR_TEST_SEED'] ?? Date.now() % 1_000_000_007);

/** A generator (mulberry32) whose every draw follows from its seed. */
export class Random {
  #state: number;

  constructor(state: number) {
    this.#state = state | 0;
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** As integer(), with small ones as likely as large ones: each power of two has its share. */
  size(least: number, most: number): number {
    const low = Math.log2(least);
    return Math.floor(2 ** (low + this.next() * (Math.log2(most + 1) - low)));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.integer(0, from.length - 1)]!;
  }
}

/** A stream of bytes that both ends can make: the next ones of a sequence that never repeats itself. */
export class ByteSource {
  readonly #random: Random;
  readonly #hash: Hash = createHash('sha1');
  length = 0;

  constructor(state: number) {
    this.#random = new Random(state);
  }

  take(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    let at = 0;
    for (; at + 4 <= count; at += 4) bytes.writeUInt32LE((this.#random.next() * 2 ** 32) >>> 0, at);
    for (; at < count; at++) bytes[at] = this.#random.integer(0, 255);
    this.#hash.update(bytes);
    this.length += count;
    return bytes;
  }

  digest(): string {
    return `${this.length} bytes, sha1 ${this.#hash.digest('hex')}`;
  }
}

/** The counterpart of a ByteSource: says what came. */
export class ByteSink {
  readonly #hash: Hash = createHash('sha1');
  length = 0;

  put(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.length += bytes.length;
  }

  digest(): string {
    return `${this.length} bytes, sha1 ${this.#hash.digest('hex')}`;
  }
}
