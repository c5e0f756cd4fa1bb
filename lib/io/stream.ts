// A connected byte stream over a socket: what TCP, Unix sockets and pipes share. Owns its descriptor.
//
//   receive:  idle -> armed (multishot) -> idle …          paused or queue full: cancelled; no buffers: waits for one
//   send:     SendQueue, one operation in flight           end(): shutdown when everything is sent
//   close:    both directions ended, or destroy(): cancel what is in flight, await it, close the descriptor
import { channels } from '../diagnostics';
import { AbortError, invalidArgType, proactorError, systemError, type SystemError } from '../errors';
import type { Proactor } from '../proactor';
import type { OperationId } from '../ring/handler-table';
import * as kernel from '../ring/kernel';
import { COUNTER_BUFFER_EXHAUSTION, NOW_MS } from '../ring/layout';
import type { Ring } from '../ring/ring';
import { checkInteger, checkMs, checkSignal } from '../validate';
import { addon } from '../ring/binding';
import { Chunk } from './chunk';
import { IdleTimer } from './idle-timer';
import { InboundQueue } from './inbound-queue';
import { SendQueue, type WriteData } from './send-queue';

export interface StreamOptions {
  /** Bytes waiting to be sent, or received and not taken, from which on backpressure sets in. Default: 65536. */
  readonly highWaterMark?: number;
  /** Keep sending possible after the peer ended. Default: false, the stream then ends itself. */
  readonly allowHalfOpen?: boolean;
}

const { ECANCELED, EAGAIN, EINTR, ENOBUFS, ENOTCONN, IORING_CQE_F_MORE: F_MORE } = kernel;

type Reader = { resolve: (data: Buffer | null) => void; reject: (error: Error) => void; limit: number };

export class Stream {
  readonly proactor: Proactor;
  /** Bytes received and sent so far. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Called when the peer ended its side. */
  onEnd: (() => void) | null = null;
  /** Called when `write` may be called again after it returned false. */
  onDrain: (() => void) | null = null;
  /** Called after `setTimeout`'s time without activity. */
  onTimeout: (() => void) | null = null;
  /** Called once, when the descriptor is closed; with the error that ended the stream, if one did. */
  onClose: ((error: Error | undefined) => void) | null = null;

  readonly #ring: Ring;
  readonly #fd: number;
  readonly #highWaterMark: number;
  readonly #allowHalfOpen: boolean;
  readonly #outbound: SendQueue;
  readonly #inbound: InboundQueue;
  readonly #chunk: Chunk;
  #onData: ((chunk: Chunk) => void) | null = null;
  #reader: Reader | null = null;
  #iterating = false;
  #paused = false;
  #discarding = false; // nobody reads, and nobody will: only the end is waited for
  #receiveId: OperationId = 0;
  #receiveCancelled = false;
  #waitingForBuffer = false;
  #sendId: OperationId = 0;
  #shutdownId: OperationId = 0;
  #deferred = false;
  #needDrain = false;
  #ending = false;
  #readEnded = false;
  #endAnnounced = false; // after what was received before was taken
  #writeEnded = false;
  #destroyed = false;
  #closing = false;
  #isClosed = false;
  #referenced = true;
  #error: Error | undefined;
  #callbacks: { readonly at: number; readonly call: (error?: Error) => void }[] = [];
  #endWaiters: ((error?: Error) => void)[] = [];
  #idle: IdleTimer | null = null;
  #disown: () => void;
  #closed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;

  /** Takes over a connected descriptor. @internal */
  constructor(proactor: Proactor, fd: number, options: StreamOptions = {}) {
    this.proactor = proactor;
    this.#ring = proactor.ring;
    this.#fd = fd;
    this.#highWaterMark = checkInteger(options.highWaterMark ?? 65536, 'options.highWaterMark', 1, 0x7fffffff);
    this.#allowHalfOpen = options.allowHalfOpen ?? false;
    this.#outbound = new SendQueue(this.#ring);
    this.#inbound = new InboundQueue(this.#ring.buffers);
    this.#chunk = new Chunk(this.#ring.buffers);
    this.#disown = proactor.own(this);
  }

