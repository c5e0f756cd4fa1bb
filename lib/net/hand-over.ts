// Gives sockets and servers to Node: the same connection, the same port, with a handle of Node's in the place of
// ours. For what only those can do, which is to go to another process.
import * as net from 'node:net';
import { proactorError, systemError } from '../errors';
import { EINVAL } from '../ring/kernel';
import { ConnectingHandle } from './connecting-handle';
import { ListenHandle, TcpListenHandle } from './listen-handle';
import { nativeFor, openAs, setHandle } from './native-handles';
import { internals, type NodeHandle, ownerOf } from './node-internals';
import type { HandleOwner } from './node-objects';

// Node's own constant, of what a handle is for.
const SERVER = 1;

/** What of net.Socket is not in its types. */
interface OwnSocket extends HandleOwner {
  _handle: unknown;
}

/** What of net.Server is not in its types. */
interface OwnServer extends net.Server {
  _handle: (NodeHandle & Record<symbol, unknown>) | null;
  _listen2(address: null, port: null, addressType: null, backlog: number): void;
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
  const native = nativeFor(socket, handle);
  openAs(native, handle.fd);
  const { reading } = handle;
  handle.leave((rest, failure) => {
    if (socket._handle !== native) return;
    if (rest.length > 0) socket.push(rest);
    if (failure < 0) socket.destroy(systemError(failure, 'read'));
    else goOn(socket, native, reading);
  });
  setHandle(socket, native);
  return native;
}

// It is here still: it is to stay open, waits to be sent, or is a child's as well.
function goOn(socket: OwnSocket, native: NodeHandle, wasReading: boolean): void {
  if (!wasReading || socket.isPaused() || native.reading === true) return;
  native.reading = true;
  native.readStart();
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
  const native = new Native(SERVER) as NodeHandle & Record<symbol, unknown>;
  openAs(native, handle.fd);
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
