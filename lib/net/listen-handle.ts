// The handle of a server of node:net: a listening socket with one multishot accept in flight.
import { AsyncResource } from 'node:async_hooks';
import { chmodSync, statSync, unlinkSync } from 'node:fs';
import { printSummariesOf, type Summary } from '../inspection';
import { kindOfFailure, RETRY_MS } from '../io/accept-failure';
import { acceptMultishot } from '../own-operations';
import { addon } from '../ring/binding';
import { cancelOperation } from '../ring/cancel';
import type { OperationId } from '../ring/handler-table';
import * as kernel from '../ring/kernel';
import type { SocketAddress } from '../socket-address';
import { clearTimeout, inNextTurn, setImmediate, setTimeout } from '../timers';
import { outside } from './async-context';
import type { ConnectingHandle } from './connecting-handle';
import type { Context } from './context';
import { internals, type NodeHandle, ownerOf } from './node-internals';
import { PipeHandle } from './pipe-handle';
import { bindTcp, bindTo, familyOf, localName, openSocket, takeSocket } from './socket-setup';
import { TcpHandle } from './tcp-handle';
import { turnOf } from './turns';

const SERVER = 1; // Node's own constant

/** Called with 0 and the handle of a connection, or with -errno. */
type OnConnection = (error: number, handle?: ConnectingHandle) => void;

// Node takes a handle by its class, in `server.listen(other)` for example. The native part of ours is never opened.
export abstract class ListenHandle extends internals.Tcp {
  /** Set by net.Server. */
  onconnection: OnConnection | undefined;
  protected readonly context: Context;
  private readonly scope: AsyncResource;
  // What connections are made in: caused by the server, and in nobody's context, as what Node's accepts.
  private readonly origin: AsyncResource;
  protected descriptor = -1;
  private id: OperationId = 0;
  // Connections that came with another one: each is told in a turn of its own.
  private readonly waiting: number[] = [];
  private toldIn = -1;
  private referenced = true;
  private closing = false;
  private isBroken = false; // accepting would fail for ever
  /** The handle of Node's that it was left to. */
  successor: NodeHandle | undefined;
  /** As it was asked for. */
  backlog = 0;
  private retry: NodeJS.Timeout | undefined;
  private closed: (() => void) | undefined;
  private bound: NodeHandle | undefined; // removes the file of a Unix domain socket when it is closed

  constructor(context: Context, provider: string) {
    super(SERVER);
    this.context = context;
    this.scope = new AsyncResource(provider, { requireManualDestroy: true });
    const triggerAsyncId = this.scope.asyncId();
    this.origin = outside.runInAsyncScope(
      () => new AsyncResource('PROACTOR', { triggerAsyncId, requireManualDestroy: true }),
    );
  }

  protected abstract makeStream(): ConnectingHandle;

  protected openAs(family: number): number {
    const fd = openSocket(this.context.proactor, family);
    if (fd >= 0) this.descriptor = fd;
    return Math.min(fd, 0);
  }

  /** Takes over the bound socket of a handle of Node's: 0 or -errno. */
  adopt(bound: NodeHandle): number {
    const fd = takeSocket(this.context.proactor, bound);
    if (fd < 0) return fd;
    this.descriptor = fd;
    this.bound = bound;
    return 0;
  }

  override get fd(): number {
    return this.descriptor;
  }

  override getAsyncId(): number {
    return this.scope.asyncId();
  }

  override listen(backlog: number): number {
    this.backlog = backlog | 0; // whatever it is, as Node has it
    const result = addon!.listen(this.descriptor, this.backlog);
    if (result < 0) return result;
    if (this.id === 0) this.context.proactor.own(this);
    this.arm();
    return 0;
  }

  private arm(): void {
    if (this.id !== 0 || this.closing || this.isBroken || this.retry !== undefined) return;
    try {
      this.id = acceptMultishot(
        this.context.proactor.ring,
        this.onAccept,
        this.descriptor,
        kernel.SOCK_CLOEXEC,
      );
    } catch {
      if (!this.context.proactor.disposed) this.retryLater(); // no slot is free for it
      return;
    }
    if (!this.referenced) this.context.proactor.ring.setReferenced(this.id, false);
  }

  private readonly onAccept = (result: number, flags: number): void => {
    if ((flags & kernel.IORING_CQE_F_MORE) === 0) this.id = 0;
    try {
      if (result >= 0) this.accepted(result);
      else if (!this.closing) this.failed(result); // else it was shut down
    } finally {
      if (this.id === 0 && this.closing) this.finishClose();
      else this.arm();
    }
  };

  private failed(result: number): void {
    const kind = kindOfFailure(result);
    if (kind === 'ignored') return;
    if (kind === 'lasting') this.isBroken = true;
    else this.retryLater();
    if (kind !== 'exhausted') this.tell(result, undefined);
  }

  private accepted(fd: number): void {
    const { ring } = this.context.proactor;
    ring.descriptors.add(fd);
    if (this.waiting.length === 0 && this.toldIn !== turnOf(ring)) this.give(fd);
    else if (this.waiting.push(fd) === 1) inNextTurn(() => this.giveNext());
    this.toldIn = turnOf(ring);
  }

  private giveNext(): void {
    const fd = this.waiting.shift()!;
    if (this.waiting.length > 0) inNextTurn(() => this.giveNext());
    this.give(fd);
  }

