// net.Socket over a handle of ours. Everything a user sees is Node's own class; this one gives it another
// handle wherever Node makes one, and writes to that without a request object for each write.
import * as net from 'node:net';
import { invalidBuffer, proactorError } from '../errors';
import { connectingHandleOf } from './bound-socket';
import { currentContext } from './context';
import { giveToHttp2 } from './http2-sockets';
import { internals, type NodeHandle, normalizeArgs, reinitialize } from './node-internals';
import type { HandleOwner, WriteDone, WrittenChunk } from './node-objects';
import { PipeHandle } from './pipe-handle';
import { StreamHandle } from './stream-handle';
import { TcpHandle } from './tcp-handle';

/** What of net.Socket's prototype is not in its types. */
interface SocketPrototype {
  _writeGeneric(isVector: boolean, data: unknown, encoding: string, done: WriteDone): void;
  _reset(): void;
}

const NodeSocket = net.Socket as unknown as ((this: unknown, options?: unknown) => void) & {
  prototype: net.Socket & SocketPrototype;
};
const base = NodeSocket.prototype;

const { handleProperty } = internals;

// While a socket is made of a descriptor of the caller's: it may be a pipe, or shared with another process.
let opensDescriptor = false;

// A handle that Node made to connect with: ours does it instead. One that has a descriptor came from
// elsewhere (a cluster's primary, another process) and stays what it is.
function replaced(handle: unknown): unknown {
  if (opensDescriptor) return handle;
  const isTcp = handle instanceof internals.Tcp;
  if (!isTcp && !(handle instanceof internals.Pipe)) return handle;
  const native = handle as NodeHandle;
  if (native.fd >= 0) return handle;
  native.close();
  const context = currentContext();
  return isTcp ? new TcpHandle(context) : new PipeHandle(context);
}

// `send()` of a child that was started before this module was imported gives a socket a reader that reads nothing,
// and takes its handle away; native code would then take that for one of libuv's.
function refuseToBeSent(handle: unknown): void {
  if (!(handle instanceof StreamHandle) || !handle.isGuarded) return;
  handle.onread = internals.socketReader;
  throw proactorError(
    'ERR_PROACTOR_UNSUPPORTED',
    'A socket of proactor/net cannot be sent to a process that was started before proactor/net was imported',
  );
}

interface ConnectOptions {
  path?: unknown;
}

interface OwnSocket extends HandleOwner, SocketPrototype {
  _handle: unknown;
  _pendingData: unknown;
  _pendingEncoding: string;
}

/** As net.Socket: can be called without `new`, and be inherited from in the old way. */
function SocketFunction(this: OwnSocket, options?: net.SocketConstructorOpts | number): unknown {
  if (!Object.prototype.isPrototypeOf.call(SocketFunction.prototype, this)) {
    return new (SocketFunction as unknown as new (options?: unknown) => unknown)(options);
  }
  opensDescriptor = typeof options === 'number' || options?.fd !== undefined;
  try {
    NodeSocket.call(this, options);
  } finally {
    opensDescriptor = false;
  }
  return undefined;
}

Object.setPrototypeOf(SocketFunction, net.Socket);
SocketFunction.prototype = Object.create(base, {
  constructor: { value: SocketFunction, writable: true, configurable: true },
  _handle: {
    configurable: true,
    get: handleProperty?.get,
    set(this: OwnSocket, handle: unknown) {
      if (handle === null) refuseToBeSent(this._handle);
      handleProperty.set.call(this, replaced(handle));
    },
  },
});
Object.defineProperties(SocketFunction, {
  name: { value: 'Socket' },
  // Sockets that Node made, for HTTP say, are what a program means by it as well.
  [Symbol.hasInstance]: { value: (value: unknown) => value instanceof net.Socket },
});

const own = SocketFunction.prototype as OwnSocket;

own.connect = function (this: OwnSocket, ...args: readonly unknown[]) {
  const { _handle: handle } = this;
  if (handle instanceof internals.Tcp || handle instanceof internals.Pipe) takeBound(this, args);
  return base.connect.apply(this, args as [string]);
} as typeof own.connect;

/** Where a socket remembers that it was made of a BoundSocket, which has a handle of Node's until it connects. */
function boundMark(socket: OwnSocket): symbol | undefined {
  const symbols = Object.getOwnPropertySymbols(socket);
  return symbols.find(({ description }) => description === 'kBoundSource');
}

function takeBound(socket: OwnSocket, args: readonly unknown[]): void {
  const mark = boundMark(socket);
  if (mark === undefined || socket[mark] !== true) return;
  const bound = socket._handle as NodeHandle;
  const isPipe = bound instanceof internals.Pipe;
  const [first] = args;
  const [{ path }] = Array.isArray(first)
    ? (first as [ConnectOptions])
    : normalizeArgs<ConnectOptions>(args);
  if (isPipe && typeof path !== 'string') return; // Node says so
  const handle = connectingHandleOf(currentContext(), bound);
  if (handle === bound) return;
  handleProperty.set.call(socket, null); // or it would be closed, with what it was bound to
  reinitialize.call(socket, handle);
  if (isPipe) socket[mark] = false; // Node would look at the handle for what to connect to
}

own._writeGeneric = function (isVector, data, encoding, done) {
  const handle = this._handle;
  if (this.connecting || !(handle instanceof StreamHandle)) {
    base._writeGeneric.call(this, isVector, data, encoding, done);
    return;
  }
  if (encoding === 'buffer' && typeof data === 'string') throw invalidBuffer();
  this._pendingData = null; // what waited for the connection
  this._pendingEncoding = '';
  this._unrefTimer();
  if (isVector) handle.writeAll(data as readonly WrittenChunk[], done);
  else handle.write(data as string | Uint8Array, encoding as BufferEncoding, done);
};

own.resetAndDestroy = function () {
  if (!(this._handle instanceof TcpHandle)) {
    base.resetAndDestroy.call(this);
    return this;
  }
  if (this.connecting) this.once('connect', () => this._reset());
  else this._reset();
  return this;
};

// HTTP/2 asks for this method of TLS, and nobody else does of a socket, before it takes the socket's handle.
Object.defineProperty(own, 'disableRenegotiation', {
  configurable: true,
  get(this: net.Socket) {
    giveToHttp2(this as HandleOwner);
    return undefined;
  },
});

// Of several addresses each is tried with the same handle: TLS may sit on it.
Object.defineProperty(own, internals.reinitializeHandle, {
  writable: true,
  configurable: true,
  value(this: OwnSocket, handle: NodeHandle) {
    const current = this._handle;
    if (current instanceof TcpHandle) {
      current.reopen();
      handle.close();
    } else reinitialize.call(this, handle);
  },
});

/** `net.Socket` on the Proactor. */
export const Socket = SocketFunction as unknown as typeof net.Socket;
/** A connection: `net.Socket` on the Proactor. */
export type Socket = net.Socket;

/** A socket over the handle of an accepted connection. @internal */
export function acceptedSocket(handle: StreamHandle, server: net.Server): net.Socket {
  const { allowHalfOpen, pauseOnConnect, highWaterMark } = server as unknown as {
    allowHalfOpen: boolean;
    pauseOnConnect: boolean;
    highWaterMark: number | undefined;
  };
  return new Socket({
    handle,
    allowHalfOpen,
    pauseOnCreate: pauseOnConnect,
    readable: true,
    writable: true,
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
  } as unknown as net.SocketConstructorOpts);
}
