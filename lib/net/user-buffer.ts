// The option `onread` of a socket: what is received goes into a buffer of the program's, as much at a time as it has
// room for. What is left waits while the socket does not read, and the end waits behind it.
import { queueMicrotask } from '../timers';
import { internals } from './node-internals';
import type { HandleOwner } from './node-objects';

/** What of a socket's handle is needed here. */
interface Reader {
  readonly reading: boolean;
  isClosing(): boolean;
  readBuffer(bytes: Uint8Array): void;
  receiveEnded(): void;
}

const NOTHING = Buffer.alloc(0);

export class UserBuffer {
  private readonly reader: Reader;
  private readonly owner: HandleOwner;
  private rest: Buffer = NOTHING;
  private endWaits = false;

  constructor(reader: Reader, owner: HandleOwner) {
    this.reader = reader;
    this.owner = owner;
  }

  /** Received bytes. After each piece the program may stop reading, destroy the socket or give another buffer. */
  fill(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const { reader } = this;
    while (this.rest.length > 0 && reader.reading && !reader.isClosing()) this.fillOnce();
    if (this.rest.length > 0 || !this.endWaits) return;
    this.endWaits = false;
    if (!reader.isClosing()) reader.receiveEnded();
  }

  private fillOnce(): void {
    const { reader, owner, rest } = this;
    const buffer = owner[internals.userBuffer] as Uint8Array;
    const length = Math.min(buffer.length, rest.length);
    this.rest = rest.subarray(length);
    let returned = false;
    try {
      reader.readBuffer(rest.subarray(0, length));
      returned = true;
    } finally {
      if (!returned) this.resume(); // what the program throws does not keep the rest back
    }
  }

  /** The socket reads again. */
  resume(): void {
    if (this.rest.length > 0) queueMicrotask(() => this.fill(NOTHING));
  }

  /** What the program has not got yet, for whoever reads in its place. */
  take(): Buffer {
    const { rest } = this;
    this.rest = NOTHING;
    return rest;
  }

  /** Whether the end has to wait: then it is told to the reader once the rest is gone. */
  holdEnd(): boolean {
    this.endWaits = this.rest.length > 0;
    return this.endWaits;
  }
}
