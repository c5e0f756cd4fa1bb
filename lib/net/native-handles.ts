// Handles of Node's own in the place of ours, for native code of Node's that takes a socket for itself: TLS and HTTP/2.
// It writes several pieces to one of its own with a single call; for one of ours it copies each into a buffer of
// JavaScript's, which costs more than the ring saves. ARCHITECTURE.md, "TLS and HTTP/2", has the figures.
import { AsyncResource } from 'node:async_hooks';
import { systemError } from '../errors';
import { addon } from '../ring/binding';
import type { ConnectingHandle } from './connecting-handle';
import { internals, type NodeHandle } from './node-internals';
import type { HandleOwner } from './node-objects';
import { TcpHandle } from './tcp-handle';

const SOCKET = 0; // Node's own constant

const { runInAsyncScope } = AsyncResource.prototype;

interface Counts {
  bytesRead: number;
  bytesWritten: number;
}

/** A handle of Node's for a socket whose handle is ours, not open yet. */
export function nativeFor(socket: HandleOwner, handle: ConnectingHandle): NodeHandle {
  const Native = handle instanceof TcpHandle ? internals.Tcp : internals.Pipe;
  // In the context of ours, in which the socket is told of its end then.
  const native = runInAsyncScope.call(handle, () => new Native(SOCKET)) as NodeHandle;
  // Now, for whoever is put on it last gets what comes.
  const buffer: unknown = socket[internals.userBuffer];
  if (buffer instanceof Uint8Array) native.useUserBuffer(buffer);
  return native;
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

/** A handle of Node's for a connected socket, open as well; undefined where no descriptor is left for it. */
export function openNative(socket: HandleOwner, handle: ConnectingHandle): NodeHandle | undefined {
  const native = nativeFor(socket, handle);
  try {
    openAs(native, handle.fd);
    return native;
  } catch {
    return undefined;
  }
}

/** Gives a socket a handle that is open. Node's own method would also take back that the socket has ended. */
export function setHandle(socket: HandleOwner, native: NodeHandle): void {
  const { owner, asyncId, handleProperty, socketReader } = internals;
  (native as NodeHandle & Record<symbol, unknown>)[owner] = socket;
  native.onread = socketReader;
  socket[asyncId] = native.getAsyncId();
  handleProperty.set.call(socket, native);
}

/** Bytes that went over the connection before are counted as well; more of them may be received by our handle still. */
function countOn(native: NodeHandle, { bytesRead, bytesWritten }: ConnectingHandle): Counts {
  const before = { bytesRead, bytesWritten };
  const prototype = Object.getPrototypeOf(native) as Counts;
  for (const name of ['bytesRead', 'bytesWritten'] as const) {
    Object.defineProperty(native, name, {
      configurable: true,
      get: () => before[name] + Reflect.get(prototype, name, native),
    });
  }
  return before;
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
  const { close, reset } = native;
  native.close = (closed) => {
    proactor.disown(owned);
    close.call(native, closed);
  };
  if (reset !== undefined)
    native.reset = (closed) => {
      proactor.disown(owned);
      return reset.call(native, closed);
    };
  if (!handle.hasRef()) native.unref();
  native.reading = handle.reading;
  const counts = handle.isUnused ? undefined : countOn(native, handle);
  handle.leave((rest, failure) => {
    if (counts !== undefined) counts.bytesRead += rest.length;
    left(rest, failure);
  });
  setHandle(socket, native);
}
