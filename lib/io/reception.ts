// One receive in flight on a descriptor, into the shared buffers: when it is armed, what its completions
// say, and how it ends. What becomes of the bytes is a subclass's matter.
//
// A repeated (multishot) receive is for who takes all as it comes; one at a time for who may be slower
// than the peer: a repeated receive goes on for as long as data comes and buffers are left, before anybody
// can end it.
//
//   idle -> armed -> idle …      paused, or enough queued: cancelled;   no buffer free: waits for one;   0 bytes: ended
import { channels } from '../diagnostics';
import * as own from '../own-operations';
import { addon } from '../ring/binding';
import { cancelOperation } from '../ring/cancel';
import type { CompletionTarget, OperationId } from '../ring/handler-table';
import { EAGAIN, ECANCELED, ECONNRESET, EINTR, ENOBUFS, IORING_CQE_F_MORE } from '../ring/kernel';
import { COUNTER_BUFFER_EXHAUSTION } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { hasCompletion } from '../ring/waiting';
import type { Sender } from './sender';

/** Receives, one at a time, after which a stream that was paused is trusted to keep up again. */
const SINGLES = 64;

// Bits of a reception's state. One field for all: there may be many idle connections.
export const PAUSED = 1;
export const STOPPED = 2;
const ENDED = 4; // the peer's end came
const CANCELLED = 8; // the receive in flight
export const REPEATS = 16; // it is a repeated one
const WAITING_FOR_BUFFER = 32;
const UNREFERENCED = 64;
const ENDING = 128; // what looks like the end, until a send tells whether it is a reset
/** The first bit that is a subclass's. */
export const OWN_STATE = 256;

export abstract class Reception implements CompletionTarget {
  bytes = 0;
  protected readonly ring: Ring;
  protected readonly fd: number;
  protected state = 0;
  private id: OperationId = 0;
  private singlesLeft = 0;

  constructor(ring: Ring, fd: number) {
    this.ring = ring;
    this.fd = fd;
  }

  /** Somebody wants bytes, and not enough of them wait already. */
  protected abstract get wantsMore(): boolean;
  /** Whoever wants them takes all as they come. */
  protected abstract get takesAll(): boolean;
  /** Bytes came: to be taken from the buffers at once. */
  protected abstract received(length: number, flags: number): void;
  /** `ended` is true from now on. */
  protected abstract sawEnd(): void;
  protected abstract failed(failure: number | Error): void;
  /** Nothing is in flight any more after `stop()`. */
  protected abstract nowIdle(): void;
  /** Whom the diagnostics name. */
  protected abstract get subject(): object;
  /** The other half of the connection, if there is one. */
  protected abstract get sender(): Sender | null;

  /** A receive is in flight: the descriptor may not be closed. */
  get inFlight(): boolean {
    return this.id !== 0;
  }

  get paused(): boolean {
    return (this.state & PAUSED) !== 0;
  }

  protected get stopped(): boolean {
    return (this.state & STOPPED) !== 0;
  }

  /** The peer's end came. */
  protected get ended(): boolean {
    return (this.state & ENDED) !== 0;
  }

  /** Something came that is still to be dispatched, or that the socket has; an end or an error counts. */
  get isPending(): boolean {
    if (hasCompletion(this.ring, this.id)) return true;
    return !this.ended && addon!.isReadable(this.fd) !== 0;
  }

  pause(): void {
    this.state |= PAUSED;
    this.singlesLeft = SINGLES;
    this.cancel();
  }

  /** Ends receiving; `nowIdle` is called if something is still in flight. */
  stop(): void {
    this.state |= STOPPED;
    this.cancel();
  }

  setReferenced(referenced: boolean): void {
    this.state = referenced ? this.state & ~UNREFERENCED : this.state | UNREFERENCED;
    if (this.id !== 0) this.ring.setReferenced(this.id, referenced);
  }

  protected arm(): void {
    const waits = WAITING_FOR_BUFFER | ENDING | ENDED | STOPPED | PAUSED;
    if (this.id !== 0 || (this.state & waits) !== 0 || !this.wantsMore) return;
    const repeats = this.singlesLeft === 0 && this.takesAll;
    this.state = (this.state & ~(CANCELLED | REPEATS)) | (repeats ? REPEATS : 0);
    if (this.singlesLeft > 0) this.singlesLeft--;
    try {
      this.id = repeats
        ? own.recvMultishot(this.ring, this, this.fd, this.ring.buffers, 0)
        : this.receiveOne();
    } catch (error) {
      // No slot is free for it.
      this.failed(error as Error);
      return;
    }
    if ((this.state & UNREFERENCED) !== 0) this.ring.setReferenced(this.id, false);
  }

  /** Initiates what ends with one completion. */
  protected receiveOne(): OperationId {
    return own.recvProvided(this.ring, this, this.fd, this.ring.buffers, 0);
  }

  /** From the next receive on it is one at a time, for a while. */
  protected receiveSingly(): void {
    this.singlesLeft = SINGLES;
    this.cancelRepeated();
  }

  protected cancel(): void {
    if (this.id === 0 || (this.state & CANCELLED) !== 0) return;
    this.state |= CANCELLED;
    cancelOperation(this.ring, this.id);
  }

  /** Nobody takes all any more: one receive at a time is enough. */
  protected cancelRepeated(): void {
    if ((this.state & REPEATS) !== 0) this.cancel();
  }

  /** A completion of the receive. */
  complete(result: number, flags: number): void {
    if ((flags & IORING_CQE_F_MORE) !== 0 && result > 0) this.received(result, flags);
    else this.receiveDone(result, flags);
  }

  // The last completion of a receive.
  private receiveDone(result: number, flags: number): void {
    this.id = 0;
    try {
      if (result > 0) this.received(result, flags);
      else this.noData(result);
    } finally {
      // The last step of closing, or the moment to go on.
      if (this.stopped) this.nowIdle();
      else this.arm();
    }
  }

  /** What a receive said that brought no bytes. */
  protected noData(result: number): void {
    if (result === 0) this.receivedEnd();
    else if (result === -ENOBUFS) {
      if (this.ring.buffers.widen()) return;
      this.ring.counters[COUNTER_BUFFER_EXHAUSTION]!++;
      channels.buffersExhausted.publish({ stream: this.subject });
      this.state |= WAITING_FOR_BUFFER;
      this.ring.buffers.whenAvailable(() => {
        this.state &= ~WAITING_FOR_BUFFER;
        this.arm();
      });
    } else if (result !== -ECANCELED && result !== -EINTR && result !== -EAGAIN) {
      this.failed(result);
    }
  }

  // A socket tells of a reset once. If a send was told, or is about to be, the receive sees what looks like the
  // peer's end.
  private receivedEnd(): void {
    const { sender } = this;
    if (sender === null) this.end();
    else if (sender.wasReset) this.failed(-ECONNRESET);
    else if (!sender.inFlight || addon!.isReset(this.fd) === 0) this.end();
    else {
      this.state |= ENDING;
      sender.whenLanded((result) => {
        this.state &= ~ENDING;
        if (result === -ECONNRESET) this.failed(result);
        else this.end();
      });
    }
  }

  private end(): void {
    this.state |= ENDED;
    this.sawEnd();
  }
}
