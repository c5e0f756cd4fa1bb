// Who is told when what was written is sent, in the order of the bytes.
import { queueMicrotask } from '../timers';

/** Called once: without an argument when the bytes are with the kernel, else with the reason why not. */
export type WriteCallback = (error?: Error) => void;

interface Waiting {
  /** It is called when so many bytes were sent. */
  readonly at: number;
  readonly call: WriteCallback;
}

export class WriteCallbacks {
  private readonly waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  add(at: number, call: WriteCallback): void {
    this.waiting.push({ at, call });
  }

  /** As `add`, before those that wait for more bytes. */
  addFirst(at: number, call: WriteCallback): void {
    this.waiting.unshift({ at, call });
  }

  /**
   * Calls those who wait for no more than `end` bytes. One that throws does not keep the others back: they
   * are called in a turn of their own.
   */
  run(end: number, error: Error | undefined): void {
    const { waiting } = this;
    const isDue = (): boolean => waiting.length > 0 && waiting[0]!.at <= end;
    try {
      while (isDue()) waiting.shift()!.call(error);
    } finally {
      if (isDue()) queueMicrotask(() => this.run(end, error));
    }
  }
}
