// Accepting TCP connections: one multishot accept, its connections given to a handler or an
// iterator.
import { channels } from '../diagnostics';
import { illegalConstructor, invalidArgType, proactorError, systemError } from '../errors';
import { printSummariesOf, type Summary } from '../inspection';
import { acceptMultishot } from '../own-operations';
import { checkProactor, type Proactor } from '../proactor';
import { addon } from '../ring/binding';
import { cancelOperation } from '../ring/cancel';
import type { OperationId } from '../ring/handler-table';
import * as kernel from '../ring/kernel';
import type { Ring } from '../ring/ring';
import { ADDRESS_BYTES, encodeAddress, type SocketAddress } from '../socket-address';
import { clearTimeout, queueMicrotask, setTimeout } from '../timers';
import { checkBoolean, checkInteger, checkObject, checkPort, checkString } from '../validate';
import { kindOfFailure, RETRY_MS } from './accept-failure';
import { resolveHost } from './resolve';
import { TcpStream } from './tcp';
import {
  applySocketOptions,
  checkSocketOptions,
  localAddressOf,
  type TcpSocketOptions,
} from './tcp-options';

/** Options of `TcpAcceptor.listen`; those of a socket are for the connections it accepts. */
export interface ListenOptions extends TcpSocketOptions {
  /** 0 for a free one: `address` then tells it. Default: 0. */
  readonly port?: number;
  /**
   * A name or a numeric address. Default: all addresses, IPv6 and IPv4 ('::'), or '0.0.0.0' where
   * there is no IPv6.
   */
  readonly host?: string;
  /** Connections that the kernel keeps until they are accepted, listen(2). Default: 511. */
  readonly backlog?: number;
  /**
   * SO_REUSEPORT: several acceptors (workers) on one port, among which the kernel distributes.
   * Default: false.
   */
  readonly reusePort?: boolean;
  /** IPV6_V6ONLY: '::' does not accept IPv4. Default: false. */
  readonly ipv6Only?: boolean;
}

// Accepted connections that wait for the iterator's next turn.
const QUEUE_LIMIT = 64;

/** Called with each accepted connection. What it throws is an uncaught exception. */
export type ConnectionHandler = (stream: TcpStream) => void;

/**
 * Listens on a TCP port and makes a `TcpStream` of each connection, for a handler or an iteration.
 * Its multishot accept keeps the process alive; `unref()` ends that.
 */
export class TcpAcceptor {
  /** What it accepts on; `dispose()` of it closes the acceptor. */
  readonly proactor: Proactor;
  /** What it listens on, with the port that port 0 became. */
  readonly address: SocketAddress;
  /** Called when accepting failed in a way that passes, such as EMFILE. It goes on by itself. */
  onError: ((error: Error) => void) | null = null;

  readonly #fd: number;
  readonly #options: ListenOptions;
  #onConnection: ConnectionHandler | null = null;
  #queue: TcpStream[] = [];
  // Calls of the iterator's next() that nothing came for yet; then #queue is empty.
  #takers: ((result: IteratorResult<TcpStream, undefined>) => void)[] = [];
  #iterating = false;
  #delivering = false; // those of the queue, to the handler
  #id: OperationId = 0;
  #cancelled = false;
  #paused = false;
  #referenced = true;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #resolveClosed: (() => void) | undefined;

  private constructor(
    proactor: Proactor,
    fd: number,
    address: SocketAddress,
    options: ListenOptions,
  ) {
    if (typeof fd !== 'number') throw illegalConstructor('TcpAcceptor.listen()');
    this.proactor = proactor;
    this.address = address;
    this.#fd = fd;
    this.#options = options;
    proactor.own(this);
  }

  /**
   * Listens for connections. Accepting starts when there is a handler (given here or set later) or
   * an iteration.
   *
   * Source: socket(2), bind(2), listen(2), IORING_OP_ACCEPT.
   *
   * @throws All as rejections. For wrong options ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE,
   * ERR_SOCKET_BAD_PORT; EADDRINUSE, EACCES, EADDRNOTAVAIL…, with address and port; ENOTFOUND for an
   * unknown name; ERR_PROACTOR_DISPOSED.
   */
  static async listen(
    proactor: Proactor,
    options: ListenOptions = {},
    onConnection: ConnectionHandler | null = null,
  ): Promise<TcpAcceptor> {
    checkProactor(proactor);
    checkObject(options, 'options');
    const { backlog = 511, host, ipv6Only = false, reusePort = false } = options;
    const port = options.port === undefined ? 0 : checkPort(options.port, 'options.port');
    checkInteger(backlog, 'options.backlog', 0, 0x7fffffff);
    checkBoolean(ipv6Only, 'options.ipv6Only');
    checkBoolean(reusePort, 'options.reusePort');
    checkSocketOptions(options);
    if (host !== undefined) checkString(host, 'options.host');
    checkHandler(onConnection);
    const address = host === undefined ? undefined : (await resolveHost(host, 0))[0];
    proactor.checkNotDisposed();
    const fd = openListener(proactor.ring, address, {
      ...options,
      port,
      backlog,
      ipv6Only,
      reusePort,
    });
    const acceptor = new TcpAcceptor(proactor, fd, localAddressOf(fd)!, options);
    acceptor.onConnection = onConnection;
    return acceptor;
  }

