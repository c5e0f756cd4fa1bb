// The receiving half of a stream: one receive into shared buffers, and whoever consumes what it
// brings. A repeated (multishot) one for who takes all as it comes; one at a time for who may be
// slower than the peer: a repeated receive goes on for as long as data comes and buffers are left,
// before anybody can end it.
//
//   idle -> armed -> idle …      paused, or enough queued: cancelled;   no buffer free: waits for one;   0 bytes: ended
import { initiatorOf } from '../define-operation';
import { channels } from '../diagnostics';
import { invalidArgType, proactorError } from '../errors';
import { operations } from '../operations';
import type { Proactor } from '../proactor';
import type { CompletionTarget, OperationId } from '../ring/handler-table';
import { EAGAIN, ECANCELED, EINTR, ENOBUFS, IORING_CQE_F_MORE } from '../ring/kernel';
import { COUNTER_BUFFER_EXHAUSTION } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { checkInteger } from '../validate';
import { Chunk } from './chunk';
import type { IdleTimer } from './idle-timer';
import { InboundQueue } from './inbound-queue';

const receiveMultishot = initiatorOf('recvMultishot', operations.recvMultishot);
const receiveOnce = initiatorOf('recvProvided', operations.recvProvided);

/** Receives, one at a time, after which a stream that was paused is trusted to keep up again. */
const SINGLES_AFTER_PAUSE = 64;

/**
 * Called with received bytes, which are borrowed: valid until it returns. What it throws is an
 * uncaught exception; the stream goes on.
 */
export type DataHandler = (chunk: Chunk) => void;

/** What the stream does about what its receiver finds. */
export interface ReceiverHost {
  /** The peer ended, and all that came before was consumed. */
  receiveEnded(): void;
  receiveFailed(failure: number | Error): void;
  /** Nothing is in flight any more after `stop()`. */
  receiveStopped(): void;
}

interface Reader {
  readonly resolve: (data: Buffer | null) => void;
  readonly reject: (error: Error) => void;
  readonly limit: number;
}

export class Receiver implements CompletionTarget {
  bytes = 0;
  idle: IdleTimer | null = null;
  private readonly proactor: Proactor;
  protected readonly ring: Ring;
  private readonly fd: number;
  private readonly host: ReceiverHost;
  private readonly highWaterMark: number;
  // Made when they are first needed: a connection that is idle has neither.
  private inbound: InboundQueue | null = null;
  private chunk: Chunk | null = null;
  private handler: DataHandler | null = null;
  private reader: Reader | null = null;
  private iterating = false;
  protected isPaused = false;
  private watching = false; // nobody reads yet, and still the peer's end is to be noticed
  private id: OperationId = 0;
  private cancelled = false;
  private repeats = false; // the receive in flight is a repeated one
  private singlesLeft = 0;
  private waitingForBuffer = false;
  #ended = false;
  private endAnnounced = false;
  private stopped = false;
  private referenced = true;

  constructor(proactor: Proactor, fd: number, highWaterMark: number, host: ReceiverHost) {
    this.proactor = proactor;
    this.ring = proactor.ring;
    this.fd = fd;
    this.host = host;
    this.highWaterMark = highWaterMark;
  }

  /** A receive is in flight: the descriptor may not be closed. */
  get inFlight(): boolean {
    return this.id !== 0;
  }

  /** The peer's end was told. */
  get ended(): boolean {
    return this.endAnnounced;
  }

  get paused(): boolean {
    return this.isPaused;
  }

  get onData(): DataHandler | null {
    return this.handler;
  }

  set onData(handler: DataHandler | null) {
    if (handler !== null && typeof handler !== 'function') {
      throw invalidArgType('onData', 'of type function or null', handler);
    }
    if (handler !== null && (this.reader !== null || this.iterating)) throw readerActive();
    this.handler = handler;
    if (handler !== null) this.wake();
    else if (this.repeats) this.cancel();
  }

