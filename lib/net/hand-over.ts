// Gives sockets and servers to Node: the same connection, the same port, with a handle of Node's in the place of
// ours. For what only those can do, which is to go to another process, and what they do better: HTTP/2 in clear.
import * as net from 'node:net';
import { proactorError, systemError } from '../errors';
import { addon } from '../ring/binding';
import { EINVAL } from '../ring/kernel';
import { ConnectingHandle } from './connecting-handle';
import { ListenHandle, TcpListenHandle } from './listen-handle';
import { internals, type NodeHandle, ownerOf, reinitialize } from './node-internals';
import { TcpHandle } from './tcp-handle';

// Node's own constants, of what a handle is for.
const SOCKET = 0;
const SERVER = 1;

/** What of net.Socket is not in its types. */
export interface OwnSocket extends net.Socket {
  _handle: unknown;
  [slot: symbol]: unknown;
}

/** What of net.Server is not in its types. */
interface OwnServer extends net.Server {
  _handle: (NodeHandle & Record<symbol, unknown>) | null;
  _listen2(address: null, port: null, addressType: null, backlog: number): void;
}

function nativeClassOf(handle: ConnectingHandle): typeof NodeHandle {
  return handle instanceof TcpHandle ? internals.Tcp : internals.Pipe;
}

/** A handle of Node's on a descriptor of its own. */
function nativeHandle(Native: typeof NodeHandle, type: number, fd: number): NodeHandle {
  const native = new Native(type);
  const copy = addon!.duplicate(fd);
  const result = copy < 0 ? copy : native.open(copy);
  if (result >= 0) return native;
  if (copy >= 0) addon!.closeDescriptor(copy);
  native.close();
  throw systemError(result, 'open');
}

/**
 * Gives a socket of ours a handle of Node's. What was written is sent; what was received already stays the socket's.
 *
 * @throws ERR_PROACTOR_UNSUPPORTED where it is not connected, or is about to end; a system error, EMFILE for example.
 */
function handOverSocket(socket: OwnSocket, handle: ConnectingHandle): NodeHandle {
  if (!handle.canLeave) {
    throw proactorError(
      'ERR_PROACTOR_UNSUPPORTED',
      'A socket of proactor/net can go to another process only while it is connected',
    );
  }
  const native = nativeHandle(nativeClassOf(handle), SOCKET, handle.fd);
  const { reading } = handle;
  handle.leave((rest) => {
    if (socket._handle === native) goOn(socket, native, rest, reading);
  });
  // Not by that of our own class, which keeps its handle for the next attempt to connect.
  reinitialize.call(socket, native);
  return native;
}

/**
 * Called when HTTP/2 is about to take a socket. Node's native code writes each frame, or several, to a native handle
 * with one call; to ours it would copy each into a buffer of JavaScript's, which costs more than all that is saved. A
 * socket that was in use before stays ours.
 */
export function giveToHttp2(socket: OwnSocket): void {
  const handle = socket._handle;
  if (!(handle instanceof ConnectingHandle)) return;
  if (socket.connecting) {
    socket.prependOnceListener('connect', () => giveToHttp2(socket));
    return;
  }
  if (!handle.isUnused) return;
  let native: NodeHandle;
  try {
    native = nativeHandle(nativeClassOf(handle), SOCKET, handle.fd);
  } catch {
    return; // no descriptor is left: it stays ours
  }
  const { reading } = handle;
  handle.leave(() => {});
  reinitialize.call(socket, native);
  if (reading) startReading(native);
}

function startReading(native: NodeHandle): void {
  native.reading = true;
  native.readStart();
}

// It is here still: it is to stay open, waits to be sent, or is a child's as well.
function goOn(socket: OwnSocket, native: NodeHandle, rest: Buffer, wasReading: boolean): void {
  if (rest.length > 0) socket.push(rest);
  if (wasReading && !socket.isPaused() && native.reading !== true) startReading(native);
}

/**
 * Gives a server that listens with a handle of ours one of Node's: connections that are accepted from now on are
 * Node's own.
 *
 * @throws system errors, EMFILE for example.
 */
function handOverServer(server: net.Server, handle: ListenHandle): NodeHandle {
  if (handle.successor !== undefined) return handle.successor;
  const Native = handle instanceof TcpListenHandle ? internals.Tcp : internals.Pipe;
  const native = nativeHandle(Native, SERVER, handle.fd) as NodeHandle & Record<symbol, unknown>;
  // Another server listens with it first. This one listens already, and would say so again.
  const first = new net.Server() as OwnServer;
  first.on('error', () => {});
  first._handle = native;
  first._listen2(null, null, null, handle.backlog);
  if (first._handle === null) throw systemError(-EINVAL, 'listen');
  first._handle = null;
  native[internals.owner] = server;
  if (!handle.hasRef()) native.unref();
  const { close } = native;
  native.close = (closed) => {
    handle.removeName();
    close.call(native, closed);
  };
  handle.leave(native);
  (server as OwnServer)._handle = native;
  return native;
}

/** Of a socket or a server; anything else as it is. */
function handleOf(value: unknown): unknown {
  const hasOne = value instanceof net.Socket || value instanceof net.Server;
  return hasOne ? (value as unknown as { _handle: unknown })._handle : value;
}

/**
 * Hands over what may be a socket or a server of ours, or the handle of one, and returns what Node is to take in its
 * place: it, or the handle of Node's.
 */
export function handOver(value: unknown): unknown {
  const handle = handleOf(value);
  if (!(handle instanceof ConnectingHandle || handle instanceof ListenHandle)) return value;
  const owner = ownerOf<net.Server | OwnSocket>(handle);
  if (owner === undefined) return value;
  let native: NodeHandle;
  if (handle instanceof ListenHandle) native = handOverServer(owner as net.Server, handle);
  else native = handOverSocket(owner as OwnSocket, handle);
  return handle === value ? native : value;
}
