// Options and addresses of TCP sockets.
import { systemError } from '../errors';
import { addon } from '../ring/binding';
import * as kernel from '../ring/kernel';
import { ADDRESS_BYTES, decodeAddress, type SocketAddress } from '../socket-address';
import { checkBoolean, checkInteger, checkMs } from '../validate';
import type { StreamOptions } from './stream-options';

/** Options of a TCP socket. */
export interface TcpSocketOptions extends StreamOptions {
  /**
   * Send small pieces at once (TCP_NODELAY). Default: true, since writes of one turn are sent
   * together anyway.
   */
  readonly noDelay?: boolean;
  /**
   * Probe a silent peer (SO_KEEPALIVE) after this many milliseconds, or as the system does
   * (`true`). Default: false.
   */
  readonly keepAlive?: boolean | number;
  /** SO_RCVBUF in bytes. Default: the system's, which adapts. */
  readonly receiveBufferSize?: number;
  /** SO_SNDBUF in bytes. Default: the system's, which adapts. */
  readonly sendBufferSize?: number;
}

const INT32_MAX = 0x7fffffff;

/** @internal */
export function checkSize(bytes: unknown, name: string): number {
  return checkInteger(bytes, name, 1, INT32_MAX);
}

/** @internal */
export function setOption(fd: number, level: number, name: number, value: number): void {
  const error = addon!.setOption(fd, level, name, value);
  if (error < 0) throw systemError(error, 'setsockopt');
}

/** @internal */
export function setKeepAlive(fd: number, keepAlive: boolean | number): void {
  setOption(fd, kernel.SOL_SOCKET, kernel.SO_KEEPALIVE, keepAlive === false ? 0 : 1);
  if (typeof keepAlive !== 'number') return;
  const seconds = Math.max(1, Math.round(keepAlive / 1000));
  setOption(fd, kernel.IPPROTO_TCP, kernel.TCP_KEEPIDLE, seconds);
}

/** @internal */
export function checkKeepAlive(value: unknown, name: string): boolean | number {
  return typeof value === 'number' ? checkMs(value, name, 32767 * 1000) : checkBoolean(value, name);
}

/** Checks a socket's options without applying them. @internal */
export function checkSocketOptions(options: TcpSocketOptions): void {
  const { allowHalfOpen, highWaterMark, keepAlive, noDelay, receiveBufferSize, sendBufferSize } =
    options;
  if (noDelay !== undefined) checkBoolean(noDelay, 'options.noDelay');
  if (allowHalfOpen !== undefined) checkBoolean(allowHalfOpen, 'options.allowHalfOpen');
  if (highWaterMark !== undefined) checkSize(highWaterMark, 'options.highWaterMark');
  if (keepAlive !== undefined) checkKeepAlive(keepAlive, 'options.keepAlive');
  if (receiveBufferSize !== undefined) checkSize(receiveBufferSize, 'options.receiveBufferSize');
  if (sendBufferSize !== undefined) checkSize(sendBufferSize, 'options.sendBufferSize');
}

/** Applies a socket's options; sockets accepted from a listening one inherit them. @internal */
export function applySocketOptions(fd: number, options: TcpSocketOptions): void {
  const { keepAlive = false, noDelay = true, receiveBufferSize, sendBufferSize } = options;
  if (noDelay) setOption(fd, kernel.IPPROTO_TCP, kernel.TCP_NODELAY, 1);
  if (keepAlive !== false) setKeepAlive(fd, keepAlive);
  if (receiveBufferSize !== undefined)
    setOption(fd, kernel.SOL_SOCKET, kernel.SO_RCVBUF, receiveBufferSize);
  if (sendBufferSize !== undefined)
    setOption(fd, kernel.SOL_SOCKET, kernel.SO_SNDBUF, sendBufferSize);
}

/** The address a socket is bound to. @internal */
export function localAddressOf(fd: number): SocketAddress | undefined {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const length = addon!.localAddress(fd, bytes);
  return length < 0 ? undefined : decodeAddress(bytes, length);
}

/** The address a socket is connected to. @internal */
export function peerAddressOf(fd: number): SocketAddress | undefined {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const length = addon!.peerAddress(fd, bytes);
  return length < 0 ? undefined : decodeAddress(bytes, length);
}
