// Node's BoundSocket, which newer versions have: a socket that is bound, for a server to listen on or for a socket to
// connect from. Who takes it gets its handle, a native one; here one of ours takes that one's place.
import * as net from 'node:net';
import type { ConnectingHandle } from './connecting-handle';
import type { Context } from './context';
import { type ListenHandle, PipeListenHandle, TcpListenHandle } from './listen-handle';
import { internals, type NodeHandle } from './node-internals';
import { PipeHandle } from './pipe-handle';
import { TcpHandle } from './tcp-handle';

const { BoundSocket } = net as { BoundSocket?: new () => object };

/** What `listen` is given, or its `handle`. */
export function isBoundSocket(options: { handle?: unknown }): boolean {
  if (BoundSocket === undefined) return false;
  return options instanceof BoundSocket || options.handle instanceof BoundSocket;
}

const isPipe = (bound: NodeHandle): boolean => bound instanceof internals.Pipe;

/** A handle of ours on a bound socket, or Node's own where there is no descriptor for it. */
export function listenHandleOf(context: Context, bound: NodeHandle): ListenHandle | NodeHandle {
  const handle = isPipe(bound) ? new PipeListenHandle(context) : new TcpListenHandle(context);
  return adopted(handle, bound);
}

/** As `listenHandleOf`, of a socket that is to connect. */
export function connectingHandleOf(
  context: Context,
  bound: NodeHandle,
): ConnectingHandle | NodeHandle {
  const handle = isPipe(bound) ? new PipeHandle(context) : new TcpHandle(context);
  if (!bound.hasRef()) handle.unref();
  return adopted(handle, bound);
}

interface Adopting {
  adopt(bound: NodeHandle): number;
  close(): void;
}

function adopted<H extends Adopting>(handle: H, bound: NodeHandle): H | NodeHandle {
  if (handle.adopt(bound) === 0) return handle;
  handle.close();
  return bound;
}
