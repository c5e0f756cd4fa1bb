// TLS on a socket of this module. Node's TLS gets a handle of Node's for it, if all that was written before is sent;
// else it reads and writes through ours, which then knows the TLS socket on top, and tells that of a failure.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { systemError } from '../errors';
import { ConnectingHandle } from './connecting-handle';
import { nativeFor, openAs, openNative, replaceHandle } from './native-handles';
import type { NodeHandle } from './node-internals';
import type { HandleOwner } from './node-objects';

interface Reader {
  readStart(): number;
  readStop(): number;
}

/** The native half of a TLS socket, over the handle of the connection. */
interface SecureHandle extends Reader {
  _parent: object;
  /** As if it had come from the connection. */
  receive(bytes: Buffer): void;
}

type WrapHandle = (
  this: TLSSocket,
  wrap: unknown,
  handle: unknown,
  ...rest: unknown[]
) => SecureHandle;

/** Puts TLS on a handle of Node's, which is closed where that fails. */
function wrapNative(
  native: NodeHandle,
  wrapHandle: (handle: object) => SecureHandle,
): SecureHandle {
  try {
    return wrapHandle(native);
  } catch (error) {
    native.close();
    throw error;
  }
}

// TLS is set up before the connection is there: what it works with is opened then.
function wrapConnecting(
  socket: HandleOwner,
  handle: ConnectingHandle,
  wrapHandle: (handle: object) => SecureHandle,
): SecureHandle {
  const native = nativeFor(socket, handle);
  const secure = wrapNative(native, wrapHandle);
  secure._parent = handle;
  socket.once('close', () => native.close());
  socket.prependOnceListener('connect', () => {
    // Another listener, which was called before, has ended or destroyed it: TLS can say nothing on it any more.
    if (!handle.canLeave) {
      socket.destroy();
      return;
    }
    handle.sendsAll();
    try {
      openAs(native, handle.fd);
    } catch (error) {
      socket.destroy(error as Error);
      return;
    }
    replaceHandle(socket, handle, native, () => {});
    secure._parent = native;
  });
  return secure;
}

function wrapConnected(
  socket: HandleOwner,
  handle: ConnectingHandle,
  native: NodeHandle,
  wrapHandle: (handle: object) => SecureHandle,
): SecureHandle {
  const { isUnused } = handle;
  native.reading = handle.reading;
  const secure = wrapNative(native, wrapHandle);
  replaceHandle(socket, handle, native, (rest, failure) => {
    if (isUnused || socket.destroyed) return;
    resume(secure);
    resume(native);
    if (rest.length > 0) secure.receive(rest);
    if (failure < 0) socket.destroy(systemError(failure, 'read'));
    else if (native.reading) secure.readStart();
  });
  if (!isUnused) {
    pause(secure);
    pause(native); // the socket below is asked for what it has as well, and then reads
  } else if (native.reading) native.readStart();
  return secure;
}

// What is received in the ring still comes before what Node reads.
function pause(reader: Reader): void {
  reader.readStart = () => 0;
  reader.readStop = () => 0;
}

function resume(reader: Partial<Reader>): void {
  delete reader.readStart;
  delete reader.readStop;
}

/** From now on TLS takes sockets of this module so. */
export function knowSecureSockets(): void {
  const { prototype } = TLSSocket as unknown as { prototype: { _wrapHandle?: WrapHandle } };
  const wrapHandle = prototype._wrapHandle;
  if (wrapHandle === undefined) return;
  prototype._wrapHandle = function (wrap, handle, ...rest) {
    const then = (used: unknown): SecureHandle => wrapHandle.call(this, wrap, used, ...rest);
    if (!(handle instanceof ConnectingHandle && wrap instanceof Socket)) return then(handle);
    const socket = wrap as HandleOwner;
    if (socket.connecting) return wrapConnecting(socket, handle, then);
    const maySwitch = handle.canLeave && handle.sendsAll();
    const native = maySwitch ? openNative(socket, handle) : undefined;
    if (native !== undefined) return wrapConnected(socket, handle, native, then);
    const secure = then(handle);
    handle.secure = this;
    return secure;
  };
}
