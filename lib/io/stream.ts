// A connected byte stream over a socket: what TCP, Unix sockets and pipes share. Owns its
// descriptor; joins a Receiver and a Sender, and closes when both directions ended or destroy() was
// called: cancel what is in flight, await it, then close.
import { channels } from '../diagnostics';
import { AbortError, illegalConstructor, invalidArgType, systemError } from '../errors';
import { printSummariesOf, type Summary } from '../inspection';
import { close } from '../own-operations';
import type { Proactor } from '../proactor';
import { addon } from '../ring/binding';
import { ECANCELED, ECONNRESET } from '../ring/kernel';
import { queueMicrotask, setImmediate } from '../timers';
import { checkInteger, checkMs, checkSignal } from '../validate';
import { withResolvers } from '../with-resolvers';
import { IdleTimer } from './idle-timer';
import { type DataHandler, Receiver } from './receiver';
import type { Sender } from './sender';
import { putSender, takeSender } from './spare-senders';
import { destroyedError, writeAfterDestroy, writeAfterEnd } from './stream-errors';
import type { StreamOptions } from './stream-options';
import type { WriteCallback } from './write-callbacks';
import { checkWriteData, type WriteData } from './write-data';

/**
 * A connected byte stream. Receiving starts when somebody consumes: `onData`, `read()` or an
 * iteration. It ends when both directions ended, or with `destroy()`.
 */
export class Stream {
  /** What it runs on; `dispose()` of it destroys the stream. */
  readonly proactor: Proactor;
  /** Called when the peer ended its side, after all that it had sent was taken. */
  onEnd: (() => void) | null = null;
  /** Called when everything was sent after `write` had returned false. */
  onDrain: (() => void) | null = null;
  /** Called each time that `setTimeout`'s time passed without activity. */
  onTimeout: (() => void) | null = null;
  /**
   * Called once, when the descriptor is closed; with the error that ended the stream, if one did.
   */
  onClose: ((error: Error | undefined) => void) | null = null;

  readonly #fd: number;
  readonly #allowHalfOpen: boolean;
  readonly #receiver: Receiver;
  #sender: Sender | null = null; // there while there is something to send, and from its end on
  #sentBefore = 0; // by senders that were given back
  #idle: IdleTimer | null = null;
  #endWaiters: ((error?: Error) => void)[] | null = null;
  #error: Error | undefined;
  #destroyed = false;
  #closing = false;
  #isClosed = false;
  #closed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;

  /** Takes over a connected descriptor. @internal */
  constructor(proactor: Proactor, fd: number, options: StreamOptions = {}) {
    if (typeof fd !== 'number') throw illegalConstructor('TcpStream.connect()');
    const { allowHalfOpen = false, highWaterMark = 65536 } = options;
    checkInteger(highWaterMark, 'options.highWaterMark', 1, 0x7fffffff);
    this.proactor = proactor;
    this.#fd = fd;
    this.#allowHalfOpen = allowHalfOpen;
    this.#receiver = new Receiver(proactor.ring, fd, highWaterMark, this);
    proactor.own(this);
    proactor.ring.descriptors.add(fd);
  }

