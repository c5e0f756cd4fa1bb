// The sending half of a stream: what is written in one turn goes out together, one send is in
// flight at a time, and the end comes after everything.
import type { Proactor } from '../proactor';
import { addon } from '../ring/binding';
import type { Deferred } from '../ring/deferred-list';
import type { CompletionTarget } from '../ring/handler-table';
import { EAGAIN, ECANCELED, EINTR, ENOTCONN, SHUT_WR } from '../ring/kernel';
import { QUIET } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { waitingResult } from '../ring/waiting';
import { Chunk } from './chunk';
import type { IdleTimer } from './idle-timer';
import { COPY_LIMIT, DIRECT_MAX, SendQueue, type WriteData } from './send-queue';

/** What the stream does about what its sender finds. */
export interface SenderHost {
  /** Everything was sent after `write` had said false. */
  drained(): void;
  /** The peer was told that nothing follows. */
  sendEnded(): void;
  sendFailed(failure: number | Error, syscall: string): void;
  /** Nothing is in flight any more after `stop()`. */
  sendStopped(): void;
  /** Both directions are over, so that closing the descriptor says all that a shutdown would. */
  readonly receiveIsOver: boolean;
}

/** Called once: without an argument when the bytes are with the kernel, else with the reason why not. */
export type WriteCallback = (error?: Error) => void;

interface WaitingCallback {
  /** It is called when so many bytes were sent. */
  readonly at: number;
  readonly call: WriteCallback;
}

function isFailure(result: number): boolean {
  return result < 0 && result !== -EINTR && result !== -EAGAIN && result !== -ECANCELED;
}

export class Sender implements Deferred, CompletionTarget {
  bytes = 0;
  /** While there is one, completions are wanted at once. */
  idle: IdleTimer | null = null;
  private readonly proactor: Proactor;
  private readonly ring: Ring;
  private fd: number;
  private host: SenderHost;
  private readonly highWaterMark: number;
  private readonly queue: SendQueue;
  private callbacks: WaitingCallback[] | null = null;
  private sendSlot = 0; // of the send in flight
  private failure = 0; // -errno of what was sent at once, to be told
  private deferred = false;
  private needDrain = false;
  private isEnding = false;
  private isShutDown = false;
  #ended = false;
  private stopped = false;

  constructor(proactor: Proactor, fd: number, highWaterMark: number, host: SenderHost) {
    this.proactor = proactor;
    this.ring = proactor.ring;
    this.fd = fd;
    this.host = host;
    this.highWaterMark = highWaterMark;
    this.queue = new SendQueue(this.ring);
  }

  /** Nothing is written, in flight or to be told. */
  protected get hasNoWork(): boolean {
    const isQuiet = this.sendSlot === 0 && this.queue.isEmpty;
    return isQuiet && !(this.deferred || this.isEnding || this.stopped || this.callbacks !== null);
  }

  /** Begins anew on another descriptor. Only without work. */
  protected rebind(fd: number, host: SenderHost): void {
    this.fd = fd;
    this.host = host;
    this.bytes = 0;
  }

  /** Somebody looks at the figures: a completion that is held back would keep them as they are. */
  update(): void {
    if (this.sendSlot !== 0) this.hasten();
  }

  /** A send is in flight: the descriptor may not be closed. */
  get inFlight(): boolean {
    return this.sendSlot !== 0;
  }

  /** Bytes written and not sent. */
  get queued(): number {
    return this.queue.bytes;
  }

  /** `end()` was called. */
  get ending(): boolean {
    return this.isEnding;
  }

  /** The peer was told. */
  get ended(): boolean {
    return this.#ended;
  }

  write(data: WriteData, callback: WriteCallback | undefined): boolean {
    if (data instanceof Chunk) this.queue.addHeld(data);
    else if (data instanceof Uint8Array && data.length > COPY_LIMIT) this.writeLarge(data);
    else this.queue.add(data);
    return this.added(callback);
  }

  writeText(text: string, encoding: BufferEncoding, callback: WriteCallback | undefined): boolean {
    this.queue.addText(text, encoding);
    return this.added(callback);
  }

  /** So many bytes are written next, in several writes: they go out as one piece where they are few. */
  reserve(bytes: number): void {
    this.queue.reserve(bytes);
  }

