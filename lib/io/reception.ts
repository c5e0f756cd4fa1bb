// One receive in flight on a descriptor, into the shared buffers: when it is armed, what its completions
// say, and how it ends. What becomes of the bytes is a subclass's matter.
//
// A repeated (multishot) receive is for who takes all as it comes; one at a time for who may be slower
// than the peer: a repeated receive goes on for as long as data comes and buffers are left, before anybody
// can end it.
//
//   idle -> armed -> idle …      paused, or enough queued: cancelled;   no buffer free: waits for one;   0 bytes: ended
import { initiatorOf } from '../define-operation';
import { channels } from '../diagnostics';
import { operations } from '../operations';
import { cancelOperation } from '../ring/cancel';
import type { CompletionTarget, OperationId } from '../ring/handler-table';
import { EAGAIN, ECANCELED, EINTR, ENOBUFS, IORING_CQE_F_MORE } from '../ring/kernel';
import { COUNTER_BUFFER_EXHAUSTION } from '../ring/layout';
import type { Ring } from '../ring/ring';

const receiveMultishot = initiatorOf('recvMultishot', operations.recvMultishot);
const receiveOnce = initiatorOf('recvProvided', operations.recvProvided);

/** Receives, one at a time, after which a stream that was paused is trusted to keep up again. */
const SINGLES_AFTER_PAUSE = 64;

export abstract class Reception implements CompletionTarget {
  bytes = 0;
  protected readonly ring: Ring;
  private readonly fd: number;
  protected isPaused = false;
  /** The peer's end came. */
  protected ended = false;
  protected stopped = false;
  private id: OperationId = 0;
  private cancelled = false;
  private repeats = false; // the receive in flight is a repeated one
  private singlesLeft = 0;
  private waitingForBuffer = false;
  private referenced = true;

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
  /** `ended` is true now. */
  protected abstract sawEnd(): void;
  protected abstract failed(failure: number | Error): void;
  /** Nothing is in flight any more after `stop()`. */
  protected abstract nowIdle(): void;
  /** Whom the diagnostics name. */
  protected abstract get subject(): object;

  /** A receive is in flight: the descriptor may not be closed. */
  get inFlight(): boolean {
    return this.id !== 0;
  }

  get paused(): boolean {
    return this.isPaused;
  }

  pause(): void {
    this.isPaused = true;
    this.singlesLeft = SINGLES_AFTER_PAUSE;
    this.cancel();
  }

  /** Ends receiving; `nowIdle` is called if something is still in flight. */
  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  setReferenced(referenced: boolean): void {
    this.referenced = referenced;
    if (this.id !== 0) this.ring.setReferenced(this.id, referenced);
  }

  protected arm(): void {
    if (this.id !== 0 || this.waitingForBuffer || this.ended || this.stopped || this.isPaused)
      return;
    if (!this.wantsMore) return;
    this.cancelled = false;
    this.repeats = this.singlesLeft === 0 && this.takesAll;
    if (this.singlesLeft > 0) this.singlesLeft--;
    try {
      const receive = this.repeats ? receiveMultishot : receiveOnce;
      this.id = receive(this.ring, this, this.fd, this.ring.buffers, 0);
    } catch (error) {
      // No slot is free for it.
      this.failed(error as Error);
      return;
    }
    if (!this.referenced) this.ring.setReferenced(this.id, false);
  }

  protected cancel(): void {
    if (this.id === 0 || this.cancelled) return;
    this.cancelled = true;
    cancelOperation(this.ring, this.id);
  }

  /** Nobody takes all any more: one receive at a time is enough. */
  protected cancelRepeated(): void {
    if (this.repeats) this.cancel();
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

  private noData(result: number): void {
    if (result === 0) {
      this.ended = true;
      this.sawEnd();
    } else if (result === -ENOBUFS) {
      this.ring.counters[COUNTER_BUFFER_EXHAUSTION]!++;
      channels.buffersExhausted.publish({ stream: this.subject });
      this.waitingForBuffer = true;
      this.ring.buffers.whenAvailable(() => {
        this.waitingForBuffer = false;
        this.arm();
      });
    } else if (result !== -ECANCELED && result !== -EINTR && result !== -EAGAIN) {
      this.failed(result);
    }
  }
}