  /** `ofIteration`: it is a step of the iteration that `beginIteration` began. */
  read(limit: number, ofIteration: boolean): Promise<Buffer | null> {
    checkInteger(limit, 'limit', 1, 0x7fffffff);
    if (this.handler !== null || this.reader !== null || this.iterating !== ofIteration) {
      throw readerActive();
    }
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject, limit };
      this.wake();
    });
  }

  beginIteration(): void {
    if (this.iterating || this.reader !== null || this.handler !== null) throw readerActive();
    this.iterating = true;
  }

  endIteration(): void {
    this.iterating = false;
  }

  pause(): void {
    this.isPaused = true;
    this.singlesLeft = SINGLES_AFTER_PAUSE;
    this.cancel();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.wake();
  }

  /** Receives from now on although nobody may have asked yet, so that the peer's end is noticed. */
  watchForEnd(): void {
    this.watching = true;
    this.arm();
  }

  /** Ends receiving; `receiveStopped` is called if something is still in flight. */
  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  /** The descriptor is closed: gives back what nobody consumed, and answers a pending read. */
  finish(error: Error | undefined): void {
    this.inbound?.clear();
    const reader = this.reader;
    this.reader = null;
    if (reader === null) return;
    if (error === undefined) reader.resolve(null);
    else reader.reject(error);
  }

  setReferenced(referenced: boolean): void {
    this.referenced = referenced;
    if (this.id === 0) return;
    if (referenced) this.proactor.refOperation(this.id);
    else this.proactor.unrefOperation(this.id);
  }

  private get queued(): number {
    return this.inbound === null ? 0 : this.inbound.bytes;
  }

  private get wanted(): boolean {
    return this.handler !== null || this.reader !== null || this.watching;
  }

  // Gives what is queued to whoever wants it, and sees to it that more comes.
  private wake(): void {
    if (this.queued === 0 || this.handler === null) {
      this.serveReader();
      this.arm();
    } else {
      // Not from within the setter: a handler is called from the event loop only.
      queueMicrotask(() => this.drainQueued());
    }
  }

  private drainQueued(): void {
    const inbound = this.inbound!;
    if (inbound.isEmpty || this.handler === null || this.isPaused || this.stopped) {
      this.announceEnd();
      this.arm();
      return;
    }
    const { offset, length, copy } = inbound.shift()!;
    try {
      this.lend(this.handler, offset, length, copy);
    } finally {
      // In a turn of its own, so that a handler that throws does not keep the rest back.
      queueMicrotask(() => this.drainQueued());
    }
  }

  // Ends the hold on the bytes, unless the handler made it somebody else's.
  protected lend(handler: DataHandler, offset: number, length: number, copy: Buffer | null): void {
    const chunk = this.chunk ?? this.makeChunk();
    chunk.lend(offset, length, copy);
    try {
      handler(chunk);
    } finally {
      if (chunk.takeBack() === false && copy === null) this.ring.buffers.release(offset);
    }
  }

  private makeChunk(): Chunk {
    this.chunk = new Chunk(this.ring.buffers);
    return this.chunk;
  }

  private serveReader(): void {
    const reader = this.reader;
    if (reader === null) return;
    if (this.queued > 0) {
      this.reader = null;
      reader.resolve(this.inbound!.take(reader.limit));
    } else if (this.#ended) {
      this.reader = null;
      reader.resolve(null);
      this.announceEnd();
    }
  }

  private arm(): void {
    if (this.id !== 0 || this.waitingForBuffer || this.#ended || this.stopped || this.isPaused)
      return;
    // Before anybody asked, receiving would only fill memory; and with enough queued it waits, too.
    if (!this.wanted || this.queued >= this.highWaterMark) return;
    this.cancelled = false;
    this.repeats = this.handler !== null && this.singlesLeft === 0;
    if (this.singlesLeft > 0) this.singlesLeft--;
    try {
      const receive = this.repeats ? receiveMultishot : receiveOnce;
      this.id = receive(this.ring, this, this.fd, this.ring.buffers, 0);
    } catch (error) {
      // No slot is free for it.
      this.host.receiveFailed(error as Error);
      return;
    }
    if (!this.referenced) this.proactor.unrefOperation(this.id);
  }

  private cancel(): void {
    if (this.id === 0 || this.cancelled) return;
    this.cancelled = true;
    this.proactor.cancel(this.id);
  }

  /** A completion of the receive. */
  complete(result: number, flags: number): void {
    if ((flags & IORING_CQE_F_MORE) !== 0 && result > 0) this.received(result, flags);
    else this.receiveEnded(result, flags);
  }

  // The last completion of a receive.
  private receiveEnded(result: number, flags: number): void {
    this.id = 0;
    try {
      if (result > 0) this.received(result, flags);
      else this.noData(result);
    } finally {
      // The last step of closing, or the moment to go on.
      if (this.stopped) this.host.receiveStopped();
      else this.arm();
    }
  }

  private received(length: number, flags: number): void {
    const offset = this.ring.buffers.take(length, flags);
    this.bytes += length;
    if (this.idle !== null) this.idle.touch();
    const handler = this.handler;
    if (handler === null || this.isPaused || this.stopped || this.queued > 0) {
      this.keep(offset, length);
    } else {
      this.lend(handler, offset, length, null);
    }
  }

  // Of bytes that nobody takes now.
  private keep(offset: number, length: number): void {
    const { buffers } = this.ring;
    if (this.stopped) {
      buffers.release(offset);
      return;
    }
    this.inbound ??= new InboundQueue(buffers);
    this.inbound.push(offset, length);
    this.serveReader();
    if (this.queued >= this.highWaterMark) this.cancel();
  }

  private noData(result: number): void {
    if (result === 0) {
      this.#ended = true;
      this.serveReader();
      this.announceEnd();
    } else if (result === -ENOBUFS) {
      this.ring.counters[COUNTER_BUFFER_EXHAUSTION]!++;
      channels.buffersExhausted.publish({ stream: this.host });
      this.waitingForBuffer = true;
      this.ring.buffers.whenAvailable(() => {
        this.waitingForBuffer = false;
        this.arm();
      });
    } else if (result !== -ECANCELED && result !== -EINTR && result !== -EAGAIN) {
      this.host.receiveFailed(result);
    }
  }

  // After what came before was consumed.
  private announceEnd(): void {
    if (!this.#ended || this.endAnnounced || this.stopped || this.queued > 0) return;
    this.endAnnounced = true;
    this.host.receiveEnded();
  }
}

function readerActive(): Error {
  return proactorError(
    'ERR_PROACTOR_READER_ACTIVE',
    'The data is consumed already: by onData, by a pending read, or by an iteration',
  );
}