  // ---- receiving

  /**
   * Called with each piece of received data, which is borrowed: valid until the handler returns, unless it is leased
   * or copied. Setting it starts receiving.
   */
  get onData(): ((chunk: Chunk) => void) | null {
    return this.#onData;
  }

  set onData(handler: ((chunk: Chunk) => void) | null) {
    if (handler !== null && typeof handler !== 'function') throw invalidArgType('onData', 'of type function or null', handler);
    if (handler !== null && (this.#reader !== null || this.#iterating)) throw this.#readerActive();
    this.#onData = handler;
    if (handler !== null) this.#wakeReader();
  }

  /** Stops receiving: what the peer sends stays in the kernel, and it is held back when that is full. */
  pause(): void {
    this.#paused = true;
    this.#cancelReceive();
  }

  /** Goes on after `pause()`. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wakeReader();
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /**
   * The next received bytes (at most `limit`), in memory of the caller's own; null when the peer ended. One read at a
   * time.
   */
  read(limit = 0x7fffffff): Promise<Buffer | null> {
    checkInteger(limit, 'limit', 1, 0x7fffffff);
    if (this.#onData !== null || this.#reader !== null) throw this.#readerActive();
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject, limit };
      this.#wakeReader();
    });
  }

  /** Received data piece by piece, in memory of the caller's own, until the peer ends. Leaving the loop destroys the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    if (this.#iterating) throw this.#readerActive();
    this.#iterating = true;
    let ended = false;
    try {
      for (let data = await this.read(); data !== null; data = await this.read()) yield data;
      ended = true;
    } finally {
      this.#iterating = false;
      if (!ended) this.destroy();
    }
  }

  #readerActive(): Error {
    return proactorError('ERR_PROACTOR_READER_ACTIVE', 'The data is consumed already: by onData, a pending read, or iteration');
  }

  get #wantsData(): boolean {
    return this.#onData !== null || this.#reader !== null || this.#discarding;
  }

  // Gives what is queued to whoever wants it, and sees to it that more comes.
  #wakeReader(): void {
    if (this.#inbound.isEmpty || this.#onData === null) {
      this.#serveReader();
      this.#armReceive();
    } else {
      // Not from within the setter: a handler is called from the event loop only.
      queueMicrotask(() => this.#drainInbound());
    }
  }

  #drainInbound(): void {
    while (!this.#inbound.isEmpty && this.#onData !== null && !this.#paused && !this.#destroyed) {
      const held = this.#inbound.shift()!;
      try {
        this.#lend(held.offset, held.length, held.copy);
      } finally {
        this.#inbound.release(held);
      }
    }
    if (this.#readEnded) this.#announceEnd();
    this.#armReceive();
  }

  #serveReader(): void {
    const reader = this.#reader;
    if (reader === null) return;
    if (!this.#inbound.isEmpty) {
      this.#reader = null;
      reader.resolve(this.#inbound.take(reader.limit));
    } else if (this.#destroyed && this.#error !== undefined) {
      this.#reader = null;
      reader.reject(this.#error);
    } else if (this.#readEnded || this.#destroyed) {
      this.#reader = null;
      reader.resolve(null);
      this.#announceEnd();
    }
  }

  #armReceive(): void {
    if (this.#receiveId !== 0 || this.#waitingForBuffer || this.#readEnded || this.#destroyed || this.#paused) return;
    // Before anybody asked, receiving would only fill memory; and with enough queued it waits, too.
    if (!this.#wantsData || this.#inbound.bytes >= this.#highWaterMark) return;
    this.#receiveCancelled = false;
    try {
      this.#receiveId = this.proactor.recvMultishot(this.#fd, this.#ring.buffers, 0, this.#onReceive);
    } catch (error) {
      // No slot is free for it.
      this.destroy(error as Error);
      return;
    }
    if (!this.#referenced) this.proactor.unrefOperation(this.#receiveId);
  }

  #cancelReceive(): void {
    if (this.#receiveId === 0 || this.#receiveCancelled) return;
    this.#receiveCancelled = true;
    this.proactor.cancel(this.#receiveId);
  }

  readonly #onReceive = (result: number, flags: number): void => {
    if ((flags & F_MORE) === 0) this.#receiveId = 0;
    if (result > 0) this.#received(result, flags);
    else this.#receiveEnded(result);
  };

  #received(length: number, flags: number): void {
    const { buffers } = this.#ring;
    const offset = buffers.take(length, flags);
    this.bytesRead += length;
    if (this.#idle !== null) this.#idle.touch();
    if (this.#onData !== null && !this.#paused && this.#inbound.isEmpty && !this.#destroyed) {
      try {
        this.#lend(offset, length, null);
      } finally {
        buffers.release(offset);
        if (this.#receiveId === 0) this.#armReceive();
      }
      return;
    }
    if (this.#destroyed || this.#discarding) {
      buffers.release(offset);
    } else {
      this.#inbound.push(offset, length);
      this.#serveReader();
      if (this.#inbound.bytes >= this.#highWaterMark) this.#cancelReceive();
    }
    if (this.#receiveId === 0) this.#receiveStopped();
  }

  #lend(offset: number, length: number, copy: Buffer | null): void {
    const chunk = this.#chunk;
    chunk.lend(offset, length, copy);
    try {
      this.#onData!(chunk);
    } finally {
      chunk.takeBack();
    }
  }

  #receiveEnded(result: number): void {
    if (result === 0) {
      this.#readEnded = true;
      this.#serveReader();
      if (this.#inbound.isEmpty) this.#announceEnd();
    } else if (result === -ENOBUFS) {
      this.#ring.counters[COUNTER_BUFFER_EXHAUSTION]!++;
      channels.buffersExhausted.publish({ stream: this });
      this.#waitingForBuffer = true;
      this.#ring.buffers.whenAvailable(() => {
        this.#waitingForBuffer = false;
        this.#armReceive();
      });
    } else if (result !== -ECANCELED && result !== -EINTR && result !== -EAGAIN) {
      this.destroy(this.#failure(result, 'read'));
    }
    if (this.#receiveId === 0) this.#receiveStopped();
  }

  // No receive is in flight any more: the last step of closing, or the moment to go on after a cancelled pause.
  #receiveStopped(): void {
    if (this.#destroyed) this.#closeWhenIdle();
    else this.#armReceive();
  }

  #announceEnd(): void {
    if (this.#endAnnounced || this.#destroyed) return;
    this.#endAnnounced = true;
    if (!this.#allowHalfOpen) this.#ending = true;
    this.#defer();
    this.onEnd?.();
    this.#closeWhenEnded();
  }

  // ---- sending

  /** Bytes written and not sent yet. */
  get writableLength(): number {
    return this.#outbound.bytes;
  }

