// net.Server over a listening handle of ours. Node's own class calls `_listen2` when it knows where to
// listen; that is where ours takes over, on a server of this module or (attach) on any other.
import { channel } from 'node:diagnostics_channel';
import * as net from 'node:net';
import { proactorError, systemError } from '../errors';
import { addHidden } from '../inspection';
import { EADDRINUSE } from '../ring/kernel';
import { isBoundSocket, listenHandleOf } from './bound-socket';
import type { ConnectingHandle } from './connecting-handle';
import { type Context, currentContext } from './context';
import { ListenHandle, PipeListenHandle, TcpListenHandle } from './listen-handle';
import { internals, type NodeHandle, nodeMajor, normalizeArgs, ownerOf } from './node-internals';
import { acceptedSocket } from './socket';

type Listen2 = (
  this: OwnServer,
  address: string | null,
  port: number | null,
  addressType: number | null,
  backlog: number,
  fd?: number,
  flags?: number,
) => void;

/** What of net.Server is not in its types. */
interface OwnServer extends net.Server {
  _handle: unknown;
  _connections: number;
  _listen2: Listen2;
  noDelay: boolean;
  keepAlive: boolean;
  keepAliveInitialDelay: number;
  blockList?: net.BlockList;
}

const NodeServer = net.Server as unknown as (this: unknown, ...args: unknown[]) => void;
const nodeListen2 = (net.Server.prototype as OwnServer)._listen2;
const socketChannel = channel('net.server.socket');
// Node 20 takes 0 for no limit.
const zeroIsNoLimit = nodeMajor < 21;

// Servers that share their port: Node has the option from 22.12 and 23.1 on, here it is everywhere.
const sharing = new WeakSet<object>();
const REUSE_PORT = 2;
// Servers that are about to take the handle of a BoundSocket.
const adopting = new WeakSet<object>();

const ANY_V6 = '::';
const ANY_V4 = '0.0.0.0';

function bound(
  context: Context,
  address: string,
  port: number,
  flags: number,
): ListenHandle | number {
  const handle = port === -1 ? new PipeListenHandle(context) : new TcpListenHandle(context);
  const result =
    handle instanceof PipeListenHandle ? handle.bind(address) : handle.bind(address, port, flags);
  if (result === 0) return handle;
  handle.close();
  return result;
}

/** Listens with a handle of ours, where there is no handle yet. */
function listen2(contextOf: () => Context, then: Listen2): Listen2 {
  return function (this, address, port, addressType, backlog, fd, flags = 0) {
    // A descriptor or a handle from elsewhere stays what it is, and its connections Node's; but a BoundSocket's.
    if (this._handle || typeof fd === 'number') {
      if (adopting.has(this))
        this._handle = listenHandleOf(contextOf(), this._handle as NodeHandle);
      then.call(this, address, port, addressType, backlog, fd, flags);
      takeOver(this);
      return;
    }
    const context = contextOf();
    const allFlags = sharing.has(this) ? flags | REUSE_PORT : flags;
    const addresses = address === null || address === '' ? [ANY_V6, ANY_V4] : [address];
    for (const candidate of addresses) {
      const handle = bound(context, candidate, port ?? 0, allFlags);
      if (handle === -EADDRINUSE) break;
      if (typeof handle === 'number') continue;
      this._handle = handle;
      const type = port === -1 ? -1 : candidate.includes(':') ? 6 : 4;
      then.call(this, candidate, port, type, backlog, fd, flags);
      takeOver(this);
      return;
    }
    // Node tries it as well, fails in the same way, and says so in its own words.
    then.call(this, address, port, addressType, backlog, fd, flags);
  };
}

type Listen = (this: OwnServer, ...args: unknown[]) => unknown;

interface ListenOptions {
  reusePort?: unknown;
  exclusive?: boolean;
  handle?: unknown;
}

/** Remembers that the port is shared; in a cluster's worker it is then not the primary that listens. */
function listen(then: Listen): Listen {
  return function (this, ...args) {
    const [options] = normalizeArgs<ListenOptions>(args);
    if (options.reusePort !== true) sharing.delete(this);
    else {
      sharing.add(this);
      options.exclusive = true;
    }
    if (!isBoundSocket(options)) return then.apply(this, args);
    adopting.add(this);
    try {
      return then.apply(this, args);
    } finally {
      adopting.delete(this);
    }
  };
}

function takeOver(server: OwnServer): void {
  if (server._handle instanceof ListenHandle) server._handle.onconnection = onConnection;
}

