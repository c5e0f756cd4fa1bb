// Notices when nothing happened for a time. Activity only stores the batch's clock; one timer looks now and then.
import type { Ring } from '../ring/ring';

const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n) | 0;

export class IdleTimer {
  readonly #ring: Ring;
  readonly #word: number;
  readonly #idleMs: number;
  readonly #expired: () => void;
  #last = nowMs();
  #timer: NodeJS.Timeout;

  /** `word`: where the ring's control block has the monotonic clock of the batch, in milliseconds modulo 2^32. */
  constructor(ring: Ring, word: number, idleMs: number, expired: () => void) {
    this.#ring = ring;
    this.#word = word;
    this.#idleMs = idleMs;
    this.#expired = expired;
    this.#timer = this.#start(idleMs);
  }

  touch(): void {
    this.#last = this.#ring.control[this.#word]!;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    const idle = (nowMs() - this.#last) | 0;
    if (idle >= this.#idleMs) {
      // Again after as long a silence.
      this.#last = nowMs();
      this.#timer = this.#start(this.#idleMs);
      this.#expired();
    } else {
      this.#timer = this.#start(this.#idleMs - idle);
    }
  }
}