  private give(fd: number): void {
    const { ring } = this.context.proactor;
    if (this.closing && this.successor === undefined) {
      ring.closeDescriptor(fd);
      return;
    }
    this.scope.runInAsyncScope(this.acceptInScope, this, fd);
  }

  private acceptInScope(fd: number): void {
    const handle = this.origin.runInAsyncScope(this.makeStream, this);
    handle.open(fd);
    this.onconnection?.(0, handle);
  }

  private tell(error: number, handle: ConnectingHandle | undefined): void {
    const { onconnection } = this;
    if (onconnection !== undefined) this.scope.runInAsyncScope(onconnection, this, error, handle);
  }

  private retryLater(): void {
    if (this.closing) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.arm();
    }, RETRY_MS);
    if (!this.referenced) this.retry.unref();
  }

  override close(closed?: () => void): void {
    if (this.closing) {
      this.successor?.close(closed); // by who knows no other
      return;
    }
    this.closing = true;
    this.closed = closed;
    super.close();
    if (this.successor === undefined) this.removeName();
    clearTimeout(this.retry);
    if (this.id === 0) {
      this.finishClose();
      return;
    }
    // The address is free at once, as after a close: others may be about to listen there.
    if (this.successor === undefined) addon!.shutdown(this.descriptor, kernel.SHUT_RDWR);
    cancelOperation(this.context.proactor.ring, this.id);
  }

  /**
   * Accepts no more, and leaves the listening socket to a handle that has another descriptor of it. What is
   * accepted meanwhile is the server's still.
   */
  leave(successor: NodeHandle): void {
    this.successor = successor;
    this.close();
  }

  /** Of a Unix domain socket, its file. */
  removeName(): void {
    this.bound?.close();
  }

  private finishClose(): void {
    if (this.descriptor < 0) return;
    this.context.proactor.ring.closeDescriptor(this.descriptor);
    this.descriptor = -1;
    this.context.proactor.disown(this);
    const { closed } = this;
    if (closed !== undefined) setImmediate(() => this.scope.runInAsyncScope(closed));
  }

  /** The proactor is disposed of. */
  endWithOwner(): void {
    if (this.successor !== undefined) return; // the server has another
    ownerOf<{ close(): void }>(this)?.close();
    this.close();
  }

  override ref(): void {
    super.ref(); // seen in process.getActiveResourcesInfo(), and nothing else
    this.referenced = true;
    this.retry?.ref();
    if (this.id !== 0) this.context.proactor.ring.setReferenced(this.id, true);
  }

  override unref(): void {
    super.unref();
    this.referenced = false;
    this.retry?.unref();
    if (this.id !== 0) this.context.proactor.ring.setReferenced(this.id, false);
  }

  override hasRef(): boolean {
    return this.referenced && !this.closing;
  }

  /** What shows of a handle of Node's. */
  summary(): Summary {
    return { onconnection: this.onconnection, [internals.owner]: ownerOf(this) };
  }

  static {
    printSummariesOf(ListenHandle);
  }
}

export class TcpListenHandle extends ListenHandle {
  constructor(context: Context) {
    super(context, 'TCPSERVERWRAP');
  }

  protected makeStream(): ConnectingHandle {
    return new TcpHandle(this.context);
  }

  bind(address: string, port: number, flags: number): number {
    const opened = this.openAs(familyOf(address));
    return opened < 0 ? opened : bindTcp(this.descriptor, { address, port }, flags);
  }

  getsockname(out: Partial<SocketAddress>): number {
    return localName(this.descriptor, out);
  }
}

// libuv adds to a socket's permissions, and from 1.51 on sets them.
const [uvMajor = 1, uvMinor = 0] = process.versions.uv.split('.').map(Number);
const setsMode = uvMajor > 1 || uvMinor >= 51;
// Node's own bits of a mode.
const READABLE = 1;
const WRITABLE = 2;

export class PipeListenHandle extends ListenHandle {
  private path: string | undefined;

  constructor(context: Context) {
    super(context, 'PIPESERVERWRAP');
  }

  protected makeStream(): ConnectingHandle {
    return new PipeHandle(this.context);
  }

  bind(path: string): number {
    const opened = this.openAs(kernel.AF_UNIX);
    if (opened < 0) return opened;
    const result = bindTo(this.descriptor, { path });
    if (result === 0 && path[0] !== '\0') this.path = path;
    // As libuv has it, for a folder that is not there.
    return result === -kernel.ENOENT ? -kernel.EACCES : result;
  }

  /** Lets everybody read, write or both. */
  fchmod(mode: number): number {
    if (this.path === undefined) return -kernel.EBADF;
    const bits = (mode & READABLE ? 0o444 : 0) | (mode & WRITABLE ? 0o222 : 0);
    try {
      chmodSync(this.path, setsMode ? bits : statSync(this.path).mode | bits);
      return 0;
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno ?? -kernel.EINVAL;
    }
  }

  override removeName(): void {
    super.removeName();
    if (this.path === undefined) return;
    try {
      unlinkSync(this.path);
    } catch {
      // Somebody else removed it.
    }
    this.path = undefined;
  }
}

// What Node's has, and this has not: it is asked whether it is there.
Object.defineProperty(PipeListenHandle.prototype, 'getsockname', { value: undefined });
