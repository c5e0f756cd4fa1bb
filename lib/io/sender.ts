// The sending half of a stream: what is written in one turn goes out together, and the end comes after everything.
//
// Native memory is sent by the ring. Buffers of the caller's are sent from where they lie, by a call: as much of
// them as the socket takes, when they are written and whenever the ring tells that it takes more. Where an I/O
// thread drives the ring, the rest is copied for it instead.
//
//   IDLE -> SENDING -> IDLE      the ring sends the queue's beginning
//        -> POLLING -> IDLE      the ring tells when the socket takes some
//   SENDING -> COUNTED -> IDLE   the ring has sent it, which was seen before the completion is dispatched
import * as own from '../own-operations';
import { addon } from '../ring/binding';
import { cancelOperation } from '../ring/cancel';
import type { Deferred } from '../ring/deferred-list';
import type { CompletionTarget, OperationId } from '../ring/handler-table';
import { ECONNRESET, ENOTCONN, MSG_NOSIGNAL, MSG_WAITALL, POLLOUT, SHUT_WR } from '../ring/kernel';
import { QUIET } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { waitingResult } from '../ring/waiting';
import { nextTick, nowMs, queueMicrotask } from '../timers';
import { Chunk } from './chunk';
import type { IdleTimer } from './idle-timer';
import { COPY_LIMIT, SendQueue } from './send-queue';
import { NOBODY, type SenderHost } from './sender-host';
import { isFailure, lengthOf, trySend } from './try-send';
import { type WriteCallback, WriteCallbacks } from './write-callbacks';
import type { WriteData } from './write-data';

// MSG_WAITALL: the kernel goes on after a short send by itself.
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;
// Several segments of no more than this together are cheaper copied into one than gathered.
const GATHER_FROM = 4096;
const SEGMENTS_PER_SEND = 64;
// Pieces that are cheaper gathered than copied.
const OWNED_FROM = 4096;
// What is copied at a time for an I/O thread to send.
const PIECE_BYTES = 262144;
// More than this does not wait for the end of the batch.
const AT_ONCE_BYTES = 65536;

const IDLE = 0;
const SENDING = 1;
const POLLING = 2;
const COUNTED = 3;

export class Sender implements Deferred, CompletionTarget {
  bytes = 0;
  /** While there is one, completions are wanted at once. */
  idle: IdleTimer | null = null;
  readonly ring: Ring;
  private fd: number;
  private host: SenderHost;
  private highWaterMark: number;
  private readonly queue: SendQueue;
  private callbacks: WriteCallbacks | null = null;
  private flight = IDLE;
  private slot = 0; // of what is in flight
  private failure = 0; // -errno of what was sent by a call, to be told
  private isFull = false; // the socket, as a call found it
  private deferred = false;
  private needDrain = false;
  private isEnding = false;
  private isShutDown = false;
  #ended = false;
  private stopped = false;
  private landed: ((result: number) => void) | null = null;

  constructor(ring: Ring, fd: number, highWaterMark: number, host: SenderHost) {
    this.ring = ring;
    this.fd = fd;
    this.host = host;
    this.highWaterMark = highWaterMark;
    this.queue = new SendQueue(this.ring);
  }

  // Nothing is written, in flight or to be told.
  private get hasNoWork(): boolean {
    if (this.flight !== IDLE || !this.queue.isEmpty || this.deferred) return false;
    return !(this.isAttended || this.stopped || this.failure !== 0);
  }

  private giveBack(): void {
    const { host } = this;
    this.host = NOBODY;
    host.giveBackSender();
  }

  /** Begins anew on another descriptor. Only without work. */
  rebind(fd: number, highWaterMark: number, host: SenderHost): void {
    this.fd = fd;
    this.host = host;
    this.highWaterMark = highWaterMark;
    this.bytes = 0;
    this.isFull = false;
  }

