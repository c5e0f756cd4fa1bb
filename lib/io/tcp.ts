// TCP streams: a Stream with its socket's options and addresses.
import { channels } from '../diagnostics';
import { proactorError } from '../errors';
import type { Summary } from '../inspection';
import { checkProactor, type Proactor } from '../proactor';
import { addon } from '../ring/binding';
import * as kernel from '../ring/kernel';
import type { SocketAddress } from '../socket-address';
import { checkBoolean } from '../validate';
import { Stream } from './stream';
import { type ConnectOptions, connectSocket } from './tcp-connect';
import {
  checkKeepAlive,
  checkSize,
  localAddressOf,
  peerAddressOf,
  setKeepAlive,
  setOption,
  type TcpSocketOptions,
} from './tcp-options';

/** A TCP connection: see `Stream` for reading, writing and closing it. */
export class TcpStream extends Stream {
  #localAddress: SocketAddress | undefined;
  #remoteAddress: SocketAddress | undefined;

  /** Takes over a connected descriptor; its options are set already. @internal */
  constructor(
    proactor: Proactor,
    fd: number,
    options: TcpSocketOptions,
    remoteAddress?: SocketAddress,
  ) {
    super(proactor, fd, options);
    this.#remoteAddress = remoteAddress;
  }

  /**
   * Connects to a host, trying its addresses one after the other; the error is that of the last.
   *
   * Source: IORING_OP_CONNECT; names are looked up by `dns.lookup`.
   *
   * @throws All as rejections. For wrong options ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
   * ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT; ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH…, with address and
   * port; ENOTFOUND for an unknown name; an AbortError; ERR_PROACTOR_DISPOSED.
   */
  static async connect(proactor: Proactor, options: ConnectOptions): Promise<TcpStream> {
    checkProactor(proactor);
    const { fd, address } = await connectSocket(proactor, options);
    try {
      // Ended since the completion: nobody would close the stream.
      proactor.checkNotDisposed();
    } catch (error) {
      proactor.ring.closeDescriptor(fd);
      throw error;
    }
    const stream = new TcpStream(proactor, fd, options, address);
    channels.connect.publish({ stream });
    return stream;
  }

  /**
   * Our end; undefined once the stream was destroyed without having been asked before. Source:
   * getsockname(2).
   */
  get localAddress(): SocketAddress | undefined {
    if (!this.destroyed) this.#localAddress ??= localAddressOf(this.fd);
    return this.#localAddress;
  }

  /**
   * The peer's end; undefined as for `localAddress`, and for a peer that is gone. Source:
   * getpeername(2).
   */
  get remoteAddress(): SocketAddress | undefined {
    if (!this.destroyed) this.#remoteAddress ??= peerAddressOf(this.fd);
    return this.#remoteAddress;
  }

  /**
   * TCP_NODELAY: whether small pieces are sent at once.
   *
   * @throws ERR_INVALID_ARG_TYPE; ERR_STREAM_DESTROYED.
   */
  setNoDelay(noDelay = true): this {
    checkBoolean(noDelay, 'noDelay');
    setOption(this.#openFd(), kernel.IPPROTO_TCP, kernel.TCP_NODELAY, noDelay ? 1 : 0);
    return this;
  }

  /**
   * SO_KEEPALIVE: whether a silent peer is probed; with a number, after so many milliseconds
   * (rounded to seconds, at most 32767 of them).
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE; ERR_STREAM_DESTROYED.
   */
  setKeepAlive(keepAlive: boolean | number = true): this {
    setKeepAlive(this.#openFd(), checkKeepAlive(keepAlive, 'keepAlive'));
    return this;
  }

  /**
   * SO_RCVBUF in bytes, as the kernel counts (it doubles what is set).
   *
   * @throws ERR_STREAM_DESTROYED; ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for what is set.
   */
  get receiveBufferSize(): number {
    return addon!.getOption(this.#openFd(), kernel.SOL_SOCKET, kernel.SO_RCVBUF) ?? 0;
  }

  set receiveBufferSize(bytes: number) {
    setOption(
      this.#openFd(),
      kernel.SOL_SOCKET,
      kernel.SO_RCVBUF,
      checkSize(bytes, 'receiveBufferSize'),
    );
  }

  /**
   * SO_SNDBUF in bytes, as the kernel counts (it doubles what is set).
   *
   * @throws As `receiveBufferSize`.
   */
  get sendBufferSize(): number {
    return addon!.getOption(this.#openFd(), kernel.SOL_SOCKET, kernel.SO_SNDBUF) ?? 0;
  }

  set sendBufferSize(bytes: number) {
    setOption(
      this.#openFd(),
      kernel.SOL_SOCKET,
      kernel.SO_SNDBUF,
      checkSize(bytes, 'sendBufferSize'),
    );
  }

  /** @internal */
  override summary(): Summary {
    const { state, fd, ...figures } = super.summary();
    const { localAddress, remoteAddress } = this;
    return { state, fd, localAddress, remoteAddress, ...figures };
  }

  #openFd(): number {
    if (this.destroyed) throw proactorError('ERR_STREAM_DESTROYED', 'The stream was destroyed');
    return this.fd;
  }
}
