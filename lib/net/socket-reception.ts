// The receiving half of a socket's handle: what comes goes to the handle, at once or when the socket is
// resumed.
//
// Small messages come through the shared buffers, by a repeated receive, and are copied. Of large ones the copy
// would cost as much as the receive does: while they come, the ring tells when there is something, and it is read
// into memory that the socket then keeps. An I/O thread has time for its own receives, and native readers copy.
import { initiatorOf } from '../define-operation';
import { InboundQueue } from '../io/inbound-queue';
import { OWN_STATE, PAUSED, REPEATS, Reception } from '../io/reception';
import { operations } from '../operations';
import type { OperationId } from '../ring/handler-table';
import { POLLIN } from '../ring/kernel';
import { COUNTER_BATCHES } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { PIECE_BYTES } from './context';
import type { StreamHandle } from './stream-handle';

/** Bytes that wait for a socket that was paused, from which on no more are received. */
const INBOUND_MAX = 65536;
/** From so many bytes at once on they are read into the socket's own memory. */
const LARGE_BYTES = 32768;
/** Pieces that one socket is read for before others have their turn. */
const READS_MAX = 16;

const poll = initiatorOf('pollAdd', operations.pollAdd);

const POLLS = OWN_STATE; // what is in flight only says that there is something
const END_TOLD = OWN_STATE << 1;
const KEEPS_REST = OWN_STATE << 1; // of what comes after stop()

export class SocketReception extends Reception {
  private readonly handle: StreamHandle;
  private inbound: InboundQueue | null = null; // what came after a pause
  private handedIn = -1; // the batch, of the last bytes

  constructor(ring: Ring, fd: number, handle: StreamHandle) {
    super(ring, fd);
    this.handle = handle;
    this.state |= PAUSED; // until resume()
  }

  protected override get wantsMore(): boolean {
    // What is read at once must not pass what waits.
    return this.inbound === null || (!this.mayRead && this.inbound.bytes < INBOUND_MAX);
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

  private get mayRead(): boolean {
    return !this.ring.threaded && !this.handle.isReadNatively;
  }

  protected override receiveOne(): OperationId {
    this.state &= ~POLLS;
    if (!this.mayRead) return super.receiveOne();
    this.state |= POLLS;
    return poll(this.ring, this, this.fd, POLLIN);
  }

  protected override received(length: number, flags: number): void {
    if ((this.state & (POLLS | REPEATS)) === POLLS) {
      this.read();
      return;
    }
    const { buffers } = this.ring;
    if (length >= LARGE_BYTES && this.mayRead) this.receiveSingly();
    const offset = buffers.take(length, flags);
    if (this.stopped && !this.keepsRest) buffers.release(offset);
    else if (this.paused || this.inbound !== null) this.keep(offset, length);
    else if (length > PIECE_BYTES) this.handInPieces(offset, length);
    else this.hand(offset, length);
  }

  // What there is, until it is less than was asked for.
  private read(): void {
    const { handle } = this;
    let more = true;
    for (let left = READS_MAX; more && left > 0 && !this.paused && !this.stopped; left--) {
      const result = handle.context.read(this.fd);
      if (typeof result === 'number') {
        this.noData(result);
        return;
      }
      this.count(result.length);
      more = result.length === PIECE_BYTES;
      if (result.length >= LARGE_BYTES) this.receiveSingly();
      handle.deliver(result);
    }
  }

  private handInPieces(offset: number, length: number): void {
    this.keep(offset, length);
    queueMicrotask(() => this.drain());
  }

  // Native readers copy what they get; a stream keeps it.
  private hand(offset: number, length: number): void {
    const { handle } = this;
    const { buffers } = this.ring;
    this.count(length);
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
    // A hold for each piece, since they go back one by one; all before the first may go back.
    for (let at = PIECE_BYTES; at < length; at += PIECE_BYTES) buffers.retain(offset);
    for (let at = 0; at < length; at += PIECE_BYTES) {
      this.inbound.push(offset + at, Math.min(PIECE_BYTES, length - at));
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
        this.count(length);
        this.handle.deliver(copy);
      }
    } finally {
      queueMicrotask(() => this.drain());
    }
  }

  private get batch(): number {
    return this.ring.counters[COUNTER_BATCHES]! | 0;
  }

  private count(length: number): void {
    this.bytes += length;
    this.handedIn = this.batch;
  }

  // Behind all that comes of the last bytes: ticks and promises may write an answer, and the end mostly ends that.
  protected override sawEnd(): void {
    if (this.paused || this.inbound !== null || this.stopped) return;
    if ((this.state & END_TOLD) !== 0) return;
    if (this.handedIn === this.batch) {
      this.handedIn = -1;
      setImmediate(() => this.sawEnd());
      return;
    }
    this.state |= END_TOLD;
    this.handle.receiveEnded();
  }

  protected override failed(failure: number | Error): void {
    this.handle.receiveFailed(failure);
  }

  protected override nowIdle(): void {
    this.handle.receiveStopped();
  }

  private get keepsRest(): boolean {
    return (this.state & KEEPS_REST) !== 0;
  }

  /** What nobody took yet, and what comes after `stop()`, is kept for `takeRest`. */
  keepRest(): void {
    this.state |= KEEPS_REST | PAUSED;
  }

  takeRest(): Buffer {
    const { inbound } = this;
    this.state &= ~KEEPS_REST;
    const rest = inbound?.take(inbound.bytes) ?? Buffer.alloc(0);
    this.finish();
    return rest;
  }

  /** The descriptor is closed: gives back what nobody took. */
  finish(): void {
    if (this.keepsRest) return;
    this.inbound?.clear();
    this.inbound = null;
  }
}
