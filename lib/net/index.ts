// proactor/net: what node:net exports, on the Proactor; or, where it cannot be used, node:net itself.
import { channel } from 'node:diagnostics_channel';
import * as node from 'node:net';
import { fallbackReason } from './fallback';
import { nodeMajor, normalizeArgs } from './node-internals';
import { letGoToOthers } from './other-processes';
import { knowSecureSockets } from './secure-sockets';
import { net } from './self';
import { Server as ProactorServer } from './server';
import { Socket as ProactorSocket } from './socket';

// The module itself, as after `import net from 'node:net'`: its values, and the types behind them (`net.Socket`).
// First, so that the compiled code has no `exports.default = exports.X`, which publint takes for another value.
// biome-ignore lint/style/noDefaultExport: as of node:net
export { net as default };

// What is in it.

export type * from 'node:net';
export { useProactor } from './context';
export { fallbackReason } from './fallback';

/** Whether connections run on the Proactor here. False: this module is `node:net`, see `fallbackReason`. */
export const usesProactor: boolean = fallbackReason === undefined;

if (usesProactor) {
  letGoToOthers();
  knowSecureSockets();
}

const clientChannel = channel('net.client.socket');
// Later ones do it in Socket.prototype.connect.
const connectPublishes = nodeMajor < 22;

/** With the name that Node's has, for stack traces. */
function named<F extends (...args: never[]) => unknown>(name: string, value: F): F {
  return Object.defineProperty(value, 'name', { value: name });
}

function connectSocket(...args: readonly unknown[]): node.Socket {
  const normalized = normalizeArgs<node.NetConnectOpts & { timeout?: number }>(args);
  const [options] = normalized;
  const socket = new ProactorSocket(options as node.SocketConstructorOpts);
  if (connectPublishes && clientChannel.hasSubscribers) clientChannel.publish({ socket });
  if (options.timeout) socket.setTimeout(options.timeout);
  return (socket.connect as (args: unknown) => node.Socket)(normalized);
}

function proactorCreateServer(
  options?: node.ServerOpts | ((socket: node.Socket) => void),
  onConnection?: (socket: node.Socket) => void,
): node.Server {
  return new ProactorServer(options as node.ServerOpts, onConnection);
}

/** As `net.Socket`: a `stream.Duplex`, and an instance of Node's own class. */
export const Socket: typeof node.Socket = usesProactor ? ProactorSocket : node.Socket;
/** A connection. */
export type Socket = node.Socket;
/** An older name of `Socket`. */
export const Stream: typeof node.Socket = Socket;
/** As `net.Server`, and an instance of Node's own class. */
export const Server: typeof node.Server = usesProactor ? ProactorServer : node.Server;
/** A server. */
export type Server = node.Server;
/** As `net.createServer()`. */
export const createServer: {
  (onConnection?: (socket: node.Socket) => void): node.Server;
  (options?: node.ServerOpts, onConnection?: (socket: node.Socket) => void): node.Server;
} = usesProactor ? named('createServer', proactorCreateServer) : node.createServer;
/** As `net.connect()`. */
export const connect: {
  (options: node.NetConnectOpts, onConnected?: () => void): node.Socket;
  (port: number, host?: string, onConnected?: () => void): node.Socket;
  (path: string, onConnected?: () => void): node.Socket;
} = usesProactor ? named('connect', connectSocket) : node.connect;
/** As `net.createConnection()`. */
export const createConnection: typeof connect = connect;
/** Node's own. */
export const BlockList: typeof node.BlockList = node.BlockList;
/** A list of addresses to refuse. */
export type BlockList = node.BlockList;
/** Node's own. */
export const SocketAddress: typeof node.SocketAddress = node.SocketAddress;
/** An address, checked and kept as Node does it. */
export type SocketAddress = node.SocketAddress;
/** Node's own. */
export const isIP: typeof node.isIP = node.isIP;
/** Node's own. */
export const isIPv4: typeof node.isIPv4 = node.isIPv4;
/** Node's own. */
export const isIPv6: typeof node.isIPv6 = node.isIPv6;
/** Node's own: the default is one for both modules. */
export const getDefaultAutoSelectFamily: typeof node.getDefaultAutoSelectFamily =
  node.getDefaultAutoSelectFamily;
/** Node's own: the default is one for both modules. */
export const setDefaultAutoSelectFamily: typeof node.setDefaultAutoSelectFamily =
  node.setDefaultAutoSelectFamily;
/** Node's own: the default is one for both modules. */
export const getDefaultAutoSelectFamilyAttemptTimeout: typeof node.getDefaultAutoSelectFamilyAttemptTimeout =
  node.getDefaultAutoSelectFamilyAttemptTimeout;
/** Node's own: the default is one for both modules. */
export const setDefaultAutoSelectFamilyAttemptTimeout: typeof node.setDefaultAutoSelectFamilyAttemptTimeout =
  node.setDefaultAutoSelectFamilyAttemptTimeout;

/** @hidden */
export type NodeModule = typeof node;

/**
 * Node's own, which sockets and servers of this module take; undefined in versions that lack it.
 *
 * @hidden
 */
export const BoundSocket: NodeModule extends { BoundSocket: infer T } ? T : undefined = (
  node as unknown as { BoundSocket: never }
).BoundSocket;
/**
 * A socket that is bound.
 *
 * @hidden
 */
export type BoundSocket = NodeModule extends { BoundSocket: new (...args: never) => infer T }
  ? T
  : never;

// What a newer Node exports besides, as it is.
for (const [name, value] of Object.entries(node)) if (!(name in exports)) exports[name] = value;

// An ES module's names are those of the Node that this was built on: undefined is what a later one may have.
exports._TransferredBoundSocket ??= undefined;
