// Which descriptors belong to streams and acceptors: a bit each, in memory that native code looks
// at when the ring ends without JavaScript (a terminated worker), so that none is left open.

import { DESCRIPTOR_LIMIT } from './layout';

export class DescriptorSet {
  /** For native code, which enters what it opens. */
  readonly bits: Uint8Array;

  constructor(memory: ArrayBuffer) {
    this.bits = new Uint8Array(memory);
  }

  /**
   * The descriptor is to be closed with the ring, unless it is deleted before. Beyond the limit
   * nothing is kept.
   */
  add(fd: number): void {
    if (fd >= DESCRIPTOR_LIMIT) return;
    this.bits[fd >> 3]! |= 1 << (fd & 7);
  }

  /** Its owner closes it. */
  delete(fd: number): void {
    if (fd >= DESCRIPTOR_LIMIT) return;
    this.bits[fd >> 3]! &= ~(1 << (fd & 7));
  }
}
