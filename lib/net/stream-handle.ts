// What a socket of node:net has for a handle here: a connected stream on the proactor, with the methods that Node's
// net.Socket calls. Bytes go straight to the socket; or, where native code of Node's reads them (the parser of HTTP,
// TLS), through Node's own stream object, which this class extends.
//
//   kernel -> SocketReception -> deliver -> socket.push()             the usual way
//                                       -> readBuffer() -> native    TLS, HTTP, `onread`
//   socket._write() -> write, TLS and HTTP -> onwrite -> Sender -> kernel
import { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import { systemError } from '../errors';
import type { Sender } from '../io/sender';
import type { SenderHost } from '../io/sender-host';
import { putSender, takeSender } from '../io/spare-senders';
import { mostBytesOf } from '../io/write-data';
import { close } from '../own-operations';
import { addon } from '../ring/binding';
import { ECANCELED, EINVAL, ENOTCONN, SHUT_WR } from '../ring/kernel';
import { clearTimeout, setImmediate, setTimeout } from '../timers';
import { becomeResource, inThisContext } from './async-context';
import type { Context } from './context';
import { HandleBase } from './handle-base';
import { internals, ownerOf } from './node-internals';
import type { HandleOwner, Request, WriteDone, WrittenChunk } from './node-objects';
import { SocketReception } from './socket-reception';
import { failWith, isReset, tellSocket } from './socket-sender';
import { UserBuffer } from './user-buffer';

/**
 * Up to so many bytes a write is taken as sent while they wait, as the kernel's buffer would take them: a piece of
 * 64 KiB with what frames it, and others before it.
 */
const TAKEN_MAX = 131072;
const UNBOUNDED = 0x7fffffff; // backpressure is the socket's own matter
/** How long what was taken may wait for a peer that does not read, once its socket was destroyed. */
const LINGER_MS = 30_000;

const { runInAsyncScope } = AsyncResource.prototype;

// Bits of a handle's state. One field for all: there may be many idle sockets.
const CONNECTING = 1;
const CLOSING = 2;
const OPEN = 4; // connected, and its descriptor not closed
const NATIVE = 8; // native code reads
const UNREFERENCED = 16;
const RESET = 32; // it is closed with a reset
const GUARDED = 64; // somebody reads in the socket's place

export abstract class StreamHandle extends HandleBase implements SenderHost {
  readonly context: Context;
  /** Our own end's descriptor; -1 before there is one. */
  protected descriptor = -1;
  private state = 0;
  private sentBefore = 0; // by senders that were given back
  private takenTo = 0; // so many bytes were taken as sent
  protected userBuffer: UserBuffer | null = null;
  /** Told when sending has ended. */
  protected onShutdown: ((status: number) => void) | null = null;
  private onClosed: (() => void) | null = null;
  /** What speaks TLS on it, if anything does. */
  secure: Duplex | null = null;

  constructor(context: Context) {
    super();
    this.context = context;
    becomeResource(this);
  }

  private is(bits: number): boolean {
    return (this.state & bits) !== 0;
  }

  protected get closing(): boolean {
    return (this.state & CLOSING) !== 0;
  }

  protected set connecting(connecting: boolean) {
    this.state = connecting ? this.state | CONNECTING : this.state & ~CONNECTING;
  }

  protected forgetAttempt(): void {
    this.state &= ~(CONNECTING | CLOSING); // it was never open
  }

  // ---- what net.Socket asks for

  override get onread(): unknown {
    return super.onread;
  }

  // Set by net.Socket. While an agent of HTTP keeps the connection it sets another, which ends the connection
  // when something comes: that would be taken for the next answer.
  override set onread(reader: unknown) {
    if (reader === internals.socketReader) this.state &= ~GUARDED;
    else this.state |= GUARDED;
    super.onread = reader;
  }

  /** Connected, and somebody reads in the socket's place. */
  get isGuarded(): boolean {
    return (this.state & (OPEN | CLOSING | GUARDED)) === (OPEN | GUARDED);
  }

  /** Takes over a descriptor, of a connected socket. */
  open(fd: number): number {
    this.descriptor = fd;
    this.context.proactor.ring.descriptors.add(fd);
    this.connected();
    return 0;
  }

  protected connected(): void {
    const { proactor } = this.context;
    this.reception = new SocketReception(proactor.ring, this.descriptor, this);
    if (this.is(UNREFERENCED)) this.reception.setReferenced(false);
    proactor.own(this);
    this.state |= OPEN;
  }

  get fd(): number {
    return this.descriptor;
  }

  get bytesRead(): number {
    return this.reception === null ? 0 : this.reception.bytes;
  }

  get bytesWritten(): number {
    return this.sentBefore + (this.sender === null ? 0 : this.sender.written);
  }

  /** Bytes that are with the kernel. */
  protected get sent(): number {
    return this.sentBefore + (this.sender === null ? 0 : this.sender.bytes);
  }

  get writeQueueSize(): number {
    return this.sender === null ? 0 : this.sender.queued;
  }

  readStart(): number {
    if (this.reception === null) return -ENOTCONN;
    this.userBuffer?.resume();
    this.reception.resume();
    return 0;
  }

  readStop(): number {
    this.reception?.pause();
    return 0;
  }

  ref(): void {
    this.state &= ~UNREFERENCED;
    this.reception?.setReferenced(true);
  }

  unref(): void {
    this.state |= UNREFERENCED;
    this.reception?.setReferenced(false);
  }

  hasRef(): boolean {
    return !this.is(UNREFERENCED | CLOSING);
  }

  // `done` is called at once where bytes are taken: they are sent even if the socket is destroyed.
  write(data: string | Uint8Array, encoding: BufferEncoding, done: WriteDone): void {
    const sender = this.neededSender();
    if (typeof data === 'string') sender.addText(data, encoding);
    else sender.add(data);
    this.finishWriting(sender, done);
  }

  writeAll(chunks: readonly WrittenChunk[], done: WriteDone): void {
    const sender = this.neededSender();
    let most = 0;
    for (const { chunk } of chunks) {
      most += typeof chunk === 'string' ? mostBytesOf(chunk) : chunk.length;
    }
    sender.reserve(most);
    for (const { chunk, encoding } of chunks) {
      if (typeof chunk === 'string') sender.addText(chunk, encoding);
      else sender.add(chunk);
    }
    this.finishWriting(sender, done);
  }

  private neededSender(): Sender {
    this.sender ??= takeSender(this.context.proactor.ring, this.descriptor, UNBOUNDED, this);
    return this.sender;
  }

  get sending(): Sender | null {
    return this.sender;
  }

  /** It has nothing more to send. @internal */
  giveBackSender(): void {
    const sender = this.sender!;
    this.sentBefore += sender.bytes;
    this.sender = null;
    putSender(sender);
  }

  // Whether all that was added is as good as sent: with the kernel, or the sender's alone.
  private take(sender: Sender): boolean {
    sender.added(undefined);
    if (this.context.exitsByMs > 0) sender.sendNow(this.context.exitsByMs);
    if (!sender.takeOver(TAKEN_MAX)) return false;
    this.takenTo = this.sentBefore + sender.written;
    return true;
  }

  private finishWriting(sender: Sender, done: WriteDone): void {
    if (this.take(sender)) {
      done();
      return;
    }
    tellSocket(sender, this.owner!, done);
  }

  /** Ends sending, after all that was written; tells through `request`. */
  shutdown(request: Request): number {
    // In the context of this call, as what Node's own handles are asked for is.
    return this.endSending(
      inThisContext('SHUTDOWNWRAP', (status: number) => request.oncomplete?.(status)),
    );
  }

  private endSending(tell: (status: number) => void): number {
    // Asked for twice, by TLS and by the socket under it, it says what libuv says.
    if (this.reception === null || this.closing || this.sender?.ending) return -ENOTCONN;
    this.onShutdown = tell;
    this.neededSender().end();
    return 0;
  }

  private shutdownDone(status: number): void {
    const tell = this.onShutdown;
    this.onShutdown = null;
    tell?.(status);
  }

  /** Ends everything and closes the descriptor; what was taken is sent before. `closed` is told. */
  close(closed?: () => void): void {
    if (this.closing) return;
    this.state |= CLOSING;
    this.onClosed = closed ?? null;
    if (this.reception === null) {
      this.closeUnconnected();
      return;
    }
    if (this.sent < this.takenTo) this.sender?.sendNow(0);
    // The peer is told now, as by a close, though that has to wait for the receive.
    const waits = this.reception.inFlight && this.sent >= this.takenTo;
    if (waits && !this.is(RESET)) addon!.shutdown(this.descriptor, SHUT_WR);
    this.stop(this.reception);
  }

  private stop(reception: SocketReception): void {
    reception.stop();
    const { sender } = this;
    if (sender !== null && this.sent < this.takenTo) this.linger(sender);
    else sender?.stop();
    this.closeWhenIdle();
  }

  /** As `close`, but all that was written is sent, and the peer is told nothing. */
  protected closeHere(closed: () => void): void {
    this.state |= CLOSING;
    this.onClosed = closed;
    this.takenTo = this.bytesWritten;
    this.stop(this.reception!);
  }

  /** As `close`, with a reset; drops what was not sent. */
  reset(closed?: () => void): number {
    if (this.onShutdown !== null) {
      this.close(); // without telling: Node does not know of it any more
      return -EINVAL;
    }
    const result = this.descriptor < 0 ? 0 : addon!.setLinger(this.descriptor, true, 0);
    if (result < 0) return result;
    this.takenTo = this.sent;
    this.state |= RESET;
    this.close(closed);
    return 0;
  }

  // A connect may be in flight: its completion closes.
  protected closeUnconnected(): void {
    if (this.is(CONNECTING)) return;
    if (this.descriptor >= 0) this.context.proactor.ring.closeDescriptor(this.descriptor);
    setImmediate(() => this.tellClosed());
  }

  private linger(sender: Sender): void {
    const timer = setTimeout(() => sender.stop(), LINGER_MS).unref();
    sender.whenSent(this.takenTo - this.sentBefore, () => {
      clearTimeout(timer);
      sender.stop();
      this.closeWhenIdle();
    });
    // Nobody waits for a peer: the kernel would send in the background as well.
    setImmediate(() => this.tellClosed());
  }

  private tellClosed(): void {
    const { onClosed } = this;
    this.onClosed = null;
    if (onClosed !== null) this.inScope(onClosed, undefined);
  }

  private closeWhenIdle(): void {
    const { sender } = this;
    if ((this.state & (OPEN | CLOSING)) !== (OPEN | CLOSING) || this.reception!.inFlight) return;
    if (sender !== null && (sender.inFlight || !sender.isStopped)) return;
    this.state &= ~OPEN;
    const { descriptor } = this;
    const { ring } = this.context.proactor;
    ring.descriptors.delete(descriptor);
    const onClosed = (result: number): void => {
      if (result === -ECANCELED) ring.closeDescriptor(descriptor);
      this.finish();
    };
    try {
      close(ring, onClosed, descriptor);
    } catch {
      // No slot is free for it, or the proactor is being disposed of.
      ring.closeDescriptor(descriptor);
      setImmediate(() => this.finish());
    }
  }

  private finish(): void {
    this.context.proactor.disown(this);
    this.reception!.finish();
    this.shutdownDone(-ECANCELED);
    try {
      this.sender?.finish(() => systemError(-ECANCELED, 'write'));
    } finally {
      this.tellClosed();
      // V8 keeps a native object to its next full collection, and all that this refers to.
      this.owner = undefined;
      this.secure = null;
    }
  }

  /** The proactor is disposed of: an error, but for a socket that only waited for the other end's end. */
  endWithOwner(reason: Error): void {
    const { owner } = this;
    if (owner?.writableEnded && owner.writableLength === 0) owner.destroy();
    else owner?.destroy(reason);
  }

  sendNow(untilMs: number): void {
    this.sender?.sendNow(untilMs);
    if (untilMs > 0) this.sender?.tellSent(); // at the exit: only then the socket gives more
  }

  protected get owner(): HandleOwner | undefined {
    return ownerOf<HandleOwner>(this);
  }

  protected set owner(owner: HandleOwner | undefined) {
    (this as unknown as Record<symbol, HandleOwner | undefined>)[internals.owner] = owner;
  }

  /** Runs a function of net.Socket's in the asynchronous context of this handle. */
  protected inScope<A extends unknown[]>(
    run: (...args: A) => void,
    self: unknown,
    ...args: A
  ): void {
    runInAsyncScope.call(this, run, self, ...args);
  }

  // ---- what the receiver reports

  /** Whoever reads copies what `deliver` gives: TLS, HTTP, or a buffer of the user's. */
  get isReadNatively(): boolean {
    return this.is(NATIVE | GUARDED);
  }

  /** Received bytes: the socket's own, or lent to who reads natively. */
  deliver(bytes: Buffer): void {
    const { owner } = this;
    if (this.closing || owner === undefined) return;
    if (this.isReadNatively) this.readBuffer(bytes);
    else if (owner[internals.userBuffer] !== null) {
      this.userBuffer ??= new UserBuffer(this, owner);
      this.userBuffer.fill(bytes);
    } else runInAsyncScope.call(this, this.push, this, owner, bytes);
  }

  private push(owner: HandleOwner, bytes: Buffer): void {
    owner._unrefTimer();
    if (owner.destroyed || owner.push(bytes)) return;
    this.reading = false;
    this.readStop();
  }

  receiveEnded(): void {
    const { owner } = this;
    if (this.closing || owner === undefined) return;
    if (this.userBuffer?.holdEnd()) return;
    if (this.isReadNatively) this.emitEOF();
    else runInAsyncScope.call(this, this.pushEnd, this, owner);
  }

  private pushEnd(owner: HandleOwner): void {
    owner._unrefTimer();
    owner.push(null);
    owner.read(0);
  }

  receiveFailed(failure: number | Error): void {
    if (this.isGuarded) this.emitEOF();
    else this.fail(failure, 'read');
  }

  receiveStopped(): void {
    this.closeWhenIdle();
  }

  // ---- what the sender reports

  drained(): void {}

  get receiveIsOver(): boolean {
    return this.owner?.readableEnded === true;
  }

  sendEnded(): void {
    this.shutdownDone(0);
    this.closeWhenIdle();
  }

  sendFailed(failure: number | Error, syscall: string): void {
    const fail = (): void => this.fail(failure, syscall);
    if (isReset(failure) && this.reception!.inFlight) setImmediate(fail);
    else fail();
  }

  sendStopped(): void {
    this.closeWhenIdle();
  }

  private fail(failure: number | Error, syscall: string): void {
    this.takenTo = Math.min(this.takenTo, this.sent);
    if (this.closing) {
      this.sender?.stop();
      this.closeWhenIdle();
      return;
    }
    const error = typeof failure === 'number' ? systemError(failure, syscall) : failure;
    const owner = this.secure ?? this.owner;
    const sender = syscall === 'write' ? this.sender : null;
    if (owner !== undefined) this.inScope(() => failWith(error, owner, sender), undefined);
  }

  // ---- what native code of Node's asks for, where it sits on top

  /** Asked by TLS, HTTP and HTTP/2 before they read natively: from here on bytes go that way. */
  get isStreamBase(): boolean {
    this.state |= NATIVE;
    return true;
  }

  onreadstart(): number {
    this.state |= NATIVE;
    return this.readStart();
  }

  onreadstop(): number {
    return this.readStop();
  }

  onwrite(request: object, chunks: readonly Uint8Array[]): number {
    if (this.reception === null || this.closing) return -ENOTCONN;
    const sender = this.neededSender();
    sender.addOwned(chunks);
    if (this.take(sender)) this.finishWrite(request, 0);
    else
      sender.whenAllSent((error?: NodeJS.ErrnoException) =>
        this.finishWrite(request, (error && (error.errno ?? -ECANCELED)) || 0),
      );
    return 0;
  }

  onshutdown(request: object): number {
    return this.endSending((status) => this.finishShutdown(request, status));
  }

  isClosing(): boolean {
    return this.closing;
  }
}