  /** An operation is in flight: the descriptor may not be closed. */
  get inFlight(): boolean {
    return this.flight !== IDLE;
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

  /** How many bytes were written in all: when `bytes` is there, they were sent. */
  get written(): number {
    return this.bytes + this.queue.bytes;
  }

  /** `stop()` was called. */
  get isStopped(): boolean {
    return this.stopped;
  }

  /** A call was told that the peer has reset the connection, and nobody else will be. */
  get wasReset(): boolean {
    return this.failure === -ECONNRESET;
  }

  /** What is added goes when `added` is called. */
  add(data: WriteData): void {
    if (data instanceof Chunk) this.queue.addHeld(data);
    else this.queue.add(data);
  }

  addText(text: string, encoding: BufferEncoding): void {
    this.queue.addText(text, encoding);
  }

  /**
   * As `add`, of several pieces that are nobody else's: nobody changes or detaches them. Small ones go out
   * as one.
   */
  addOwned(pieces: readonly Uint8Array[]): void {
    const { queue } = this;
    const bytes = lengthOf(pieces);
    const areFew = bytes <= COPY_LIMIT;
    if (areFew) queue.reserve(bytes);
    for (const piece of pieces) {
      if (areFew || piece.length < OWNED_FROM) queue.addCopy(piece);
      else queue.addReference(piece);
    }
  }

  /** So many bytes are added next, in several pieces: they go out as one where they are copied. */
  reserve(bytes: number): void {
    if (bytes <= COPY_LIMIT) this.queue.reserve(bytes);
  }

  /** Returns false where `highWaterMark` is reached. */
  added(callback: WriteCallback | undefined): boolean {
    if (callback !== undefined) this.addCallback(callback);
    const isMuch = this.queue.bytes > AT_ONCE_BYTES;
    if (this.flight === IDLE) {
      // A system call costs less than to copy much; and much does not wait for the batch's end.
      if (isMuch || this.queue.views > 0) this.sendAtOnce();
      this.defer();
    } else {
      this.hasten();
      if (isMuch && (this.flight === COUNTED || this.settle())) this.sendAtOnce();
    }
    if (this.queue.bytes < this.highWaterMark) return true;
    this.needDrain = true;
    return false;
  }

  /**
   * What waits is this sender's alone from now on: nobody else can change or detach it. False where it is
   * more than `most`, or in flight.
   */
  takeOver(most: number): boolean {
    const { queue } = this;
    if (queue.bytes > most) return false;
    if (queue.views === 0) return true;
    if (this.flight === SENDING) return false;
    try {
      queue.pack(most);
      return true;
    } catch {
      return false; // a buffer was detached: told when its turn comes
    }
  }

  /** Calls once all that was written is sent. */
  whenAllSent(call: WriteCallback): void {
    this.addCallback(call);
    this.hasten();
  }

  /** Calls once so many bytes were sent, before those that wait for more. */
  whenSent(at: number, call: WriteCallback): void {
    this.callbacks ??= new WriteCallbacks();
    this.callbacks.addFirst(at, call);
    this.hasten();
  }

  /** Calls once what is in flight has completed, with its result. */
  whenLanded(call: (result: number) => void): void {
    this.landed = call;
    this.hasten();
  }

  private addCallback(callback: WriteCallback): void {
    this.callbacks ??= new WriteCallbacks();
    this.callbacks.add(this.written, callback);
  }

  /** Nothing is written any more: the peer is told after what is queued. */
  end(): void {
    this.isEnding = true;
    if (this.flight === IDLE) this.defer();
    else this.hasten();
  }

  /** Ends sending; `sendStopped` is called if something is still in flight. */
  stop(): void {
    this.stopped = true;
    if (this.flight !== IDLE) cancelOperation(this.ring, this.id);
  }

  /** Tells all who wait that a send failed: what they wrote is lost. */
  tellFailure(error: Error): void {
    this.runCallbacks(Number.POSITIVE_INFINITY, error);
  }

  /** The descriptor is closed: drops what is queued, and tells those who wait. */
  finish(makeError: () => Error): void {
    this.queue.clear();
    if (this.callbacks === null) return;
    try {
      this.runCallbacks(this.bytes, undefined);
    } finally {
      this.runCallbacks(Number.POSITIVE_INFINITY, makeError());
    }
  }

  private get id(): OperationId {
    return this.ring.handlers.idAt(this.slot);
  }

  /** The completion is waited for: somebody looks at the figures, for example. */
  hasten(): void {
    if (this.flight !== IDLE) this.ring.hasten(this.id);
  }

  private defer(): void {
    if (this.deferred) return;
    this.deferred = true;
    this.ring.defer(this);
  }

  /** Initiates the send of what was written in this batch. */
  runDeferred(): void {
    this.deferred = false;
    this.sendWritten();
    if (this.hasNoWork) this.giveBack();
  }

  private sendWritten(): void {
    if (this.flight !== IDLE || this.stopped) return;
    if (this.queue.views > 0 && !this.isFull) this.sendAtOnce();
    if (this.failure !== 0) {
      this.host.sendFailed(this.failure, 'write');
      return;
    }
    if (this.queue.isEmpty) {
      this.nothingToSend();
      return;
    }
    try {
      this.initiate();
    } catch (error) {
      // A buffer was detached before its turn came, or no slot is free.
      this.flight = IDLE;
      this.host.sendFailed(error as Error, 'write');
    }
  }

  private initiate(): void {
    const { queue, ring } = this;
    if (queue.views > 0) {
      if (!ring.threaded) {
        queue.buffersAtFront(1); // what is wrong already is told before there is room
        this.slot = ring.handlers.slotOf(own.pollAdd(ring, this, this.fd, POLLOUT));
        this.flight = POLLING;
        return;
      }
      queue.pack(PIECE_BYTES);
    } else if (queue.isSeveral && queue.bytes <= GATHER_FROM) queue.pack(GATHER_FROM);
    this.slot = queue.isSeveral && queue.views === 0 ? this.sendSeveral() : this.sendFirst();
    this.flight = SENDING;
  }

  private sendFirst(): number {
    const { queue, ring } = this;
    const { memory, offset, length } = queue.first!;
    if (memory!.isKeptBy(ring.native)) {
      // Of a send that takes all there is, with nobody to be told, the end only releases memory.
      const marks = this.isAttended || queue.isSeveral ? 0 : QUIET;
      return ring.sendKept(this.fd, memory!, offset, length, SEND_FLAGS, this, marks);
    }
    const id = own.send(ring, this, this.fd, memory!, offset, length, SEND_FLAGS);
    return ring.handlers.slotOf(id);
  }

  private sendSeveral(): number {
    const { queue, ring } = this;
    const buffers = queue.buffersAtFront(SEGMENTS_PER_SEND);
    return ring.handlers.slotOf(own.sendmsg(ring, this, this.fd, { buffers }, SEND_FLAGS));
  }

  // Nothing may be in flight that takes bytes. What fails is told at the end of the batch.
  private sendAtOnce(): void {
    if (this.failure !== 0 || this.isFull || this.stopped) return;
    try {
      this.failure = this.sendByCalls();
    } catch {
      // A buffer was detached.
    }
  }

  // All that waits, or as much of it as the socket takes: 0 or -errno.
  private sendByCalls(): number {
    const { fd, queue } = this;
    while (!queue.isEmpty) {
      const buffers = queue.buffersAtFront(SEGMENTS_PER_SEND);
      const result = trySend(fd, buffers);
      this.isFull = result < lengthOf(buffers);
      if (result < 0) return isFailure(result) ? result : 0;
      queue.cut(result);
      this.bytes += result;
      this.idle?.touch();
      if (this.isFull) return 0;
    }
    return 0;
  }

  /**
   * Sends what the kernel takes at once of all that waits: no completion may be dispatched any more. A send in
   * flight is given until `untilMs` to complete.
   */
  sendNow(untilMs: number): void {
    if (this.queue.isEmpty) return;
    if (this.flight === SENDING && !this.settleUntil(untilMs)) return;
    this.isFull = false;
    this.sendAtOnce();
  }

  private settleUntil(untilMs: number): boolean {
    this.hasten();
    this.ring.submitNow();
    while (!this.settle()) if (!this.ring.threaded || nowMs() >= untilMs) return false;
    return true;
  }

  // Whether the send in flight has completed; what it took is taken off then.
  private settle(): boolean {
    if (this.flight !== SENDING) return false;
    const result = waitingResult(this.ring, this.id);
    if (result === undefined || result < 0) return false;
    this.queue.cut(result);
    this.bytes += result;
    this.flight = COUNTED;
    return true;
  }

  // After writes of nothing, or of what was sent at once.
  private nothingToSend(): void {
    if (this.callbacks === null || !this.isEnding) this.allSent();
    // Not from here, where an exception would reach the ring; and as if a completion told it, before promises.
    if (this.callbacks !== null) nextTick(() => this.tellSent());
  }

  /** Tells those whose bytes are sent. */
  tellSent(): void {
    try {
      this.runCallbacks(this.bytes, undefined);
    } finally {
      if (this.isEnding) this.defer();
      else if (this.hasNoWork) this.giveBack();
    }
  }

  // Something comes after the send in flight, or somebody is told of its end.
  private get isAttended(): boolean {
    return this.callbacks !== null || this.needDrain || this.isEnding || this.idle !== null;
  }

  /** What was in flight completed. */
  complete(completion: number): void {
    const { flight, queue } = this;
    this.flight = IDLE;
    this.isFull = false;
    if (flight === SENDING && completion >= 0) {
      queue.cut(completion);
      this.bytes += completion;
      // All is sent, and nobody waits for that: by far the most.
      if (this.hasNoWork && this.landed === null) {
        this.giveBack();
        return;
      }
      this.idle?.touch();
    }
    this.afterFlight(flight === SENDING ? completion : this.polled(completion));
    if (this.hasNoWork) this.giveBack();
  }

  // The result of the send that was waited for.
  private polled(completion: number): number {
    if (completion < 0 || this.stopped) return Math.min(completion, 0);
    try {
      return this.sendByCalls();
    } catch (error) {
      this.host.sendFailed(error as Error, 'write');
      return 0;
    }
  }

  private afterFlight(result: number): void {
    const { landed } = this;
    if (result === -ECONNRESET) this.failure = result;
    try {
      this.landed = null;
      landed?.(result);
      if (this.stopped) this.host.sendStopped();
      else if (isFailure(result)) this.host.sendFailed(result, 'write');
      // An end comes later: those who are told may write more, as TLS does.
      else if (!this.queue.isEmpty || this.isEnding) this.defer();
      else if (this.needDrain) this.allSent();
    } finally {
      this.runCallbacks(this.bytes, undefined);
    }
  }

  private allSent(): void {
    if (this.isEnding) this.shutDown();
    if (!this.needDrain) return;
    this.needDrain = false;
    if (!this.isEnding) this.host.drained();
  }

  private runCallbacks(end: number, error: Error | undefined): void {
    const { callbacks } = this;
    if (callbacks === null) return;
    try {
      callbacks.run(end, error);
    } finally {
      if (callbacks.isEmpty && this.callbacks === callbacks) this.callbacks = null;
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
