// What node:net keeps to itself and this module builds on: the classes of its handles, and symbols under
// which its objects keep what they need. They are found on objects of its own. Where one is missing (another
// runtime, a Node to come) nothing is guessed: the module is node:net then.
import { AsyncResource } from 'node:async_hooks';
import * as net from 'node:net';
import { Duplex } from 'node:stream';
import { runtimeName } from '../probe';

/** The line of Node that this is. */
export const nodeMajor = Number.parseInt(process.versions.node, 10);

/** A handle as node:net makes it. */
export declare class NodeHandle {
  constructor(type: number);
  /** Set by net.Socket. */
  reading?: boolean;
  /** Called with what comes. */
  onread: unknown;
  useUserBuffer(bytes: Uint8Array): void;
  get fd(): number;
  /** Takes over a descriptor: 0 or -errno. */
  open(fd: number): number;
  readStart(): number;
  readStop(): number;
  getAsyncId(): number;
  listen(backlog: number): number;
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  close(callback?: () => void): void;
  /** Of TCP only. */
  reset?: (callback?: () => void) => number;
}

type Normalize = (args: readonly unknown[]) => unknown;

/** What a call of `listen()` or `connect()` means, whichever form it has: options, of type `O`, and a callback. */
export const normalizeArgs = (net as unknown as { _normalizeArgs: Normalize })._normalizeArgs as <
  O,
>(
  args: readonly unknown[],
) => [options: O, callback: unknown];

/** A stream that native code of Node's reads from and JavaScript feeds. */
declare class JsStream {
  get onread(): unknown;
  set onread(reader: unknown);
  readBuffer(bytes: Uint8Array): void;
  emitEOF(): void;
  finishWrite(request: object, status: number): void;
  finishShutdown(request: object, status: number): void;
  useUserBuffer(bytes: Uint8Array): void;
  getAsyncId(): number;
}

/** Its class. */
export type JsStreamClass = typeof JsStream;

interface HandleProperty {
  get(this: unknown): unknown;
  set(this: unknown, handle: unknown): void;
}

/** @internal */
export interface NodeInternals {
  readonly JsStream: JsStreamClass;
  readonly Tcp: typeof NodeHandle;
  readonly Pipe: typeof NodeHandle;
  /** A handle's socket or server. */
  readonly owner: symbol;
  /** A socket's buffer for `onread`, or null. */
  readonly userBuffer: symbol;
  /** Bytes of the write that waits, for the idle timer. */
  readonly lastWriteQueueSize: symbol;
  readonly noDelay: symbol;
  readonly keepAlive: symbol;
  readonly keepAliveDelay: symbol;
  /** Under which a resource keeps what `AsyncResource.runInAsyncScope` enters. */
  readonly asyncId: symbol;
  readonly triggerAsyncId: symbol;
  /** From Node 22 on. */
  readonly contextFrame: symbol | undefined;
  /** Where a socket keeps its handle: an accessor of its prototype. */
  readonly handleProperty: HandleProperty;
  /** A socket's method that gives it another handle, for its next attempt to connect. */
  readonly reinitializeHandle: symbol;
  /** What a socket lets its handle call with what comes. */
  readonly socketReader: unknown;
}

class Missing extends Error {}

function symbolOf(object: object, description: string): symbol {
  const found = Object.getOwnPropertySymbols(object).find(
    (symbol) => symbol.description === description,
  );
  if (found === undefined) throw new Missing(`no ${description} of ${object.constructor.name}`);
  return found;
}

type Listening = (address: string, port: number, type: number) => NodeHandle | number;

function handleClass(address: string, port: number, type: number): typeof NodeHandle {
  const make = (net as unknown as { _createServerHandle?: Listening })._createServerHandle;
  const handle = make?.(address, port, type);
  if (typeof handle !== 'object') throw new Missing(`no handle for ${JSON.stringify(address)}`);
  handle.close();
  return handle.constructor as typeof NodeHandle;
}

function handleProperty(): HandleProperty {
  const property = Object.getOwnPropertyDescriptor(net.Socket.prototype, '_handle');
  if (property?.get === undefined || property.set === undefined) throw new Missing('no _handle');
  return property as HandleProperty;
}

// Node wraps a stream that has no native handle in one of its own, for TLS.
function jsStreamClass(): JsStreamClass {
  const tls =
    process.getBuiltinModule?.('node:tls') ?? (require('node:tls') as typeof import('node:tls'));
  const inner = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  // With an empty list of authorities, so that Node's own are not loaded for this.
  const socket = new tls.TLSSocket(inner, { secureContext: tls.createSecureContext({ ca: [] }) });
  const handle = (socket as unknown as { _handle?: { _parent?: object } })._handle?._parent;
  socket.destroy();
  if (handle === undefined) throw new Missing('no stream of TLS');
  return handle.constructor as JsStreamClass;
}

function find(): NodeInternals {
  if (runtimeName() !== 'Node.js') throw new Missing(`this is ${runtimeName()}`);
  const resource = new AsyncResource('PROACTOR');
  const buffer = new Uint8Array(1);
  const socket = new net.Socket({
    onread: { buffer, callback: () => true },
  } as net.SocketConstructorOpts);
  const handle = {
    getAsyncId: () => resource.asyncId(),
    readStart: () => 0,
    useUserBuffer() {},
    close() {},
    onread: undefined as unknown,
  };
  new net.Socket({ handle } as net.SocketConstructorOpts).unref();
  if (typeof handle.onread !== 'function') throw new Missing('no onread');
  return {
    Tcp: handleClass('127.0.0.1', 0, 4),
    Pipe: handleClass(`\0proactor-${process.pid}-${Date.now()}`, -1, -1),
    JsStream: jsStreamClass(),
    owner: symbolOf(handle, 'owner_symbol'),
    userBuffer: symbolOf(socket, 'kBuffer'),
    lastWriteQueueSize: symbolOf(socket, 'lastWriteQueueSize'),
    noDelay: symbolOf(socket, 'kSetNoDelay'),
    keepAlive: symbolOf(socket, 'kSetKeepAlive'),
    keepAliveDelay: symbolOf(socket, 'kSetKeepAliveInitialDelay'),
    asyncId: symbolOf(resource, 'async_id_symbol'),
    triggerAsyncId: symbolOf(resource, 'trigger_async_id_symbol'),
    contextFrame: nodeMajor < 22 ? undefined : symbolOf(resource, 'context_frame'),
    handleProperty: handleProperty(),
    reinitializeHandle: symbolOf(net.Socket.prototype, 'kReinitializeHandle'),
    socketReader: handle.onread,
  };
}

function tryToFind(): NodeInternals | string {
  try {
    return find();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ACCESS_DENIED')
      return "Node's permission model allows no network; allow it (Node: --allow-net)";
    return `this runtime's node:net is not known here (${process.version}: ${message})`;
  }
}

/** What was found, or in words why not. */
export const found: NodeInternals | string = tryToFind();

/** What was found. Only for what is not used where something is missing. */
export const internals = (
  typeof found === 'string' ? { JsStream: class {}, Tcp: class {} } : found
) as NodeInternals;

/** The socket or server of a handle. */
export function ownerOf<T extends object>(handle: object): T | undefined {
  return (handle as Record<symbol, T | undefined>)[internals.owner];
}

type Reinitialize = (this: object, handle: unknown) => void;

/** Gives a socket another handle, by Node's own method. */
export const reinitialize = (net.Socket.prototype as unknown as Record<symbol, Reinitialize>)[
  internals.reinitializeHandle
]!;