  /**
   * Sends data: in order, and together with what else is written in the same turn. Small data is copied; a large Buffer
   * must not be changed until it is sent; a Chunk or Lease is neither copied nor kept from being released. Returns
   * false when `highWaterMark` is reached: go on at `onDrain`. `callback` is called when all of it is with the kernel.
   */
  write(data: WriteData, callback?: (error?: Error) => void): boolean {
    this.#checkWritable();
    if (callback !== undefined && typeof callback !== 'function') throw invalidArgType('callback', 'of type function', callback);
    this.#outbound.add(data);
    return this.#written(callback);
  }

  /** As `write` of a string, in another encoding. */
  writeText(text: string, encoding: BufferEncoding, callback?: (error?: Error) => void): boolean {
    this.#checkWritable();
    if (typeof text !== 'string') throw invalidArgType('text', 'of type string', text);
    if (!Buffer.isEncoding(encoding)) throw invalidArgType('encoding', 'a known encoding', encoding);
    this.#outbound.addText(text, encoding);
    return this.#written(callback);
  }

  /** As `write`; fulfilled when all of it is with the kernel. An abort ends the waiting, not the sending. */
  writeAsync(data: WriteData, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    checkSignal(signal, 'options.signal');
    if (signal?.aborted) return Promise.reject(new AbortError(signal.reason));
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new AbortError(signal?.reason));
      this.write(data, (error) => {
        signal?.removeEventListener('abort', abort);
        if (error === undefined) resolve();
        else reject(error);
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #checkWritable(): void {
    if (this.#destroyed) throw this.#error ?? proactorError('ERR_STREAM_DESTROYED', 'Cannot write after a stream was destroyed');
    if (this.#ending) throw proactorError('ERR_STREAM_WRITE_AFTER_END', 'write after end');
  }

  #written(callback: ((error?: Error) => void) | undefined): boolean {
    const { bytes } = this.#outbound;
    if (callback !== undefined) this.#callbacks.push({ at: this.bytesWritten + bytes, call: callback });
    if (this.#sendId === 0) this.#defer();
    if (bytes < this.#highWaterMark) return true;
    this.#needDrain = true;
    return false;
  }

  #defer(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#ring.defer(this);
  }

  /** Initiates the send of what was written in this batch. @internal */
  runDeferred(): void {
    this.#deferred = false;
    if (this.#sendId !== 0 || this.#destroyed) return;
    try {
      if (this.#outbound.hasWaiting) this.#startSend();
      else this.#sentAll();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #startSend(): void {
    this.#sendId = this.#outbound.start(this.proactor, this.#fd, this.#onSent);
  }

  readonly #onSent = (result: number): void => {
    this.#sendId = 0;
    const sent = result > 0 ? result : 0;
    this.#outbound.settle(sent);
    this.bytesWritten += sent;
    if (this.#idle !== null) this.#idle.touch();
    if (this.#callbacks.length > 0) this.#runCallbacks();
    if (this.#destroyed) this.#closeWhenIdle();
    else if (result < 0 && result !== -EINTR && result !== -EAGAIN && result !== -ECANCELED) {
      this.destroy(this.#failure(result, 'write'));
    } else if (this.#outbound.hasWaiting) this.#defer();
    else this.#sentAll();
  };

  #sentAll(): void {
    if (this.#outbound.bytes > 0) return;
    if (this.#needDrain) {
      this.#needDrain = false;
      this.onDrain?.();
    }
    if (this.#ending && !this.#destroyed && this.#outbound.bytes === 0) this.#startShutdown();
  }

  #runCallbacks(): void {
    while (this.#callbacks.length > 0 && this.#callbacks[0]!.at <= this.bytesWritten) this.#callbacks.shift()!.call();
  }

  /** Ends sending after what was written (and `data`); the peer sees the end. Fulfilled when the peer can. */
  end(data?: WriteData): Promise<void> {
    if (data !== undefined) this.write(data);
    if (!this.#ending) {
      this.#ending = true;
      // Where nobody reads, the peer's end would never be noticed.
      if (!this.#wantsData && !this.#iterating) {
        this.#discarding = true;
        this.#armReceive();
      }
      this.#defer();
    }
    if (this.#writeEnded) return Promise.resolve();
    if (this.#destroyed) return this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error);
    const ended = new Promise<void>((resolve, reject) => {
      this.#endWaiters.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    // Who does not await it is told through onClose.
    ended.catch(() => {});
    return ended;
  }

  #startShutdown(): void {
    if (this.#shutdownId !== 0 || this.#writeEnded) return;
    // Both directions are over: closing ends the connection as well.
    if (this.#readEnded && this.#endAnnounced) {
      this.#writeEnd();
      return;
    }
    this.#shutdownId = this.proactor.shutdown(this.#fd, kernel.SHUT_WR, (result) => {
      this.#shutdownId = 0;
      // ENOTCONN: the peer was faster, with a reset that the receive reports.
      if (this.#destroyed) this.#closeWhenIdle();
      else if (result < 0 && result !== -ENOTCONN) this.destroy(this.#failure(result, 'shutdown'));
      else this.#writeEnd();
    });
  }

  #writeEnd(): void {
    this.#writeEnded = true;
    for (const done of this.#endWaiters.splice(0)) done();
    this.#closeWhenEnded();
  }

  // ---- closing

  /** Sending and receiving have both ended, or destroy() was called. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Fulfilled when the descriptor is closed. Never rejected: `onClose` has the error. */
  get closed(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#closed ??= new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    return this.#closed;
  }

  #closeWhenEnded(): void {
    if (this.#endAnnounced && this.#writeEnded) this.destroy();
  }

  /** Ends the stream now: what waits to be sent is dropped. `error` goes to pending calls and to `onClose`. */
  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#error = error;
    this.#idle?.stop();
    this.#cancelReceive();
    if (this.#sendId !== 0) this.proactor.cancel(this.#sendId);
    if (this.#shutdownId !== 0) this.proactor.cancel(this.#shutdownId);
    this.#closeWhenIdle();
    return this;
  }

  /** Ends the stream with a reset: the peer's next read fails with ECONNRESET. */
  resetAndDestroy(): this {
    if (!this.#destroyed) addon!.setLinger(this.#fd, true, 0);
    return this.destroy();
  }

  /** The proactor is disposed of. @internal */
  endWithOwner(): void {
    this.destroy(proactorError('ERR_PROACTOR_DISPOSED', 'The proactor was disposed of'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#destroyed) {
      await this.end().catch(() => {});
      this.destroy();
    }
    await this.closed;
  }

  // Only when the kernel is done with the descriptor: closing it earlier would let late data land in its successor.
  #closeWhenIdle(): void {
    if (this.#closing || this.#receiveId !== 0 || this.#sendId !== 0 || this.#shutdownId !== 0) return;
    this.#closing = true;
    this.#inbound.clear();
    this.#outbound.clear();
    try {
      this.proactor.close(this.#fd, (result) => {
        // Cancelled together with everything else: then it is closed here.
        if (result === -ECANCELED) addon!.closeDescriptor(this.#fd);
        this.#finish();
      });
    } catch {
      // No slot is free for it.
      addon!.closeDescriptor(this.#fd);
      queueMicrotask(() => this.#finish());
    }
  }

  #finish(): void {
    this.#isClosed = true;
    this.#disown();
    const error = this.#error;
    const ending = error ?? proactorError('ERR_STREAM_DESTROYED', 'The stream was destroyed before this was done');
    const reader = this.#reader;
    this.#reader = null;
    if (reader !== null) {
      if (error === undefined) reader.resolve(null);
      else reader.reject(error);
    }
    for (const { call } of this.#callbacks.splice(0)) call(ending);
    for (const done of this.#endWaiters.splice(0)) done(error);
    channels.streamClose.publish({ stream: this, error });
    this.#resolveClosed?.();
    this.onClose?.(error);
  }

  #failure(errno: number, syscall: string): SystemError {
    return systemError(errno, syscall);
  }

  // ---- the rest

  /** Calls `onTimeout` after this time without a byte in either direction; 0 turns it off. */
  setTimeout(idleMs: number): this {
    checkMs(idleMs, 'idleMs', 0x7fffffff);
    this.#idle?.stop();
    this.#idle = idleMs === 0 ? null : new IdleTimer(this.#ring, NOW_MS, idleMs, () => this.onTimeout?.());
    return this;
  }

  /** Keeps the process alive while it receives (as it does by default). */
  ref(): this {
    this.#referenced = true;
    if (this.#receiveId !== 0) this.proactor.refOperation(this.#receiveId);
    return this;
  }

  /** Receiving does not keep the process alive; sending still does. */
  unref(): this {
    this.#referenced = false;
    if (this.#receiveId !== 0) this.proactor.unrefOperation(this.#receiveId);
    return this;
  }

  /** The descriptor, for options of the socket. It stays the stream's. */
  get fd(): number {
    return this.#fd;
  }
}
