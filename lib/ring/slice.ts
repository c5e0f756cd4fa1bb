// How long completions are dispatched in one go. When that time is up the rest waits until the event loop has turned:
// timers, signals and whatever else Node watches have their turn, however much comes.
//
// The clock is looked at now and then: seldom where handlers are quick, often where they are slow.
import { nowMs } from '../timers';

const SLICE_MS = 5;
// Completions between two looks at the clock, and how long they should take.
const INTERVAL_MIN = 4;
const INTERVAL_MAX = 64;
const QUICK_MS = 0.25;
const SLOW_MS = 1;

export class Slice {
  private interval = INTERVAL_MIN;
  private endsMs = 0;
  private lookedMs = 0;

  /** Begins with completion `head`. Returns the one before which `next` is to be called. */
  begin(head: number): number {
    this.lookedMs = nowMs();
    this.endsMs = this.lookedMs + SLICE_MS;
    return (head + this.interval) | 0;
  }

  /** As `begin`, later on: `head` itself where the time is up. */
  next(head: number): number {
    const now = nowMs();
    if (now >= this.endsMs) return head;
    const tookMs = now - this.lookedMs;
    this.lookedMs = now;
    if (tookMs < QUICK_MS) this.interval = Math.min(this.interval * 2, INTERVAL_MAX);
    else if (tookMs > SLOW_MS) this.interval = Math.max(this.interval >> 2, INTERVAL_MIN);
    return (head + this.interval) | 0;
  }
}
