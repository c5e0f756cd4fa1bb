// The receiving half of a stream: whoever consumes what its receive brings: a handler, a read or an
// iteration.
import { invalidArgType, proactorError } from '../errors';
import type { Ring } from '../ring/ring';
import { queueMicrotask } from '../timers';
import { checkInteger } from '../validate';
import { Chunk } from './chunk';
import type { IdleTimer } from './idle-timer';
import { InboundQueue } from './inbound-queue';
import { PAUSED, Reception, STOPPED } from './reception';
import type { Sender } from './sender';

/**
 * Called with received bytes, which are borrowed: valid until it returns. What it throws is an
 * uncaught exception; the stream goes on.
 */
export type DataHandler = (chunk: Chunk) => void;

/** What the stream does about what its receiver finds. */
export interface ReceiverHost {
  /** The peer ended, and all that came before was consumed. */
  receiveEnded(): void;
  receiveFailed(failure: number | Error): void;
  /** The other half, which may be told of what concerns both. */
  readonly sending: Sender | null;
  /** Nothing is in flight any more after `stop()`. */
  receiveStopped(): void;
}

interface Reader {
  readonly resolve: (data: Buffer | null) => void;
  readonly reject: (error: Error) => void;
  readonly limit: number;
}

export class Receiver extends Reception {
  idle: IdleTimer | null = null;
  private readonly host: ReceiverHost;
  readonly highWaterMark: number;
  // Made when they are first needed: a connection that is idle has neither.
  private inbound: InboundQueue | null = null;
  private chunk: Chunk | null = null;
  private handler: DataHandler | null = null;
  private reader: Reader | null = null;
  private iterating = false;
  private watching = false; // nobody reads yet, and still the peer's end is to be noticed
  private endAnnounced = false;

  constructor(ring: Ring, fd: number, highWaterMark: number, host: ReceiverHost) {
    super(ring, fd);
    this.host = host;
    this.highWaterMark = highWaterMark;
  }

  /** The peer's end was told. */
  get toldEnd(): boolean {
    return this.endAnnounced;
  }

  get onData(): DataHandler | null {
    return this.handler;
  }

  set onData(handler: DataHandler | null) {
    if (handler !== null && typeof handler !== 'function') {
      throw invalidArgType('onData', 'of type function or null', handler);
    }
    if (handler !== null && (this.reader !== null || this.iterating)) throw readerActive();
    this.handler = handler;
    if (handler !== null) this.wake();
    else this.cancelRepeated();
  }

  /** `ofIteration`: it is a step of the iteration that `beginIteration` began. */
  read(limit: number, ofIteration: boolean): Promise<Buffer | null> {
    checkInteger(limit, 'limit', 1, 0x7fffffff);
    if (this.handler !== null || this.reader !== null || this.iterating !== ofIteration) {
      throw readerActive();
    }
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject, limit };
      this.wake();
    });
  }

  beginIteration(): void {
    if (this.iterating || this.reader !== null || this.handler !== null) throw readerActive();
    this.iterating = true;
  }

  endIteration(): void {
    this.iterating = false;
  }

  resume(): void {
    if (!this.paused) return;
    this.state &= ~PAUSED;
    this.wake();
  }

  /** Receives from now on although nobody may have asked yet, so that the peer's end is noticed. */
  watchForEnd(): void {
    this.watching = true;
    this.arm();
  }

  /** The descriptor is closed: gives back what nobody consumed, and answers a pending read. */
  finish(error: Error | undefined): void {
    this.inbound?.clear();
    const reader = this.reader;
    this.reader = null;
    if (reader === null) return;
    if (error === undefined) reader.resolve(null);
    else reader.reject(error);
  }

  private get queued(): number {
    return this.inbound === null ? 0 : this.inbound.bytes;
  }

  // Before anybody asked, receiving would only fill memory; and with enough queued it waits, too.
  protected override get wantsMore(): boolean {
    const wanted = this.handler !== null || this.reader !== null || this.watching;
    return wanted && this.queued < this.highWaterMark;
  }

  protected override get takesAll(): boolean {
    return this.handler !== null;
  }

  protected override get subject(): object {
    return this.host;
  }

  protected override get sender(): Sender | null {
    return this.host.sending;
  }

  // Gives what is queued to whoever wants it, and sees to it that more comes.
  private wake(): void {
    if (this.queued === 0 || this.handler === null) {
      this.serveReader();
      this.arm();
    } else {
      // Not from within the setter: a handler is called from the event loop only.
      queueMicrotask(() => this.drainQueued());
    }
  }

  private drainQueued(): void {
    const inbound = this.inbound!;
    if (inbound.isEmpty || this.handler === null || this.paused || this.stopped) {
      this.announceEnd();
      this.arm();
      return;
    }
    const { offset, length, copy } = inbound.shift()!;
    try {
      this.lend(this.handler, offset, length, copy);
    } finally {
      // In a turn of its own, so that a handler that throws does not keep the rest back.
      queueMicrotask(() => this.drainQueued());
    }
  }

  // Ends the hold on the bytes, unless the handler made it somebody else's.
  private lend(handler: DataHandler, offset: number, length: number, copy: Buffer | null): void {
    const chunk = this.chunk ?? this.makeChunk();
    chunk.lend(offset, length, copy);
    try {
      handler(chunk);
    } finally {
      if (chunk.takeBack() === false && copy === null) this.ring.buffers.release(offset);
    }
  }

  private makeChunk(): Chunk {
    this.chunk = new Chunk(this.ring.buffers);
    return this.chunk;
  }

  private serveReader(): void {
    const reader = this.reader;
    if (reader === null) return;
    if (this.queued > 0) {
      this.reader = null;
      reader.resolve(this.inbound!.take(reader.limit));
    } else if (this.ended) {
      this.reader = null;
      reader.resolve(null);
      this.announceEnd();
    }
  }

  protected override received(length: number, flags: number): void {
    const offset = this.ring.buffers.take(length, flags);
    this.bytes += length;
    if (this.idle !== null) this.idle.touch();
    const handler = this.handler;
    if (handler === null || (this.state & (PAUSED | STOPPED)) !== 0 || this.queued > 0) {
      this.keep(offset, length);
    } else {
      this.lend(handler, offset, length, null);
    }
  }

  // Of bytes that nobody takes now.
  private keep(offset: number, length: number): void {
    const { buffers } = this.ring;
    if (this.stopped) {
      buffers.release(offset);
      return;
    }
    this.inbound ??= new InboundQueue(buffers);
    this.inbound.push(offset, length);
    this.serveReader();
    if (this.queued >= this.highWaterMark) this.cancel();
  }

  protected override sawEnd(): void {
    this.serveReader();
    this.announceEnd();
  }

  protected override failed(failure: number | Error): void {
    this.host.receiveFailed(failure);
  }

  protected override nowIdle(): void {
    this.host.receiveStopped();
  }

  // After what came before was consumed.
  private announceEnd(): void {
    if (!this.ended || this.endAnnounced || this.stopped || this.queued > 0) return;
    this.endAnnounced = true;
    this.host.receiveEnded();
  }
}

function readerActive(): Error {
  return proactorError(
    'ERR_PROACTOR_READER_ACTIVE',
    'The data is consumed already: by onData, by a pending read, or by an iteration',
  );
}
