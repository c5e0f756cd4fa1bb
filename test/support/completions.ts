// Waiting for what handlers are called with.
import { type CompletionHandler, constants } from 'proactor';

export interface Completion {
  readonly result: number;
  readonly flags: number;
}

/** A completion handler that keeps what it was called with, and lets a test wait for it. */
export class Recorder {
  readonly completions: Completion[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly handler: CompletionHandler = (result, flags) => {
    this.completions.push({ result, flags });
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.completions.length < count) return true;
      resolve();
      return false;
    });
  };

  get results(): number[] {
    return this.completions.map(({ result }) => result);
  }

  /** Fulfilled once there were `count` completions. */
  async reach(count: number): Promise<readonly Completion[]> {
    if (this.completions.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.completions;
  }

  /** The terminal completion, once there is one. */
  async last(): Promise<Completion> {
    for (;;) {
      const last = this.completions.at(-1);
      if (last !== undefined && (last.flags & constants.IORING_CQE_F_MORE) === 0) return last;
      await this.reach(this.completions.length + 1);
    }
  }
}

/** The one completion of an operation that `initiate` starts with the handler it is given. */
export function completionOf(initiate: (handler: CompletionHandler) => void): Promise<Completion> {
  return new Promise((resolve) => {
    initiate((result, flags) => resolve({ result, flags }));
  });
}

export const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` holds; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(2);
}