function onConnection(this: ListenHandle, error: number, handle?: ConnectingHandle): void {
  const server = ownerOf<OwnServer>(this)!;
  if (handle === undefined) {
    server.emit('error', systemError(error, 'accept'));
    return;
  }
  // Closed, since it was handed over: its socket is somebody else's, too.
  if (!server.listening) {
    handle.close();
    return;
  }
  if (isFull(server)) {
    server.emit('drop', ends(handle as Named));
    handle.close();
    return;
  }
  if (isBlocked(server, handle as Named)) {
    handle.close();
    return;
  }
  const socket = acceptedSocket(handle, server) as net.Socket & {
    server: unknown;
    _server: unknown;
    [slot: symbol]: unknown;
  };
  applyOptions(server, socket, handle as Optioned);
  server._connections++;
  socket.server = server;
  socket._server = server;
  server.emit('connection', socket);
  if (socketChannel.hasSubscribers) socketChannel.publish({ socket });
}

function isFull({ maxConnections, _connections }: OwnServer): boolean {
  if (maxConnections === undefined || maxConnections === null) return false;
  if (maxConnections === 0 && zeroIsNoLimit) return false;
  return _connections >= maxConnections;
}

interface Named {
  getsockname?(out: object): number;
  getpeername?(out: object): number;
}

/** What 'drop' tells of a connection: nothing of a Unix domain socket. */
function ends(handle: Named): net.DropArgument | undefined {
  if (handle.getsockname === undefined || handle.getpeername === undefined) return undefined;
  const local: Partial<net.AddressInfo> = {};
  const remote: Partial<net.AddressInfo> = {};
  handle.getsockname(local);
  handle.getpeername(remote);
  return {
    localAddress: local.address,
    localPort: local.port,
    localFamily: local.family,
    remoteAddress: remote.address,
    remotePort: remote.port,
    remoteFamily: remote.family,
  } as net.DropArgument;
}

function isBlocked({ blockList }: OwnServer, handle: Named): boolean {
  if (blockList === undefined || handle.getpeername === undefined) return false;
  const remote: Partial<net.AddressInfo> = {};
  handle.getpeername(remote);
  const { address = '' } = remote;
  const type = net.isIP(address);
  return type !== 0 && blockList.check(address, `ipv${type}` as 'ipv4');
}

interface Optioned {
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, delay: number): number;
}

function applyOptions(server: OwnServer, socket: Record<symbol, unknown>, handle: Optioned): void {
  if (server.noDelay && handle.setNoDelay !== undefined) {
    socket[internals.noDelay] = true;
    handle.setNoDelay(true);
  }
  if (server.keepAlive && handle.setKeepAlive !== undefined) {
    socket[internals.keepAlive] = true;
    socket[internals.keepAliveDelay] = server.keepAliveInitialDelay;
    handle.setKeepAlive(true, server.keepAliveInitialDelay);
  }
}

/** As net.Server: can be called without `new`, and be inherited from in the old way. */
function ServerFunction(this: OwnServer, ...args: unknown[]): unknown {
  if (!Object.prototype.isPrototypeOf.call(ServerFunction.prototype, this)) {
    return new (ServerFunction as unknown as new (...args: unknown[]) => unknown)(...args);
  }
  NodeServer.apply(this, args);
  return undefined;
}

// Newer Nodes move a server to another thread with its handle, whose native part is empty in one of ours.
const moves = Object.getOwnPropertySymbols(net.Server.prototype).find(
  ({ description }) => description === 'messaging_transfer_list_symbol',
);

function refuseToMove(target: OwnServer): void {
  if (moves === undefined) return;
  const then = (target as unknown as Record<symbol, () => unknown>)[moves]!;
  Object.defineProperty(target, moves, {
    configurable: true,
    value(this: OwnServer) {
      if (!(this._handle instanceof ListenHandle)) return then.call(this);
      throw proactorError(
        'ERR_PROACTOR_UNSUPPORTED',
        'A server of proactor/net cannot be moved to another thread: let each listen, with reusePort',
      );
    },
  });
}

Object.setPrototypeOf(ServerFunction, net.Server);
ServerFunction.prototype = Object.create(net.Server.prototype, {
  constructor: { value: ServerFunction, writable: true, configurable: true },
  _listen2: {
    value: listen2(currentContext, nodeListen2),
    writable: true,
    configurable: true,
  },
  listen: {
    value: listen(net.Server.prototype.listen as unknown as Listen),
    writable: true,
    configurable: true,
  },
});
refuseToMove(ServerFunction.prototype);
Object.defineProperties(ServerFunction, {
  name: { value: 'Server' },
  length: { value: NodeServer.length },
  [Symbol.hasInstance]: { value: (value: unknown) => value instanceof net.Server },
});

/** `net.Server` on the Proactor. */
export const Server = ServerFunction as unknown as typeof net.Server;
/** A server: `net.Server` on the Proactor. */
export type Server = net.Server;

/** Lets any server of Node's listen with a handle of ours. @internal */
export function takeConnections(server: net.Server, contextOf: () => Context): void {
  const target = server as OwnServer;
  refuseToMove(target);
  addHidden(target, {
    _listen2: listen2(contextOf, target._listen2),
    listen: listen(target.listen as unknown as Listen),
  });
}
