// Connections for undici, which has a hook for them: a function that is called with where to and a callback.
import { isIP, type Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { proactorError } from '../errors';
import { clearTimeout, setTimeout } from '../timers';
import { checkInteger, checkMs, checkObject } from '../validate';
import { connectPlain, connectSecure } from './http-connect';

/** Options of `buildConnector`: undici's own, and those of `net.connect` and `tls.connect`. */
export interface ConnectorOptions extends ConnectionOptions {
  /** Offers HTTP/2 to servers, over TLS. Default: false. */
  allowH2?: boolean | undefined;
  /** How many TLS sessions are kept to be resumed. Default: 100. */
  maxCachedSessions?: number | undefined;
  /** Connects to this Unix domain socket, whatever the host is. */
  socketPath?: string | undefined;
  /** How long connecting may take, TLS included, in milliseconds; 0: as long as it takes. Default: 10000. */
  timeout?: number | undefined;
  /** `SO_KEEPALIVE`. Default: true. */
  keepAlive?: boolean | undefined;
  /** Milliseconds of silence before the first probe. Default: 60000. */
  keepAliveInitialDelay?: number | undefined;
  /** The address to connect from. */
  localAddress?: string | null | undefined;
}

/** Where undici wants to connect to. */
export interface ConnectorTarget {
  /** Name or address. */
  hostname: string;
  /** The same with the port. */
  host?: string | undefined;
  /** `'http:'` or `'https:'`. */
  protocol: string;
  /** A number, or nothing for the protocol's own. */
  port: string;
  /** The name for TLS, where it is not that of the host. */
  servername?: string | undefined;
  /** The address to connect from. */
  localAddress?: string | null | undefined;
  /** A connection to speak TLS on: a proxy's. */
  httpSocket?: Socket | undefined;
  /** As the option, of undici's own client. */
  allowH2?: boolean | undefined;
  /** As the option, of undici's own client. */
  socketPath?: string | null | undefined;
}

/** Told the connection, or why there is none. */
export type ConnectorCallback = (
  ...result: [error: null, socket: Socket | TLSSocket] | [error: Error, socket: null]
) => void;

/** A function for the option `connect` of undici's `Agent`, `Pool` and `Client`. */
export type Connector = (target: ConnectorTarget, callback: ConnectorCallback) => void;

const TIMEOUT_MS = 10_000;
const TIMEOUT_MS_MAX = 0x7fffffff; // of a timer
const KEEP_ALIVE_DELAY_MS = 60_000;
const SESSIONS_MAX = 100;
const PLAIN_HIGH_WATER_MARK = 65_536;
const SECURE_HIGH_WATER_MARK = 16_384;

/** Sessions of TLS by name of server; the one that was stored first makes room. */
class SessionCache {
  readonly #sessions = new Map<string, Buffer>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(name: string): Buffer | undefined {
    return this.#sessions.get(name);
  }

  set(name: string, session: Buffer): void {
    if (this.#max === 0) return;
    this.#sessions.delete(name);
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= this.#max) this.#sessions.delete(oldest);
    this.#sessions.set(name, session);
  }
}

function nameOf({ host, hostname, servername }: ConnectorTarget): string {
  if (servername) return servername;
  const name = (host ?? hostname).replace(/:\d*$/, '').replace(/^\[|\]$/g, '');
  return isIP(name) === 0 ? name : '';
}

/**
 * Makes a function for undici's option `connect`, as undici's own `buildConnector` does, whose connections
 * are made by `proactor/net`: `new Agent({ connect: buildConnector() })`. TLS is Node's own.
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE.
 */
export function buildConnector(options: ConnectorOptions = {}): Connector {
  checkObject(options, 'options');
  const {
    allowH2 = false,
    maxCachedSessions = SESSIONS_MAX,
    timeout = TIMEOUT_MS,
    ...others
  } = options;
  checkInteger(maxCachedSessions, 'options.maxCachedSessions', 0, Number.MAX_SAFE_INTEGER);
  checkMs(timeout, 'options.timeout', TIMEOUT_MS_MAX);
  const defaults = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS, noDelay: true };
  const sessions = new SessionCache(maxCachedSessions);

  function open(target: ConnectorTarget): Socket {
    const isSecure = target.protocol === 'https:';
    const common = {
      ...defaults,
      ...others,
      host: target.hostname,
      port: Number(target.port) || (isSecure ? 443 : 80),
      localAddress: target.localAddress ?? others.localAddress ?? undefined,
      socketPath: target.socketPath ?? others.socketPath,
    };
    if (!isSecure) return connectPlain({ highWaterMark: PLAIN_HIGH_WATER_MARK, ...common });
    const servername = target.servername || others.servername || nameOf(target);
    const key = servername || target.hostname;
    const socket = connectSecure({
      highWaterMark: SECURE_HIGH_WATER_MARK,
      ...common,
      servername,
      session: others.session ?? sessions.get(key),
      ALPNProtocols: (target.allowH2 ?? allowH2) ? ['h2', 'http/1.1'] : ['http/1.1'],
      socket: target.httpSocket,
    });
    socket.on('session', (session) => sessions.set(key, session));
    return socket;
  }

  return (target, callback) => tell(open(target), target, timeout, callback);
}

/** Calls back once. A connection that fails later is undici's, which listens itself then. */
function tell(
  socket: Socket,
  { protocol, hostname, port }: ConnectorTarget,
  timeoutMs: number,
  callback: ConnectorCallback,
): void {
  const timer = timeoutMs === 0 ? undefined : setTimeout(giveUp, timeoutMs);
  let isTold = false;

  function giveUp(): void {
    const message = `Connect Timeout Error (${hostname}:${port}, timeout: ${timeoutMs}ms)`;
    const error = proactorError('UND_ERR_CONNECT_TIMEOUT', message);
    error.name = 'ConnectTimeoutError';
    socket.destroy(error);
  }

  socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
    clearTimeout(timer);
    isTold = true;
    callback(null, socket);
  });
  socket.on('error', (error) => {
    clearTimeout(timer);
    if (!isTold) callback(error, null);
    isTold = true;
  });
}
