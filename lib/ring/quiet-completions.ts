// Completions that nobody waits for are held back until there is one that somebody waits for. This tells who drives the
// ring when none may be.
import type { NativeRing } from './binding';
import { IN_FLIGHT, LOUD, UNREFERENCED } from './layout';

export class QuietCompletions {
  /** Quiet operations in flight. */
  inFlight = 0;
  /** While it is above 0, no completion is held back: it is updated then. */
  attention = 0;
  private readonly control: Int32Array;
  private readonly native: NativeRing;
  private readonly threaded: boolean;

  constructor(control: Int32Array, native: NativeRing, threaded: boolean) {
    this.control = control;
    this.native = native;
    this.threaded = threaded;
  }

  // Nothing may be held back either if nothing else is in flight that keeps the process alive:
  // then it would never end.
  update(): void {
    const { control } = this;
    if (control.length === 0) return; // the ring is closed
    const others = control[IN_FLIGHT]! - control[UNREFERENCED]! - this.inFlight;
    const loud = this.attention > 0 || others <= 0 ? 1 : 0;
    if (control[LOUD] === loud) return;
    // Sequentially consistent, as the I/O thread's look at it after each wait.
    Atomics.store(control, LOUD, loud);
    if (loud !== 0 && this.threaded) this.native.wake();
  }
}
