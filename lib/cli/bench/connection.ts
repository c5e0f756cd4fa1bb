// One connection of the load generator, on operations alone: sends numbered bytes, and compares each that comes back.
import { errnoName } from '../../errors';
import type { Proactor } from '../../proactor';
import type { OperationId } from '../../ring/handler-table';
import { ENOBUFS, IORING_CQE_F_MORE, MSG_NOSIGNAL, MSG_WAITALL } from '../../ring/kernel';
import type { Memory } from '../../ring/memory';
import type { Load } from './messages';
import type { LatencyHistogram } from './statistics';

// A prime, so that messages of ordinary sizes all differ: a lost, repeated or exchanged one shows.
const PERIOD = 65521;

/** The bytes that all connections send, over and over; long enough that whatever is due lies in one piece. */
export function makePattern(proactor: Proactor, { size, depth }: Load): Memory {
  const memory = proactor.allocate(PERIOD + size * depth);
  const { bytes } = memory;
  let state = 1;
  for (let i = 0; i < PERIOD; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  for (let i = PERIOD; i < bytes.length; i++) bytes[i] = bytes[i - PERIOD]!;
  return memory;
}

/** What a connection tells its load generator. */
export interface Owner {
  readonly histogram: LatencyHistogram;
  /** No message is sent any more: what is outstanding shall come back. */
  readonly isEnding: boolean;
  onMessages(count: number): void;
  onError(error: Error): void;
}

export class Connection {
  readonly #proactor: Proactor;
  readonly #fd: number;
  readonly #pattern: Memory;
  readonly #load: Load;
  readonly #owner: Owner;
  readonly #sentAt: Float64Array; // of the outstanding messages, by number modulo depth
  #messagesDue = 0; // to be sent, when the send in flight is through
  #sent = 0; // messages
  #received = 0; // messages
  #bytes = 0; // received of the message that is coming
  #from = 0; // where in the pattern the next received byte is
  #to = 0; // where in the pattern the next sent byte is
  #sending = 0; // bytes in flight
  #sendId: OperationId = 0;

  constructor(proactor: Proactor, fd: number, pattern: Memory, load: Load, owner: Owner) {
    this.#proactor = proactor;
    this.#fd = fd;
    this.#pattern = pattern;
    this.#load = load;
    this.#owner = owner;
    this.#sentAt = new Float64Array(load.depth);
    this.#receive();
  }

  /** Sends as many messages as shall be outstanding. */
  start(): void {
    this.#messagesDue = this.#load.depth;
    this.#send();
  }

  #send(): void {
    const count = this.#messagesDue;
    if (count === 0) return;
    if (this.#sending > 0) {
      this.#proactor.hastenCompletion(this.#sendId);
      return;
    }
    this.#messagesDue = 0;
    const now = performance.now();
    for (let i = 0; i < count; i++) this.#sentAt[(this.#sent + i) % this.#load.depth] = now;
    this.#sent += count;
    this.#sending = count * this.#load.size;
    this.#sendRest();
  }

  #sendRest(): void {
    const flags = MSG_WAITALL | MSG_NOSIGNAL;
    // Its end matters only when more is to be sent.
    this.#proactor.deferCompletion();
    this.#sendId = this.#proactor.send(
      this.#fd,
      this.#pattern,
      this.#to,
      this.#sending,
      flags,
      this.#onSent,
    );
  }

  readonly #onSent = (result: number): void => {
    if (result <= 0) {
      this.#fail(`sending failed with ${errnoName(result)}`);
      return;
    }
    this.#to = (this.#to + result) % PERIOD;
    this.#sending -= result;
    if (this.#sending > 0) this.#sendRest();
    else this.#send();
  };

  #receive(): void {
    this.#proactor.recvMultishot(this.#fd, this.#proactor.buffers, 0, this.#onReceived);
  }

  readonly #onReceived = (result: number, flags: number): void => {
    if (result > 0) {
      const { buffers } = this.#proactor;
      const offset = buffers.take(result, flags);
      const error = this.#check(buffers.memory.bytes, offset, result);
      buffers.release(offset);
      if (error !== '') {
        this.#fail(error);
        return;
      }
      this.#count(result);
      if ((flags & IORING_CQE_F_MORE) === 0) this.#receive();
    } else if (result === -ENOBUFS) {
      this.#proactor.buffers.whenAvailable(() => this.#receive());
    } else {
      this.#fail(
        result === 0
          ? 'the server closed a connection'
          : `receiving failed with ${errnoName(result)}`,
      );
    }
  };

  /** Compares received bytes with the pattern; '' if they are right. */
  #check(bytes: Buffer, offset: number, length: number): string {
    const { bytes: pattern } = this.#pattern;
    let at = offset;
    const end = offset + length;
    while (at < end) {
      const count = Math.min(end - at, pattern.length - this.#from);
      if (pattern.compare(bytes, at, at + count, this.#from, this.#from + count) !== 0) {
        return 'bytes came back that were not sent';
      }
      this.#from = (this.#from + count) % PERIOD;
      at += count;
    }
    return '';
  }

  #count(length: number): void {
    const { size, depth } = this.#load;
    this.#bytes += length;
    const count = Math.floor(this.#bytes / size);
    if (count === 0) return;
    this.#bytes -= count * size;
    if (this.#received + count > this.#sent) {
      this.#fail('more came back than was sent');
      return;
    }
    const now = performance.now();
    for (let i = 0; i < count; i++) {
      this.#owner.histogram.record(now - this.#sentAt[(this.#received + i) % depth]!, 1);
    }
    this.#received += count;
    if (!this.#owner.isEnding) this.#messagesDue += count;
    this.#owner.onMessages(count);
    this.#send();
  }

  #fail(message: string): void {
    this.#owner.onError(new Error(message));
  }
}
