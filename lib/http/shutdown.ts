// Ends a server without cutting off what it is doing: no new connections, idle ones closed, the rest when it
// is done, or when time is up.
import { Server as HttpServer, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { clearInterval, clearTimeout, delay, nowMs, setInterval, setTimeout } from '../timers';
import { checkMs, checkObject } from '../validate';
import { checkServer } from './attach';
import { type Connections, connectionsOf } from './connections';

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /**
   * How long connections may go on with what they are doing, in milliseconds, up to 2147483647; what is
   * left then is destroyed. Default: 5000.
   */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;
const TIMEOUT_MS_MAX = 0x7fffffff; // of a timer
// How often connections are looked at that may have become idle.
const POLL_MS = 50;
/** How long a client that has just connected may take to send its request. */
const FIRST_REQUEST_MS = 1000;
// How long is waited for the ends of connections that were destroyed, in case one is unknown here.
const DESTROY_MS = 1000;

/** What servers of HTTP have besides net.Server's. */
interface AnyServer extends Server {
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/**
 * Ends a server gracefully, whatever kind `attach` takes, and those of `proactor/net`. It stops listening
 * and closes connections on which nothing is going on. Requests that are being answered are finished: over
 * HTTP/1 the connection is closed after the response, which says so if its head was not sent yet; over
 * HTTP/2 clients are told to start no more (GOAWAY). Connections without HTTP, WebSockets among them, are
 * left to the application. After `timeoutMs` all that is left is destroyed.
 *
 * It can be called for a server that does not listen, and again meanwhile, with a shorter `timeoutMs` say.
 *
 * @returns a promise of how many connections had to be destroyed, fulfilled when the server is closed.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE.
 */
export function shutdown(server: Server, options: ShutdownOptions = {}): Promise<number> {
  checkServer(server);
  checkObject(options, 'options');
  const { timeoutMs = TIMEOUT_MS } = options;
  checkMs(timeoutMs, 'options.timeoutMs', TIMEOUT_MS_MAX);
  return end(server, timeoutMs);
}

async function end(server: AnyServer, timeoutMs: number): Promise<number> {
  const connections = connectionsOf(server);
  const closed = close(server, connections);
  server.prependListener('request', announceEnd);
  for (const socket of [...connections.sockets, ...connections.secure]) announceEndOn(socket);
  const closeIdle = idleCloser(server, connections, nowMs() + FIRST_REQUEST_MS);
  closeIdle();
  const poll = setInterval(closeIdle, POLL_MS);
  let timer: NodeJS.Timeout | undefined;
  const timeIsUp = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, true);
  });
  try {
    if (!(await Promise.race([closed, timeIsUp]))) return 0;
    const destroyed = destroyAll(server, connections);
    await Promise.race([closed, delay(DESTROY_MS, false)]);
    return destroyed;
  } finally {
    clearTimeout(timer);
    clearInterval(poll);
    server.removeListener('request', announceEnd);
  }
}

const closing = new WeakMap<Server, Promise<void>>();

/** Stops listening. Fulfilled when the last connection is closed as well. */
function close(server: Server, connections: Connections): Promise<void> {
  let closed = closing.get(server);
  if (closed === undefined) {
    // Servers of HTTP/1 close what they call idle first.
    closed = sparing(connections, () => whenClosed(server)).finally(() => closing.delete(server));
    closing.set(server, closed);
  }
  return closed;
}

function whenClosed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) {
      server.close(() => resolve());
      return;
    }
    server.getConnections((error, count) => {
      if (error === null && count > 0) server.once('close', resolve);
      else resolve();
    });
  });
}

/** A request that comes meanwhile is the last one on its connection. */
function announceEnd(_request: unknown, response: unknown): void {
  if (response instanceof ServerResponse) response.setHeader('Connection', 'close');
}

/** Where Node keeps, on a connection, the response that is being sent and the request that came last. */
interface Http1Socket {
  readonly _httpMessage?: unknown;
  readonly parser?: { readonly incoming?: unknown } | null;
}

// A response that says so ends its connection: not one with other requests behind it.
function announceEndOn(socket: Duplex): void {
  const { _httpMessage: response, parser } = socket as Http1Socket;
  if (!(response instanceof ServerResponse) || response.headersSent) return;
  if (parser?.incoming === response.req) response.setHeader('Connection', 'close');
}

// Those on which a request may be about to come.
function silentOf({ sockets, secure }: Connections): (Socket | TLSSocket)[] {
  return [...sockets, ...secure].filter((socket) => socket.bytesRead === 0);
}

// Before Node 26 a connection counts as idle only after its first request; from then on Node would destroy it here.
function sparing<R>(connections: Connections, run: () => R): R {
  const spared = silentOf(connections).filter((socket) => !Object.hasOwn(socket, 'destroy'));
  for (const socket of spared) socket.destroy = () => socket;
  try {
    return run();
  } finally {
    for (const socket of spared) Reflect.deleteProperty(socket, 'destroy');
  }
}

function idleCloser(
  server: AnyServer,
  connections: Connections,
  firstRequestBy: number,
): () => void {
  const isHttp1 = server instanceof HttpServer || server instanceof HttpsServer;
  return (): void => {
    sparing(connections, () => server.closeIdleConnections?.());
    for (const session of connections.sessions) if (!session.closed) session.close();
    if (!isHttp1 || nowMs() < firstRequestBy) return;
    for (const socket of silentOf(connections)) socket.destroy();
  };
}

function destroyAll(server: AnyServer, { sockets, sessions }: Connections): number {
  const left = [...sockets];
  server.closeAllConnections?.();
  for (const session of sessions) session.destroy();
  for (const socket of left) socket.destroy();
  return left.length;
}
