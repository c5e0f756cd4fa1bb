// Notices when nothing happened for a time. Activity only stores the batch's clock; one timer looks
// now and then.
import { NOW_MS } from '../ring/layout';
import type { Ring } from '../ring/ring';

const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n) | 0;

export class IdleTimer {
  readonly #ring: Ring;
  readonly #idleMs: number;
  readonly #expired: () => void;
  #last = nowMs();
  #timer: NodeJS.Timeout;

  constructor(ring: Ring, idleMs: number, expired: () => void) {
    this.#ring = ring;
    this.#idleMs = idleMs;
    this.#expired = expired;
    this.#timer = this.#start(idleMs);
  }

  touch(): void {
    this.#last = this.#ring.control[NOW_MS]!;
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
