// Handles of Node's own in the place of ours, for native code of Node's that takes a socket for itself: TLS and HTTP/2.
// It writes several pieces to one of its own with a single call; for one of ours it copies each into a buffer of
// JavaScript's, which costs more than the ring saves. ARCHITECTURE.md, "TLS and HTTP/2", has the figures.
import { systemError } from '../errors';
import { addon } from '../ring/binding';
import type { ConnectingHandle } from './connecting-handle';
import { internals, type NodeHandle } from './node-internals';
import type { HandleOwner } from './node-objects';
import { TcpHandle } from './tcp-handle';

const SOCKET = 0; // Node's own constant

/** A handle of Node's for a connection of ours, not open yet. */
export function nativeFor(handle: ConnectingHandle): NodeHandle {
  const Native = handle instanceof TcpHandle ? internals.Tcp : internals.Pipe;
  return new Native(SOCKET);
}

/**
 * Opens a handle of Node's on a descriptor of its own for what `fd` is.
 *
 * @throws a system error, EMFILE for example; the handle is closed then.
 */
export function openAs(native: NodeHandle, fd: number): void {
  const copy = addon!.duplicate(fd);
  const result = copy < 0 ? copy : native.open(copy);
  if (result >= 0) return;
  if (copy >= 0) addon!.closeDescriptor(copy);
  native.close();
  throw systemError(result, 'open');
}

/** Gives a socket a handle that is open. Node's own method would also take back that the socket has ended. */
export function setHandle(socket: HandleOwner, native: NodeHandle): void {
  const { owner, asyncId, userBuffer, handleProperty, socketReader } = internals;
  (native as NodeHandle & Record<symbol, unknown>)[owner] = socket;
  native.onread = socketReader;
  const buffer = socket[userBuffer] as Uint8Array | null;
  if (buffer !== null) native.useUserBuffer(buffer);
  socket[asyncId] = native.getAsyncId();
  handleProperty.set.call(socket, native);
}

/**
 * Gives a connected socket of ours the handle, which is open. It ends with the proactor still. `left` gets what came
 * before and nobody took, and -errno where receiving failed: when nothing is received here any more.
 */
export function replaceHandle(
  socket: HandleOwner,
  handle: ConnectingHandle,
  native: NodeHandle,
  left: (rest: Buffer, failure: number) => void,
): void {
  const { proactor } = handle.context;
  const owned = {
    endWithOwner(reason: Error) {
      socket.destroy(reason);
    },
  };
  proactor.own(owned);
  const { close } = native;
  native.close = (closed) => {
    proactor.disown(owned);
    close.call(native, closed);
  };
  if (!handle.hasRef()) native.unref();
  native.reading = handle.reading;
  handle.leave(left);
  setHandle(socket, native);
}
