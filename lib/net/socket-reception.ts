// The receiving half of a socket's handle: what comes goes to the handle, at once or when the socket is
// resumed.
import { InboundQueue } from '../io/inbound-queue';
import { PAUSED, Reception } from '../io/reception';
import type { Ring } from '../ring/ring';
import type { StreamHandle } from './stream-handle';

/** Bytes that wait for a socket that was paused, from which on no more are received. */
const INBOUND_MAX = 65536;
// What a socket gets at a time. Larger buffers are mapped by the C library one by one, and cost page faults.
const PIECE_MAX = 65536;

export class SocketReception extends Reception {
  private readonly handle: StreamHandle;
  private inbound: InboundQueue | null = null; // what came after a pause
  private endTold = false;

  constructor(ring: Ring, fd: number, handle: StreamHandle) {
    super(ring, fd);
    this.handle = handle;
    this.state |= PAUSED; // until resume()
  }

  protected override get wantsMore(): boolean {
    return this.inbound === null || this.inbound.bytes < INBOUND_MAX;
  }

  protected override get takesAll(): boolean {
    return true;
  }

  protected override get subject(): object {
    return this.handle;
  }

  resume(): void {
    if (!this.paused) return;
    this.state &= ~PAUSED;
    if (this.inbound !== null || this.ended) queueMicrotask(() => this.drain());
    else this.arm();
  }

  protected override received(length: number, flags: number): void {
    const { buffers } = this.ring;
    const offset = buffers.take(length, flags);
    if (this.stopped) buffers.release(offset);
    else if (this.paused || this.inbound !== null) this.keep(offset, length);
    else if (length > PIECE_MAX) this.handInPieces(offset, length);
    else this.hand(offset, length);
  }

  private handInPieces(offset: number, length: number): void {
    this.keep(offset, length);
    queueMicrotask(() => this.drain());
  }

  // Native readers copy what they get; a stream keeps it.
  private hand(offset: number, length: number): void {
    const { handle } = this;
    const { buffers } = this.ring;
    this.bytes += length;
    if (!handle.isReadNatively) {
      const bytes = handle.context.copyOf(offset, length);
      buffers.release(offset);
      handle.deliver(bytes);
      return;
    }
    try {
      handle.deliver(buffers.memory.view(offset, length));
    } finally {
      buffers.release(offset);
    }
  }

  private keep(offset: number, length: number): void {
    const { buffers } = this.ring;
    this.inbound ??= new InboundQueue(buffers);
    // A hold for each piece: they go back one by one.
    for (let at = 0; at < length; at += PIECE_MAX) {
      if (at > 0) buffers.retain(offset);
      this.inbound.push(offset + at, Math.min(PIECE_MAX, length - at));
    }
    if (this.paused && this.inbound.bytes >= INBOUND_MAX) this.cancel();
  }

  // One piece a turn, so that what a handler throws does not keep the rest back.
  private drain(): void {
    const { inbound } = this;
    if (this.paused || this.stopped) return;
    if (inbound === null || inbound.isEmpty) {
      this.inbound = null;
      if (this.ended) this.sawEnd();
      else this.arm();
      return;
    }
    const { offset, length, copy } = inbound.shift()!;
    try {
      if (copy === null) this.hand(offset, length);
      else {
        this.bytes += length;
        this.handle.deliver(copy);
      }
    } finally {
      queueMicrotask(() => this.drain());
    }
  }

  protected override sawEnd(): void {
    if (this.paused || this.inbound !== null || this.endTold || this.stopped) return;
    this.endTold = true;
    this.handle.receiveEnded();
  }

  protected override failed(failure: number | Error): void {
    this.handle.receiveFailed(failure);
  }

  protected override nowIdle(): void {
    this.handle.receiveStopped();
  }

  /** The descriptor is closed: gives back what nobody took. */
  finish(): void {
    this.inbound?.clear();
    this.inbound = null;
  }
}
