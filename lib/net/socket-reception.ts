// The receiving half of a socket's handle: what comes goes to the handle, at once or when the socket is
// resumed.
//
// Small messages come through the shared buffers, by a repeated receive, and are copied. Of large ones the copy
// would cost as much as the receive does: while they come, the ring tells when there is something, and it is read
// into memory that the socket then keeps. Native readers copy.
//
// Of one socket a turn tells one thing, be it bytes, the end or a failure: what else came has turns of its own
// (turns.ts), in order.
import type { HeldBytes } from '../io/chunk';
import { InboundQueue } from '../io/inbound-queue';
import { OWN_STATE, PAUSED, REPEATS, Reception } from '../io/reception';
import type { Sender } from '../io/sender';
import * as own from '../own-operations';
import type { Deferred } from '../ring/deferred-list';
import type { OperationId } from '../ring/handler-table';
import { POLLIN } from '../ring/kernel';
import type { Ring } from '../ring/ring';
import { inNextTurn, setImmediate } from '../timers';
import { LARGE_BYTES, PIECE_BYTES } from './context';
import type { StreamHandle } from './stream-handle';
import { turnOf } from './turns';

/** Bytes that wait for a socket that was paused, from which on no more are received. */
const INBOUND_MAX = 65536;
/** Pieces that one socket is read for before others are looked at. */
const READS_MAX = 16;

const POLLS = OWN_STATE; // what is in flight only says that there is something
const KEEPS_REST = OWN_STATE << 1; // of what comes after stop()
const END_TOLD = OWN_STATE << 2;
const DRAINS = OWN_STATE << 3; // in the next turn
const READS = OWN_STATE << 4; // on, in the next turn

export class SocketReception extends Reception implements Deferred {
  private readonly handle: StreamHandle;
  private inbound: InboundQueue | null = null; // what came after a pause, or after something else in its turn
  private failure: number | Error | null = null; // what came behind that
  private toldIn = -1; // the turn in which bytes were told

  constructor(ring: Ring, fd: number, handle: StreamHandle) {
    super(ring, fd);
    this.handle = handle;
    this.state |= PAUSED; // until resume()
  }

  protected override get wantsMore(): boolean {
    if (this.failure !== null || (this.state & READS) !== 0) return false;
    // What is read at once must not pass what waits.
    return this.inbound === null || (!this.mayRead && this.inbound.bytes < INBOUND_MAX);
  }

  protected override get takesAll(): boolean {
    return true;
  }

  protected override get subject(): object {
    return this.handle;
  }

  protected override get sender(): Sender | null {
    return this.handle.sending;
  }

  resume(): void {
    if (!this.paused) return;
    this.state &= ~PAUSED;
    if (this.inbound !== null || this.ended || this.failure !== null) this.drainLater();
    else if (this.bytes === 0) this.ring.defer(this);
    else this.arm();
  }

  // Who is told of a connection may leave it to native code of Node's, as long as nothing reads here.
  runDeferred(): void {
    this.arm();
  }

  /** Nothing was read from the socket, nor is about to be. */
  get isUntouched(): boolean {
    if (this.bytes > 0 || this.inFlight || this.inbound !== null) return false;
    return !this.ended && this.failure === null;
  }

  /** Whether what comes now has to wait. */
  private get mustWait(): boolean {
    return this.paused || this.inbound !== null || this.toldIn === turnOf(this.ring);
  }

  private get mayRead(): boolean {
    return !this.handle.isReadNatively;
  }

  protected override receiveOne(): OperationId {
    this.state &= ~POLLS;
    if (!this.mayRead) return super.receiveOne();
    this.state |= POLLS;
    return own.pollAdd(this.ring, this, this.fd, POLLIN);
  }

  protected override received(length: number, flags: number): void {
    if ((this.state & (POLLS | REPEATS)) === POLLS) {
      this.read(READS_MAX);
      return;
    }
    const { buffers } = this.ring;
    if (length >= Math.min(LARGE_BYTES, buffers.size) && this.mayRead) this.receiveSingly();
    const offset = buffers.take(length, flags);
    if (this.stopped && !this.keepsRest) buffers.release(offset);
    else if (this.mustWait || length > PIECE_BYTES) this.keep(offset, length);
    else {
      this.toldIn = turnOf(this.ring);
      this.hand(offset, length);
    }
  }

  // A piece of what there is; the next one has a turn of its own, unless this was less than was asked for.
  private read(most: number): void {
    if (this.paused || this.stopped) return;
    const { handle } = this;
    const result = handle.context.read(this.fd);
    if (typeof result === 'number') {
      this.noData(result);
      return;
    }
    this.bytes += result.length;
    this.toldIn = turnOf(this.ring);
    if (result.length >= LARGE_BYTES) this.receiveSingly();
    if (result.length === PIECE_BYTES && most > 1) {
      this.state |= READS;
      inNextTurn(() => this.readOn(most - 1));
    }
    handle.deliver(result);
  }

  private readOn(most: number): void {
    this.state &= ~READS;
    try {
      this.read(most);
    } finally {
      this.arm();
    }
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
    // A hold for each piece, since they go back one by one; all before the first may go back.
    for (let at = PIECE_BYTES; at < length; at += PIECE_BYTES) buffers.retain(offset);
    for (let at = 0; at < length; at += PIECE_BYTES) {
      this.inbound.push(offset + at, Math.min(PIECE_BYTES, length - at));
    }
    if (!this.paused) this.drainLater();
    else if (this.inbound.bytes >= INBOUND_MAX) this.cancel();
  }

  // The end and a failure come behind all that comes of the last bytes: what runs later may write an answer, and the
  // end mostly ends that.
  private drainLater(): void {
    if ((this.state & DRAINS) !== 0) return;
    this.state |= DRAINS;
    const isLast = this.inbound === null || this.inbound.isEmpty;
    if (isLast && (this.ended || this.failure !== null)) setImmediate(() => this.drain());
    else inNextTurn(() => this.drain());
  }

  // One piece, or what came behind all of them.
  private drain(): void {
    this.state &= ~DRAINS;
    if (this.paused || this.stopped) return;
    const piece = this.inbound?.shift();
    if (piece !== undefined) {
      this.drainLater();
      this.handKept(piece);
      return;
    }
    const { failure } = this;
    this.inbound = null;
    this.failure = null;
    if (failure !== null) this.handle.receiveFailed(failure);
    else if (this.ended) this.tellEnd();
    else this.arm();
  }

  private handKept({ offset, length, copy }: HeldBytes): void {
    if (copy === null) {
      this.hand(offset, length);
      return;
    }
    this.bytes += length;
    this.handle.deliver(copy);
  }

  protected override sawEnd(): void {
    if (!this.mustWait) this.tellEnd();
    else if (!this.paused) this.drainLater();
  }

  private tellEnd(): void {
    if (this.stopped || (this.state & END_TOLD) !== 0) return;
    this.state |= END_TOLD;
    this.handle.receiveEnded();
  }

  protected override failed(failure: number | Error): void {
    if (this.keepsRest) {
      this.failure = failure;
      return;
    }
    if (this.stopped || !this.mustWait) {
      this.handle.receiveFailed(failure);
      return;
    }
    this.failure = failure;
    if (!this.paused) this.drainLater();
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

  /** What came behind the rest: -errno of a failure, or 0. */
  get failureBehind(): number {
    return typeof this.failure === 'number' ? this.failure : 0;
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
