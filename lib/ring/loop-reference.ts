// Operations in flight keep the event loop alive, but for those that are unreferenced.
import type { NativeRing } from './binding';
import { IN_FLIGHT, LOOP_REFERENCED, UNREFERENCED } from './layout';

export class LoopReference {
  private readonly control: Int32Array;
  private readonly native: NativeRing;

  constructor(control: Int32Array, native: NativeRing) {
    this.control = control;
    this.native = native;
  }

  /** The loop is not kept alive by us. */
  get isNone(): boolean {
    return this.control[LOOP_REFERENCED] === 0;
  }

  /** As the operations in flight want it. */
  update(): void {
    const { control } = this;
    if (control.length === 0) return; // the ring is closed
    const wanted = control[IN_FLIGHT]! - control[UNREFERENCED]! > 0;
    if (wanted !== this.isNone) return;
    if (wanted) this.native.reference();
    else this.native.unreference();
  }
}
