// What all sockets and servers on one proactor share, and which proactor that is in this thread.
import { disposedError } from '../errors';
import { addHidden } from '../inspection';
import { checkProactor, Proactor } from '../proactor';
import { addon } from '../ring/binding';
import { nowMs } from '../timers';
import { outside } from './async-context';

/**
 * Freed memory of up to twice this size stays with the process. Sockets get their bytes in buffers of up
 * to 64 KiB from the C library; returned to the system when they are collected, each would cost its page
 * faults anew. glibc keeps as much as twice the largest block that was ever freed, of up to 32 MiB.
 */
const KEPT_BYTES = 31 << 20;
/**
 * From so many bytes at once on they are read into memory that the socket keeps, and freed memory is kept: without
 * large pieces all that a burst took goes back.
 */
export const LARGE_BYTES = 32768;

/** What a socket gets at a time. Larger buffers are mapped by the C library one by one, and cost page faults. */
export const PIECE_BYTES = 65536;

/** How long an exit of the process waits for sends that an I/O thread has in flight, with more behind them. */
const EXIT_MS = 1000;

export class Context {
  readonly proactor: Proactor;
  /** The process exits by then: there is no turn to come in which something could be sent. 0: not yet. */
  exitsByMs = 0;
  /** The receive buffers. Of a plain array a view is cheaper than of a Buffer. */
  declare private readonly received: Uint8Array;
  declare private piece: Buffer | undefined; // that the next read fills
  private keepsFreed = false;

  constructor(proactor: Proactor) {
    this.proactor = proactor;
    const { buffer, byteOffset, byteLength } = proactor.buffers.memory.bytes;
    const received = new Uint8Array(buffer, byteOffset, byteLength);
    addHidden(this, { received, piece: undefined });
  }

  /** A copy of received bytes. */
  copyOf(offset: number, length: number): Buffer {
    if (length >= LARGE_BYTES) this.keepFreed();
    const bytes = Buffer.allocUnsafe(length);
    bytes.set(this.received.subarray(offset, offset + length));
    return bytes;
  }

  /** What a descriptor has at once, up to PIECE_BYTES of it, or the result that says why nothing: 0 or -errno. */
  read(fd: number): Buffer | number {
    this.piece ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    const { piece } = this;
    const length = addon!.tryReceive(fd, piece);
    if (length <= 0) return length;
    // Whoever keeps little of it is not to keep all of its memory.
    if (length < LARGE_BYTES) return Buffer.from(piece.subarray(0, length));
    this.piece = undefined;
    this.keepFreed();
    return length < PIECE_BYTES ? piece.subarray(0, length) : piece;
  }

  private keepFreed(): void {
    if (this.keepsFreed) return;
    this.keepsFreed = true;
    Buffer.allocUnsafeSlow(KEPT_BYTES); // dropped at once
  }
}

const contexts = new Map<Proactor, Context>();
let current: Context | undefined;

/** Of the proactor that sockets and servers of this thread run on; made when it is first needed. */
export function currentContext(): Context {
  if (current === undefined || current.proactor.disposed) {
    current = contextOf(outside.runInAsyncScope(() => new Proactor()));
  }
  return current;
}

export function contextOf(proactor: Proactor): Context {
  const known = contexts.get(proactor);
  if (known !== undefined) return known;
  if (contexts.size === 0) process.once('exit', sendAll);
  for (const old of contexts.keys()) if (old.disposed) contexts.delete(old);
  const context = new Context(proactor);
  contexts.set(proactor, context);
  return context;
}

// What was written is with the kernel when the process exits, as with node:net.
function sendAll(): void {
  const untilMs = nowMs() + EXIT_MS;
  for (const context of contexts.values()) {
    context.exitsByMs = untilMs;
    context.proactor.sendNow(untilMs);
  }
}

/** Of one that a user names. */
export function checkOpen(proactor: Proactor, name: string): Proactor {
  checkProactor(proactor, name);
  if (proactor.disposed) throw disposedError();
  return proactor;
}

/**
 * Sockets and servers that this thread makes from now on run on `proactor`, instead of on one that the
 * module makes when it needs one. It stays the caller's to dispose of; once it is, the module makes one
 * of its own again.
 *
 * @throws ERR_INVALID_ARG_TYPE; ERR_PROACTOR_DISPOSED.
 */
export function useProactor(proactor: Proactor): void {
  current = contextOf(checkOpen(proactor, 'proactor'));
}
