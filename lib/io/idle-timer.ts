// Notices when nothing happened for a time. Activity only stores the batch's clock; one timer looks
// now and then.
import type { Ring } from '../ring/ring';
import { clearTimeout, setTimeout } from '../timers';

export class IdleTimer {
  readonly #ring: Ring;
  readonly #idleMs: number;
  readonly #expired: () => void;
  #last: number;
  #timer: NodeJS.Timeout;

  constructor(ring: Ring, idleMs: number, expired: () => void) {
    this.#ring = ring;
    this.#idleMs = idleMs;
    this.#expired = expired;
    this.#last = ring.nowMs;
    this.#timer = this.#start(idleMs);
  }

  touch(): void {
    this.#last = this.#ring.nowMs;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    const idle = (this.#ring.nowMs - this.#last) | 0;
    if (idle >= this.#idleMs) {
      // Again after as long a silence.
      this.#last = this.#ring.nowMs;
      this.#timer = this.#start(this.#idleMs);
      this.#expired();
    } else {
      this.#timer = this.#start(this.#idleMs - idle);
    }
  }
}