  /**
   * Called with each connection. Setting it starts accepting; null stops giving them out, without
   * refusing any.
   *
   * @throws ERR_INVALID_ARG_TYPE; ERR_PROACTOR_READER_ACTIVE while an iteration takes them.
   */
  get onConnection(): ConnectionHandler | null {
    return this.#onConnection;
  }

  set onConnection(handler: ConnectionHandler | null) {
    checkHandler(handler);
    if (handler !== null && this.#iterating) {
      throw proactorError(
        'ERR_PROACTOR_READER_ACTIVE',
        'The connections are consumed already, by an iteration',
      );
    }
    this.#onConnection = handler;
    this.#deliverQueued();
    this.#arm();
  }

  /**
   * Stops accepting: connections wait in the kernel, as many as the backlog allows. Those that were
   * accepted by then are handed out after `resume()`.
   */
  pause(): void {
    this.#paused = true;
    this.#cancel();
  }

  /** Goes on after `pause()`. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliverQueued();
    this.#arm();
  }

  /** The listening descriptor, for operations on it. It stays the acceptor's. */
  get fd(): number {
    return this.#fd;
  }

  /** True from `close()` on. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  #arm(): void {
    if (this.#id !== 0 || this.#paused || this.closed || this.#retry !== undefined) return;
    if (this.#onConnection === null && !(this.#iterating && this.#queue.length < QUEUE_LIMIT))
      return;
    this.#cancelled = false;
    try {
      this.#id = acceptMultishot(this.proactor.ring, this.#onAccept, this.#fd, kernel.SOCK_CLOEXEC);
    } catch (error) {
      // No slot is free for it; or the proactor is being disposed of, which closes this as well.
      if (!this.proactor.disposed) this.#retryLater(error as Error);
      return;
    }
    if (!this.#referenced) this.proactor.ring.setReferenced(this.#id, false);
  }

  #cancel(): void {
    if (this.#id === 0 || this.#cancelled) return;
    this.#cancelled = true;
    cancelOperation(this.proactor.ring, this.#id);
  }

  readonly #onAccept = (result: number, flags: number): void => {
    if ((flags & kernel.IORING_CQE_F_MORE) === 0) this.#id = 0;
    try {
      // At once, so that a worker that is terminated in the middle of this leaves it to native code.
      if (result >= 0) this.proactor.ring.descriptors.add(result);
      if (result >= 0) this.#accepted(result);
      else this.#failed(result);
    } finally {
      // Also after a handler threw: the next connection is none of its business.
      if (this.#id === 0 && this.closed) this.#finishClose();
      else this.#arm();
    }
  };

  #accepted(fd: number): void {
    if (this.closed) {
      this.proactor.ring.closeDescriptor(fd);
      return;
    }
    const stream = new TcpStream(this.proactor, fd, this.#options);
    channels.accept.publish({ acceptor: this, stream });
    if (this.#onConnection !== null && !this.#paused && this.#queue.length === 0)
      this.#onConnection(stream);
    else {
      const take = this.#takers.shift();
      if (take !== undefined) take({ done: false, value: stream });
      else if (this.#queue.push(stream) >= QUEUE_LIMIT) this.#cancel();
    }
  }

  // From the event loop and not from within the call that lets them go on, and each in a turn of its own: a
  // handler that throws keeps none of the others back.
  #deliverQueued(): void {
    if (this.#delivering || this.#queue.length === 0) return;
    this.#delivering = true;
    queueMicrotask(() => {
      this.#delivering = false;
      if (this.#onConnection === null || this.#paused) return;
      const stream = this.#queue.shift();
      this.#deliverQueued();
      if (stream !== undefined) this.#onConnection(stream);
    });
  }

  #failed(errno: number): void {
    const kind = kindOfFailure(errno);
    if (kind === 'ignored') return;
    const error = systemError(errno, 'accept', this.address);
    if (kind !== 'lasting') {
      this.#retryLater(error);
      return;
    }
    void this.close();
    this.#report(error);
  }

  #report(error: Error): void {
    channels.acceptError.publish({ acceptor: this, error });
    this.onError?.(error);
  }

  // The connection that could not be accepted stays in the backlog, so trying again at once would
  // only spin.
  #retryLater(error: Error): void {
    if (this.closed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#arm();
    }, RETRY_MS);
    if (!this.#referenced) this.#retry.unref();
    this.#report(error);
  }

  /**
   * Connections one after the other, until `close()`. Leaving the loop closes the acceptor. At most
   * 64 wait for the loop's next turn, then the kernel's backlog.
   *
   * @throws ERR_PROACTOR_READER_ACTIVE where `onConnection` or another iteration takes them.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<TcpStream> {
    if (this.#iterating || this.#onConnection !== null) {
      throw proactorError('ERR_PROACTOR_READER_ACTIVE', 'The connections are consumed already');
    }
    this.#iterating = true;
    const done = { done: true, value: undefined } as const;
    return {
      next: (): Promise<IteratorResult<TcpStream, undefined>> => {
        const queued = this.#queue.shift();
        if (queued !== undefined) {
          this.#arm();
          return Promise.resolve({ done: false, value: queued });
        }
        if (this.closed) return Promise.resolve(done);
        return new Promise((resolve) => {
          this.#takers.push(resolve);
          this.#arm();
        });
      },
      return: async (): Promise<IteratorResult<TcpStream, undefined>> => {
        await this.close();
        return done;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Ends listening. Connections that nobody took are ended, others go on. Fulfilled when the port
   * is free again.
   */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#closing = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    clearTimeout(this.#retry);
    for (const stream of this.#queue.splice(0)) stream.destroy();
    if (this.#id === 0) this.#finishClose();
    else this.#cancel();
    return this.#closing;
  }

  /** As `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The proactor is disposed of. @internal */
  endWithOwner(): void {
    void this.close();
  }

  // A listening socket has no data to lose and nothing in flight any more, so it is closed at once.
  #finishClose(): void {
    // By the handler of the last connection, which called close(), and then by its completion.
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.proactor.ring.closeDescriptor(this.#fd);
    this.proactor.disown(this);
    for (const take of this.#takers.splice(0)) take({ done: true, value: undefined });
    this.#resolveClosed!();
  }

  /** Keeps the process alive (as it does by default). */
  ref(): this {
    this.#referenced = true;
    this.#retry?.ref();
    if (this.#id !== 0) this.proactor.refOperation(this.#id);
    return this;
  }

  /** Does not keep the process alive. */
  unref(): this {
    this.#referenced = false;
    this.#retry?.unref();
    if (this.#id !== 0) this.proactor.unrefOperation(this.#id);
    return this;
  }

  /** @internal */
  summary(): Summary {
    const { address } = this;
    const waiting = this.#queue.length; // connections that nobody took yet
    return { state: this.#state, fd: this.#isClosed ? undefined : this.#fd, address, waiting };
  }

  get #state(): string {
    if (this.#isClosed) return 'closed';
    if (this.closed) return 'closing';
    return this.#paused ? 'paused' : 'listening';
  }

  static {
    printSummariesOf(TcpAcceptor);
  }
}

function checkHandler(handler: unknown): void {
  if (handler !== null && typeof handler !== 'function') {
    throw invalidArgType('onConnection', 'of type function or null', handler);
  }
}

interface Listening extends ListenOptions {
  readonly port: number;
  readonly backlog: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
}

// Without an address: all of them, over one IPv6 socket where there is IPv6.
function openListener(ring: Ring, address: string | undefined, options: Listening): number {
  if (address !== undefined) return listenOn(ring, address, options);
  try {
    return listenOn(ring, '::', options);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return listenOn(ring, '0.0.0.0', options);
  }
}

function listenOn(ring: Ring, address: string, options: Listening): number {
  const { port } = options;
  const v6 = address.includes(':');
  const family = v6 ? kernel.AF_INET6 : kernel.AF_INET;
  const fd = addon!.openSocket(family, kernel.SOCK_STREAM, 0, ring.descriptors.bits);
  if (fd < 0) throw systemError(fd, 'socket', { address, port });
  const check = (error: number, syscall: string): void => {
    if (error >= 0) return;
    throw systemError(error, syscall, { address, port });
  };
  try {
    check(addon!.setOption(fd, kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1), 'setsockopt');
    if (options.reusePort)
      check(addon!.setOption(fd, kernel.SOL_SOCKET, kernel.SO_REUSEPORT, 1), 'setsockopt');
    if (v6)
      check(
        addon!.setOption(fd, kernel.IPPROTO_IPV6, kernel.IPV6_V6ONLY, options.ipv6Only ? 1 : 0),
        'setsockopt',
      );
    applySocketOptions(fd, options);
    const bytes = new Uint8Array(ADDRESS_BYTES);
    // "listen", as node:net calls both.
    check(addon!.bind(fd, bytes, encodeAddress({ address, port }, bytes)), 'listen');
    check(addon!.listen(fd, options.backlog), 'listen');
    return fd;
  } catch (error) {
    ring.closeDescriptor(fd);
    throw error;
  }
}