  // ---- receiving

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#receiver.bytes;
  }

  /**
   * Called with each piece of received data, which is borrowed: valid until the handler returns,
   * unless it is leased or copied. Setting it starts receiving; null stops giving bytes out, which
   * are then kept up to `highWaterMark`.
   *
   * @throws ERR_INVALID_ARG_TYPE; ERR_PROACTOR_READER_ACTIVE during a read or an iteration.
   */
  get onData(): DataHandler | null {
    return this.#receiver.onData;
  }

  set onData(handler: DataHandler | null) {
    this.#receiver.onData = handler;
  }

  /**
   * Stops receiving: what the peer sends stays in the kernel, and the peer is held back when that
   * is full. What the kernel had received by then comes after `resume()`: one receive buffer at the
   * most if the stream was paused not long ago, up to all of them at the first time.
   */
  pause(): void {
    this.#receiver.pause();
  }

  /** Goes on after `pause()`. */
  resume(): void {
    this.#receiver.resume();
  }

  /** True from `pause()` to `resume()`. */
  get isPaused(): boolean {
    return this.#receiver.paused;
  }

  /**
   * The next received bytes (at most `limit` of them), in memory of the caller's own; null when the peer
   * ended. One read at a time. Source: IORING_OP_RECV, copied out of the receive buffers.
   *
   * @throws ERR_OUT_OF_RANGE; ERR_PROACTOR_READER_ACTIVE where the data is consumed in another way.
   * As a rejection: the error that ended the stream.
   */
  read(limit = 0x7fffffff): Promise<Buffer | null> {
    return this.#read(limit, false);
  }

  #read(limit: number, ofIteration: boolean): Promise<Buffer | null> {
    if (this.#isClosed && this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isClosed) return Promise.resolve(null);
    return this.#receiver.read(limit, ofIteration);
  }

  /**
   * Received data piece by piece, in memory of the caller's own, until the peer ends. Leaving it
   * destroys the stream.
   *
   * @throws ERR_PROACTOR_READER_ACTIVE where the data is consumed in another way; the error that
   * ended the stream.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    this.#receiver.beginIteration();
    let ended = false;
    try {
      const next = (): Promise<Buffer | null> => this.#read(0x7fffffff, true);
      for (let data = await next(); data !== null; data = await next()) yield data;
      ended = true;
    } finally {
      this.#receiver.endIteration();
      if (!ended) this.destroy();
    }
  }

  // What the two halves report; they see only this much of the stream.

  /** @internal */
  receiveEnded(): void {
    if (!this.#allowHalfOpen && !this.#ending) this.#neededSender().end();
    try {
      this.onEnd?.();
    } finally {
      this.#closeWhenEnded();
    }
  }

  /** @internal */
  receiveFailed(failure: number | Error): void {
    this.destroy(typeof failure === 'number' ? systemError(failure, 'read') : failure);
  }

  /** @internal */
  receiveStopped(): void {
    this.#closeWhenIdle();
  }

  /** @internal */
  get sending(): Sender | null {
    return this.#sender;
  }

  /** @internal */
  giveBackSender(): void {
    const sender = this.#sender!;
    this.#sentBefore += sender.bytes;
    this.#sender = null;
    putSender(sender);
  }

  #neededSender(): Sender {
    if (this.#sender !== null) return this.#sender;
    const { ring } = this.proactor;
    this.#sender = takeSender(ring, this.#fd, this.#receiver.highWaterMark, this);
    this.#sender.idle = this.#idle;
    return this.#sender;
  }

  get #ending(): boolean {
    return this.#sender?.ending === true;
  }

  /** @internal */
  drained(): void {
    this.onDrain?.();
  }

  /** @internal */
  sendEnded(): void {
    this.#tellEndWaiters();
    this.#closeWhenEnded();
  }

  /** @internal */
  sendFailed(failure: number | Error, syscall: string): void {
    const fail = (): void => {
      this.destroy(typeof failure === 'number' ? systemError(failure, syscall) : failure);
    };
    // What came before a reset comes first.
    if (failure === -ECONNRESET && this.#receiver.inFlight) setImmediate(fail);
    else fail();
  }

  /** @internal */
  sendStopped(): void {
    this.#closeWhenIdle();
  }

  /** @internal */
  get receiveIsOver(): boolean {
    return this.#receiver.toldEnd;
  }

  // ---- sending

  /** Bytes sent so far: that are with the kernel. */
  get bytesWritten(): number {
    this.#sender?.hasten();
    return this.#sent;
  }

  get #sent(): number {
    return this.#sentBefore + (this.#sender?.bytes ?? 0);
  }

  /** Bytes written and not sent yet. */
  get writableLength(): number {
    this.#sender?.hasten();
    return this.#sender?.queued ?? 0;
  }

  /**
   * Sends data: in order, and together with what else is written in the same turn. Up to 16 KiB are
   * copied; a larger Buffer must not be changed until it is sent; the bytes of a Chunk or Lease are
   * sent from where they are, and kept until then. Returns false when `highWaterMark` is reached:
   * go on at `onDrain`; nothing is refused meanwhile. `callback` is called when all of it is with
   * the kernel (not: with the peer), or with the error that prevented it. Source: IORING_OP_SEND,
   * IORING_OP_SENDMSG.
   *
   * @throws ERR_STREAM_DESTROYED, or what destroyed the stream; ERR_STREAM_WRITE_AFTER_END;
   * ERR_INVALID_ARG_TYPE; ERR_PROACTOR_CHUNK_RETURNED. Nothing is written then.
   */
  write(data: WriteData, callback?: WriteCallback): boolean {
    if (this.#destroyed || callback !== undefined) this.#checkWritable(callback);
    const sender = this.#neededSender();
    if (sender.ending) throw writeAfterEnd();
    sender.add(data);
    return sender.added(callback);
  }

  /**
   * As `write` of a string, in another encoding than UTF-8.
   *
   * @throws As `write`.
   */
  writeText(text: string, encoding: BufferEncoding, callback?: WriteCallback): boolean {
    this.#checkWritable(callback);
    if (typeof text !== 'string') throw invalidArgType('text', 'of type string', text);
    if (!Buffer.isEncoding(encoding))
      throw invalidArgType('encoding', 'a known encoding', encoding);
    const sender = this.#neededSender();
    sender.addText(text, encoding);
    return sender.added(callback);
  }

  /**
   * As `write`; fulfilled when all of it is with the kernel. An abort ends the waiting, not the
   * sending.
   *
   * @throws As `write`. As a rejection: what prevented the sending; an AbortError.
   */
  writeAsync(data: WriteData, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    checkSignal(signal, 'options.signal');
    this.#checkWritable(undefined);
    checkWriteData(data);
    if (signal?.aborted) return Promise.reject(new AbortError(signal.reason));
    const { promise, resolve, reject } = withResolvers();
    const abort = (): void => reject(new AbortError(signal?.reason));
    this.write(data, (error) => {
      signal?.removeEventListener('abort', abort);
      if (error === undefined) resolve();
      else reject(error);
    });
    signal?.addEventListener('abort', abort, { once: true });
    return promise;
  }

  #checkWritable(callback: WriteCallback | undefined): void {
    if (this.#destroyed) throw this.#error ?? writeAfterDestroy();
    if (this.#ending) throw writeAfterEnd();
    if (callback !== undefined && typeof callback !== 'function') {
      throw invalidArgType('callback', 'of type function', callback);
    }
  }

  /**
   * Ends sending after what was written (and `data`); the peer sees the end. Fulfilled when the
   * peer can. The stream closes when the peer has ended, too, and what it had sent was read: who
   * does not want to read that calls `destroy()`. Source: IORING_OP_SHUTDOWN.
   *
   * @throws As `write`, for `data`. As a rejection: what prevented the sending.
   */
  end(data?: WriteData): Promise<void> {
    if (data !== undefined) this.write(data);
    if (this.#sender?.ended) return Promise.resolve();
    if (!this.#destroyed && !this.#ending) {
      this.#neededSender().end();
      this.#receiver.watchForEnd();
    }
    const ended = new Promise<void>((resolve, reject) => {
      if (this.#destroyed) reject(this.#error ?? destroyedError());
      else {
        this.#endWaiters ??= [];
        this.#endWaiters.push((error) => (error === undefined ? resolve() : reject(error)));
      }
    });
    // Who does not await it is told through onClose.
    ended.catch(() => {});
    return ended;
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

  /**
   * Ends the stream now: what waits to be sent is dropped. `error` goes to pending calls and to
   * `onClose`. The descriptor is closed once the kernel has given back what was in flight on it; see
   * `closed`. Source: IORING_OP_ASYNC_CANCEL, IORING_OP_CLOSE.
   */
  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#error = error;
    this.#idle?.stop();
    this.#receiver.stop();
    this.#sender?.stop();
    this.#closeWhenIdle();
    return this;
  }

  /** As `destroy`, with a reset: the peer's next read fails with ECONNRESET. Source: SO_LINGER. */
  resetAndDestroy(): this {
    if (!this.#destroyed) addon!.setLinger(this.#fd, true, 0);
    return this.destroy();
  }

  /** The proactor is disposed of. @internal */
  endWithOwner(reason: Error): void {
    this.destroy(reason);
  }

  /** Ends sending, then closes; for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#destroyed) {
      await this.end().catch(() => {});
      this.destroy();
    }
    await this.closed;
  }

  #tellEndWaiters(makeError?: () => Error): void {
    const waiters = this.#endWaiters;
    this.#endWaiters = null;
    if (waiters !== null) for (const done of waiters) done(makeError?.());
  }

  #closeWhenEnded(): void {
    if (this.#receiver.toldEnd && this.#sender?.ended) this.destroy();
  }

  // Only when the kernel is done with the descriptor: closing it earlier would let late data land
  // in its successor.
  #closeWhenIdle(): void {
    if (this.#closing || this.#receiver.inFlight || this.#sender?.inFlight) return;
    this.#closing = true;
    const { ring } = this.proactor;
    // From here on the operation's to close. Were it the other way round, a worker that is
    // terminated in between would close it twice, and it might be another's by then.
    ring.descriptors.delete(this.#fd);
    const onClosed = (result: number): void => {
      // Cancelled together with everything else: then it is closed here.
      if (result === -ECANCELED) ring.closeDescriptor(this.#fd);
      this.#finish();
    };
    try {
      close(ring, onClosed, this.#fd);
    } catch {
      // No slot is free for it, or the proactor is being disposed of.
      ring.closeDescriptor(this.#fd);
      queueMicrotask(() => this.#finish());
    }
  }

  #finish(): void {
    this.#isClosed = true;
    this.proactor.disown(this);
    const error = this.#error;
    // Made only where somebody waits: most streams end without that.
    const unsent = (): Error => error ?? destroyedError();
    this.#receiver.finish(error);
    this.#tellEndWaiters(unsent);
    channels.streamClose.publish({ stream: this, error });
    this.#resolveClosed?.();
    try {
      this.#sender?.finish(unsent);
    } finally {
      this.onClose?.(error);
    }
  }

  // ---- the rest

  /**
   * Calls `onTimeout` each time that so much time passes without a byte in either direction; 0
   * turns it off. `idleMs`: milliseconds, up to 2147483647. The timer does not keep the process
   * alive, and ends nothing by itself.
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE.
   */
  setTimeout(idleMs: number): this {
    checkMs(idleMs, 'idleMs', 0x7fffffff);
    this.#idle?.stop();
    const idle =
      idleMs === 0 || this.#destroyed
        ? null
        : new IdleTimer(this.proactor.ring, idleMs, () => this.onTimeout?.());
    this.#idle = this.#receiver.idle = idle;
    if (this.#sender !== null) this.#sender.idle = idle;
    return this;
  }

  /** Keeps the process alive while it receives (as it does by default). */
  ref(): this {
    this.#receiver.setReferenced(true);
    return this;
  }

  /** Receiving does not keep the process alive; sending still does. */
  unref(): this {
    this.#receiver.setReferenced(false);
    return this;
  }

  /** The descriptor, for options of the socket. It stays the stream's. */
  get fd(): number {
    return this.#fd;
  }

  // Figures as they are known: asking for newer ones, as the getters do, would hasten completions.
  /** @internal */
  summary(): Summary {
    return {
      state: this.#state,
      fd: this.#isClosed ? undefined : this.#fd,
      bytesRead: this.#receiver.bytes,
      bytesWritten: this.#sent,
      writableLength: this.#sender?.queued ?? 0,
      isPaused: this.#receiver.paused,
    };
  }

  // In the words of net.Socket's readyState.
  get #state(): string {
    if (this.#isClosed) return 'closed';
    if (this.#destroyed) return 'closing';
    if (this.#ending) return 'readOnly';
    return this.#receiver.toldEnd ? 'writeOnly' : 'open';
  }

  static {
    printSummariesOf(Stream);
  }
}
