// Connecting: from a host and a port to a connected socket, over all addresses of the host, with a
// time limit and a signal.
import { isIP } from 'node:net';
import { AbortError, invalidArgValue, type SystemError, systemError } from '../errors';
import * as own from '../own-operations';
import type { Proactor } from '../proactor';
import { addon } from '../ring/binding';
import { cancelOperation } from '../ring/cancel';
import type { OperationId } from '../ring/handler-table';
import * as kernel from '../ring/kernel';
import { ADDRESS_BYTES, encodeAddress, type SocketAddress } from '../socket-address';
import { clearTimeout, setTimeout } from '../timers';
import { checkMs, checkObject, checkPort, checkSignal, checkString } from '../validate';
import { resolveHost } from './resolve';
import { applySocketOptions, checkSocketOptions, type TcpSocketOptions } from './tcp-options';

/** Options of `TcpStream.connect`. */
export interface ConnectOptions extends TcpSocketOptions {
  /** The peer's port. */
  readonly port: number;
  /** A name or a numeric address. Default: 'localhost'. */
  readonly host?: string;
  /** 4 or 6 for addresses of that family only. Default: 0, both. */
  readonly family?: 0 | 4 | 6;
  /** Our own end's numeric address. Default: the system's choice. */
  readonly localAddress?: string;
  /** Our own end's port. Default: 0, the system's choice. */
  readonly localPort?: number;
  /** Time for everything, in milliseconds; then ETIMEDOUT. Default: the system's. */
  readonly timeoutMs?: number;
  /** Ends the attempt: `connect` is then rejected with an AbortError. */
  readonly signal?: AbortSignal;
}

function checkOptions(options: ConnectOptions): void {
  checkObject(options, 'options');
  checkPort(options.port, 'options.port');
  if (options.host !== undefined) checkString(options.host, 'options.host');
  const { family, localAddress } = options;
  if (family !== undefined && family !== 0 && family !== 4 && family !== 6) {
    throw invalidArgValue('options.family', family, 'must be one of: 0, 4, 6');
  }
  if (localAddress !== undefined && isIP(checkString(localAddress, 'options.localAddress')) === 0) {
    const reason = 'must be a numeric IPv4 or IPv6 address';
    throw invalidArgValue('options.localAddress', localAddress, reason);
  }
  if (options.localPort !== undefined) checkPort(options.localPort, 'options.localPort');
  if (options.timeoutMs !== undefined) checkMs(options.timeoutMs, 'options.timeoutMs', 0x7fffffff);
  checkSignal(options.signal, 'options.signal');
  checkSocketOptions(options);
}

/** What can end an attempt to connect from outside. */
class Attempt {
  readonly proactor: Proactor;
  readonly #options: ConnectOptions;
  #id: OperationId = 0;
  #timer: NodeJS.Timeout | undefined;
  #interrupt: ((error: Error) => void) | undefined;
  #ended: Error | undefined;

  constructor(proactor: Proactor, options: ConnectOptions) {
    this.proactor = proactor;
    this.#options = options;
    const { signal, timeoutMs } = options;
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        const { host = 'localhost', port } = options;
        this.#end(systemError(-kernel.ETIMEDOUT, 'connect', { address: host, port }));
      }, timeoutMs);
    }
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #abort = (): void => this.#end(new AbortError(this.#options.signal?.reason));

  #end(error: Error): void {
    this.#ended ??= error;
    if (this.#id !== 0) cancelOperation(this.proactor.ring, this.#id);
    this.#interrupt?.(error);
  }

  /** Throws the reason if the attempt was ended from outside. */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended;
    this.proactor.checkNotDisposed();
  }

  /** `promise`, unless the attempt is ended before. */
  async within<T>(promise: Promise<T>): Promise<T> {
    const interrupted = new Promise<never>((_, reject) => {
      this.#interrupt = reject;
    });
    return Promise.race([promise, interrupted]).finally(() => {
      this.#interrupt = undefined;
    });
  }

  connect(fd: number, address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      try {
        const connected = (result: number): void => {
          this.#id = 0;
          resolve(result);
        };
        this.#id = own.connect(this.proactor.ring, connected, fd, { address, port });
      } catch (error) {
        reject(error);
      }
    });
  }

  finish(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }
}

/** A connected socket, the caller's to close. */
export interface ConnectedSocket {
  readonly fd: number;
  readonly address: SocketAddress;
}

/** Connects to a host; see `TcpStream.connect`. */
export async function connectSocket(
  proactor: Proactor,
  options: ConnectOptions,
): Promise<ConnectedSocket> {
  checkOptions(options);
  const { family = 0, host = 'localhost', signal } = options;
  const port = checkPort(options.port, 'options.port');
  if (signal?.aborted) throw new AbortError(signal.reason);
  const attempt = new Attempt(proactor, options);
  try {
    const addresses = await attempt.within(resolveHost(host, family));
    attempt.check();
    let failure: Error | undefined;
    for (const address of addresses) {
      const result = await connectAddress(attempt, address, port, options);
      if (!(result instanceof Error)) return result;
      attempt.check();
      failure = result;
    }
    throw failure ?? systemError(-kernel.ECONNREFUSED, 'connect', { address: host, port });
  } finally {
    attempt.finish();
  }
}

async function connectAddress(
  attempt: Attempt,
  address: string,
  port: number,
  options: ConnectOptions,
): Promise<ConnectedSocket | SystemError> {
  const family = address.includes(':') ? kernel.AF_INET6 : kernel.AF_INET;
  const { bits } = attempt.proactor.ring.descriptors;
  const fd = addon!.openSocket(family, kernel.SOCK_STREAM, 0, bits);
  if (fd < 0) return systemError(fd, 'socket', { address, port });
  let connected = false;
  try {
    applySocketOptions(fd, options);
    const bound = bindLocal(fd, family, options);
    if (bound !== undefined) return bound;
    const result = await attempt.connect(fd, address, port);
    if (result < 0) return systemError(result, 'connect', { address, port });
    // Too late: the signal or the time limit struck while the completion was on its way.
    attempt.check();
    connected = true;
    return { fd, address: { address, family: family === kernel.AF_INET6 ? 'IPv6' : 'IPv4', port } };
  } finally {
    if (!connected) attempt.proactor.ring.closeDescriptor(fd);
  }
}

function bindLocal(
  fd: number,
  family: number,
  { localAddress, localPort = 0 }: ConnectOptions,
): SystemError | undefined {
  if (localAddress === undefined && localPort === 0) return undefined;
  const address = localAddress ?? (family === kernel.AF_INET6 ? '::' : '0.0.0.0');
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const result = addon!.bind(fd, bytes, encodeAddress({ address, port: localPort }, bytes));
  return result < 0 ? systemError(result, 'bind', { address, port: localPort }) : undefined;
}