  // At once from where it lies, where nothing has to go before it: to copy it first costs more than a system
  // call does. An I/O thread has the time to do it later.
  private writeLarge(data: Uint8Array): void {
    let rest = data;
    if (this.queue.isEmpty && this.sendSlot === 0 && !this.stopped && !this.ring.threaded) {
      const sent = data.length > DIRECT_MAX ? 0 : addon!.trySend(this.fd, data);
      // A reset is told once: as an operation it would fail with EPIPE.
      if (isFailure(sent)) this.failure = sent;
      else if (sent > 0) {
        this.bytes += sent;
        this.idle?.touch();
        rest = data.subarray(sent);
      }
    }
    this.queue.add(rest);
  }

  /** As `write`, of bytes that the caller may change at once: they are copied, however many. */
  writeCopied(data: ArrayBufferView): void {
    this.queue.addCopy(data);
    this.added(undefined);
  }

  /** How many bytes were written in all: when `bytes` is there, they were sent. */
  get written(): number {
    return this.bytes + this.queue.bytes;
  }

  /** `stop()` was called. */
  get isStopped(): boolean {
    return this.stopped;
  }

  /** Calls once all that was written is sent. */
  whenAllSent(call: WriteCallback): void {
    this.addCallback(call);
    if (this.sendSlot !== 0) this.hasten();
  }

  /** Calls once so many bytes were sent, before those that wait for more. */
  whenSent(at: number, call: WriteCallback): void {
    this.callbacks ??= [];
    this.callbacks.unshift({ at, call });
    if (this.sendSlot !== 0) this.hasten();
  }

  private added(callback: WriteCallback | undefined): boolean {
    if (callback !== undefined) this.addCallback(callback);
    if (this.sendSlot === 0) this.defer();
    else this.hasten();
    if (this.queue.bytes < this.highWaterMark) return true;
    this.needDrain = true;
    return false;
  }

  private addCallback(callback: WriteCallback): void {
    this.callbacks ??= [];
    this.callbacks.push({ at: this.written, call: callback });
  }

  /** Nothing is written any more: the peer is told after what is queued. */
  end(): void {
    this.isEnding = true;
    if (this.sendSlot === 0) this.defer();
    else this.hasten();
  }

  /** Ends sending; `sendStopped` is called if something is still in flight. */
  stop(): void {
    this.stopped = true;
    if (this.sendSlot !== 0) this.proactor.cancel(this.ring.handlers.idAt(this.sendSlot));
  }

  /** Tells all who wait that a send failed: what they wrote is lost. */
  tellFailure(error: Error): void {
    if (this.callbacks !== null) this.runCallbacks(Number.POSITIVE_INFINITY, error);
  }

  /** The descriptor is closed: drops what is queued, and tells those who wait. */
  finish(makeError: () => Error): void {
    this.queue.clear();
    if (this.callbacks !== null) this.runCallbacks(Number.POSITIVE_INFINITY, makeError());
  }

  private hasten(): void {
    this.ring.hasten(this.ring.handlers.idAt(this.sendSlot));
  }

  private defer(): void {
    if (this.deferred) return;
    this.deferred = true;
    this.ring.defer(this);
  }

  /** Initiates the send of what was written in this batch. */
  runDeferred(): void {
    this.deferred = false;
    if (this.sendSlot !== 0 || this.stopped) return;
    if (this.queue.isEmpty) {
      this.nothingToSend();
      return;
    }
    if (this.failure !== 0) {
      this.host.sendFailed(this.failure, 'write');
      return;
    }
    // Of a send that takes all there is, with nobody to be told, the end only releases memory.
    const marks = this.isAttended || !this.queue.isOneSend ? 0 : QUIET;
    try {
      this.sendSlot = this.queue.start(this.proactor, this.fd, marks, this);
    } catch (error) {
      // A buffer was detached before its turn came, or no slot is free.
      this.host.sendFailed(error as Error, 'write');
    }
  }

  /**
   * Sends what the kernel takes at once of all that waits, for the process is about to exit: no completion is
   * dispatched any more. A send in flight is given until `untilMs` to complete.
   */
  sendNow(untilMs: number): void {
    if (this.stopped || this.queue.isEmpty || this.failure !== 0) return;
    if (this.sendSlot !== 0 && !this.settleEarly(untilMs)) return;
    try {
      this.bytes += this.queue.sendAll(this.fd);
    } catch {
      // A buffer was detached.
    }
  }

  // Whether the send in flight has completed; what it took is taken off then. That it is told of still says no more
  // than that the socket takes some.
  private settleEarly(untilMs: number): boolean {
    const { queue, ring } = this;
    const id = ring.handlers.idAt(this.sendSlot);
    this.hasten();
    ring.submitNow();
    let result = waitingResult(ring, id);
    while (result === undefined && ring.threaded && performance.now() < untilMs)
      result = waitingResult(ring, id);
    if (result === undefined || result < 0) return false;
    if (queue.polling) return true;
    queue.settle(result);
    this.bytes += result;
    queue.polling = true;
    return true;
  }

  // After writes of nothing.
  private nothingToSend(): void {
    if (this.callbacks === null || !this.isEnding) this.allSent();
    // Not from here, where an exception would reach the ring.
    if (this.callbacks !== null) queueMicrotask(() => this.tellSent());
  }

  private tellSent(): void {
    try {
      this.runCallbacks(this.bytes, undefined);
    } finally {
      if (this.isEnding) this.defer();
    }
  }

  // Something comes after the send in flight, or somebody is told of its end.
  private get isAttended(): boolean {
    return this.callbacks !== null || this.needDrain || this.isEnding || this.idle !== null;
  }

  /** A send completed. */
  complete(completion: number): void {
    this.sendSlot = 0;
    const { queue } = this;
    const result = queue.polling ? this.polled(completion) : completion;
    if (result < 0) queue.settle(0);
    else {
      queue.settle(result);
      this.bytes += result;
      // All is sent, and nobody waits for that: by far the most.
      if (queue.isEmpty && !this.isAttended && !this.stopped) return;
      this.idle?.touch();
    }
    this.afterSend(result);
  }

  // The result of the send that was waited for.
  private polled(completion: number): number {
    const { queue } = this;
    queue.polling = false;
    if (completion < 0 || this.stopped || queue.isEmpty) return Math.min(completion, 0);
    try {
      return queue.sendFirst(this.fd);
    } catch (error) {
      this.host.sendFailed(error as Error, 'write');
      return 0;
    }
  }

  private afterSend(result: number): void {
    try {
      if (this.stopped) this.host.sendStopped();
      else if (isFailure(result)) this.host.sendFailed(result, 'write');
      else if (!this.queue.isEmpty) this.defer();
      else if (this.isEnding)
        this.defer(); // those who are told may write more, as TLS does
      else if (this.needDrain) this.allSent();
    } finally {
      if (this.callbacks !== null) this.runCallbacks(this.bytes, undefined);
    }
  }

  private allSent(): void {
    if (this.isEnding) this.shutDown();
    if (!this.needDrain) return;
    this.needDrain = false;
    if (!this.isEnding) this.host.drained();
  }

  // Those of all that was written before the byte `end`. One that throws does not keep the others
  // back: they are called in a turn of their own.
  private runCallbacks(end: number, error: Error | undefined): void {
    const callbacks = this.callbacks;
    const isDue = (): boolean =>
      callbacks !== null && callbacks.length > 0 && callbacks[0]!.at <= end;
    try {
      while (isDue()) callbacks!.shift()!.call(error);
    } finally {
      if (isDue()) queueMicrotask(() => this.runCallbacks(end, error));
      else if (callbacks?.length === 0 && this.callbacks === callbacks) this.callbacks = null;
    }
  }

  private shutDown(): void {
    if (this.isShutDown) return;
    const { receiveIsOver } = this.host;
    // By a call: of the operation the kernel makes work for a thread of its own, which the peer may wait for.
    const result = receiveIsOver ? 0 : addon!.shutdown(this.fd, SHUT_WR);
    // ENOTCONN: the peer was faster, with a reset that the receive reports.
    if (result < 0 && result !== -ENOTCONN) {
      this.host.sendFailed(result, 'shutdown');
      return;
    }
    this.isShutDown = true;
    if (receiveIsOver) this.tellEnded();
    else queueMicrotask(() => this.tellEnded());
  }

  private tellEnded(): void {
    if (this.stopped) return;
    this.#ended = true;
    this.host.sendEnded();
  }
}
