// What a stream still has to send, in order. One send is in flight at a time; what waits meanwhile
// goes into the next one.
//
//   waiting: [segment][segment]...   -> start() -> flight: [segment]... -> sent(result) -> released
//
// A segment is a run of bytes in native memory: received ones that are written on (held in the
// buffer ring), a block that small writes were copied into, or a piece of a large buffer that is
// copied only when its turn comes.
import { invalidArgType, proactorError } from '../errors';
import type { Proactor } from '../proactor';
import type { CompletionHandler, OperationId } from '../ring/handler-table';
import { MSG_NOSIGNAL, MSG_WAITALL } from '../ring/kernel';
import type { Block, Memory } from '../ring/memory';
import type { Ring } from '../ring/ring';
import { Chunk, Lease } from './chunk';

/** What can be written: text, bytes, received bytes, and arrays of them. */
export type WriteData =
  | string
  | ArrayBufferView
  | Chunk
  | Lease
  | readonly (string | ArrayBufferView | Chunk | Lease)[];

// Up to this size bytes are copied at the call; larger buffers are referenced until their turn
// comes.
const COPY_LIMIT = 16384;
// What a large buffer is cut into.
const PIECE_BYTES = 262144;
// Several segments of no more than this together are cheaper copied into one than gathered.
const GATHER_FROM = 4096;
const SEGMENTS_PER_SEND = 64;
// MSG_WAITALL: the kernel goes on after a short send by itself.
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;

class Segment {
  /** Where the bytes are; null for a view whose turn has not come. */
  memory: Memory | null = null;
  offset = 0;
  length = 0;
  block: Block | null = null;
  view: Uint8Array | null = null;
}

export class SendQueue {
  readonly #ring: Ring;
  #waiting: Segment[] = [];
  #flight: Segment[] = [];
  #spare: Segment | null = new Segment();
  #bytes = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** Bytes waiting and in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Segments waiting. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Adds data at the end and returns its bytes. Nothing is added if it throws. */
  add(data: WriteData): number {
    if (data instanceof Chunk || data instanceof Lease) return this.#addHeld(data);
    if (typeof data === 'string') return this.#addText(data, 'utf8');
    if (ArrayBuffer.isView(data)) return this.#addView(data);
    if (!Array.isArray(data)) {
      throw invalidArgType(
        'data',
        'of type string, an instance of Buffer, TypedArray, DataView, Chunk or Lease, or an array of them',
        data,
      );
    }
    data.forEach(checkElement);
    let bytes = 0;
    for (const element of data) bytes += this.add(element);
    return bytes;
  }

  addText(text: string, encoding: BufferEncoding): number {
    return this.#addText(text, encoding);
  }

  #addHeld(held: Chunk | Lease): number {
    const { offset, length, copy } = held;
    if (copy !== null) return this.#addView(copy);
    const { buffers } = this.#ring;
    const { memory } = buffers;
    // The memory of another proactor's streams is not this kernel ring's to send from.
    if (buffers.scarce || held.buffers !== buffers) return this.#addView(held.bytes, true);
    const tail = this.#tail();
    if (tail !== null && tail.memory === memory && tail.offset + tail.length === offset) {
      // Right behind what waits already. The hold on the buffer is one for both, unless the buffer
      // is another.
      const size = buffers.size;
      if (Math.floor(tail.offset / size) === Math.floor(offset / size)) {
        tail.length += length;
        this.#bytes += length;
        return length;
      }
    }
    buffers.retain(offset);
    const segment = this.#push(length);
    segment.memory = memory;
    segment.offset = offset;
    return length;
  }

  #addText(text: string, encoding: BufferEncoding): number {
    // Three bytes a UTF-16 unit is the most that any encoding takes.
    if (text.length * 3 > COPY_LIMIT) return this.#addView(Buffer.from(text, encoding));
    if (text.length === 0) return 0;
    const most = text.length * 3;
    const tail = this.#tailWithRoom(most);
    if (tail !== null) {
      const { block } = tail;
      const written = block!.bytes.write(text, tail.offset - block!.offset + tail.length, encoding);
      tail.length += written;
      this.#bytes += written;
      return written;
    }
    const block = this.#ring.memory.pool.take(most);
    const written = block.bytes.write(text, 0, encoding);
    this.#pushBlock(block, written);
    return written;
  }

  #addView(data: ArrayBufferView, copyNow = false): number {
    const length = data.byteLength;
    if (length === 0) return 0;
    // Where it has to wait, one of its own: a view that tracks its buffer's length would grow.
    const view =
      data instanceof Uint8Array && length <= COPY_LIMIT
        ? data
        : new Uint8Array(data.buffer, data.byteOffset, length);
    // The bytes of a chunk are there until its handler returns, and no longer.
    if (length > COPY_LIMIT && !copyNow && this.#ring.memory.find(view)?.isLent !== true) {
      this.#push(length).view = view;
      return length;
    }
    const tail = this.#tailWithRoom(length);
    if (tail !== null) {
      const { block } = tail;
      block!.bytes.set(view, tail.offset - block!.offset + tail.length);
      tail.length += length;
      this.#bytes += length;
      return length;
    }
    const block = this.#ring.memory.pool.take(length);
    block.bytes.set(view);
    this.#pushBlock(block, length);
    return length;
  }

  #tail(): Segment | null {
    const { length } = this.#waiting;
    return length === 0 ? null : this.#waiting[length - 1]!;
  }

  #tailWithRoom(bytes: number): Segment | null {
    const tail = this.#tail();
    if (tail === null || tail.block === null) return null;
    const end = tail.offset - tail.block.offset + tail.length;
    return end + bytes <= tail.block.byteLength ? tail : null;
  }

  #push(length: number): Segment {
    const segment = this.#spare ?? new Segment();
    this.#spare = null;
    segment.length = length;
    this.#bytes += length;
    this.#waiting.push(segment);
    return segment;
  }

  #pushBlock(block: Block, length: number): void {
    const segment = this.#push(length);
    segment.block = block;
    segment.memory = block.memory;
    segment.offset = block.offset;
  }

  /** Initiates one send of what waits, or of as much of it as one send takes. */
  start(proactor: Proactor, fd: number, quiet: boolean, handler: CompletionHandler): OperationId {
    const waiting = this.#waiting;
    if (waiting.length === 1) {
      const only = waiting[0]!;
      if (only.view === null) {
        if (quiet) this.#ring.quiet();
        const id = proactor.send(fd, only.memory!, only.offset, only.length, SEND_FLAGS, handler);
        this.#waiting = this.#flight;
        this.#flight = waiting;
        return id;
      }
    }
    this.#prepareFlight();
    try {
      return this.#initiate(proactor, fd, handler);
    } catch (error) {
      // Nothing is in flight: it waits as before.
      this.settle(0);
      throw error;
    }
  }

  #initiate(proactor: Proactor, fd: number, handler: CompletionHandler): OperationId {
    const flight = this.#flight;
    if (flight.length === 1) {
      const { memory, offset, length } = flight[0]!;
      return proactor.send(fd, memory!, offset, length, SEND_FLAGS, handler);
    }
    const buffers = flight.map(({ memory, offset, length }) => memory!.view(offset, length));
    return proactor.sendmsg(fd, { buffers }, SEND_FLAGS, handler);
  }

  // Moves from waiting to flight: small segments together as one copy, others as they are.
  #prepareFlight(): void {
    const waiting = this.#waiting;
    let count = 0;
    let total = 0;
    while (count < waiting.length && count < SEGMENTS_PER_SEND && waiting[count]!.view === null) {
      total += waiting[count]!.length;
      count++;
    }
    if (count === 0) {
      this.#flight.push(this.#cutPiece(waiting[0]!));
      return;
    }
    const taken = waiting.splice(0, count);
    if (count > 1 && total <= GATHER_FROM) this.#flight.push(this.#mergeCopies(taken, total));
    else this.#flight.push(...taken);
  }

  #mergeCopies(segments: Segment[], total: number): Segment {
    const block = this.#ring.memory.pool.take(total);
    let at = 0;
    for (const { memory, offset, length } of segments) {
      block.bytes.set(memory!.bytes.subarray(offset, offset + length), at);
      at += length;
    }
    for (const segment of segments) this.#release(segment);
    return this.#segmentOf(block, total);
  }

  // The next piece of a large buffer, copied now that its turn has come.
  #cutPiece(segment: Segment): Segment {
    const view = segment.view!;
    if (view.byteLength < segment.length) {
      throw proactorError(
        'ERR_PROACTOR_MEMORY_DETACHED',
        'A buffer was detached or shrunk before it was sent',
      );
    }
    const length = Math.min(view.byteLength, PIECE_BYTES);
    const block = this.#ring.memory.pool.take(length);
    block.bytes.set(view.subarray(0, length));
    if (length === view.byteLength) {
      this.#waiting.shift();
      this.#release(segment);
    } else {
      segment.view = view.subarray(length);
      segment.length -= length;
    }
    return this.#segmentOf(block, length);
  }

  #segmentOf(block: Block, length: number): Segment {
    const segment = new Segment();
    segment.block = block;
    segment.memory = block.memory;
    segment.offset = block.offset;
    segment.length = length;
    return segment;
  }

  /**
   * The send in flight completed: `sent` bytes (0 for a failure) are through; a rest waits in front
   * again.
   */
  settle(sent: number): void {
    const flight = this.#flight;
    this.#bytes -= sent;
    if (flight.length === 1 && flight[0]!.length === sent) {
      this.#release(flight.pop()!);
      return;
    }
    let left = sent;
    let done = 0;
    for (const segment of flight) {
      if (segment.length > left) {
        this.#advance(segment, left);
        break;
      }
      left -= segment.length;
      this.#release(segment);
      done++;
    }
    if (done < flight.length) this.#waiting.unshift(...flight.slice(done));
    flight.length = 0;
  }

  // The first bytes of a segment are through. A run over several buffers of the ring never arises,
  // so its hold stays.
  #advance(segment: Segment, sent: number): void {
    segment.offset += sent;
    segment.length -= sent;
  }

  /** Drops what waits; nothing may be in flight. */
  clear(): void {
    for (const segment of this.#waiting) this.#release(segment);
    this.#waiting.length = 0;
    this.#bytes = 0;
  }

  #release(segment: Segment): void {
    if (segment.block !== null) segment.block.release();
    else if (segment.view === null) this.#ring.buffers.release(segment.offset);
    segment.block = null;
    segment.view = null;
    segment.memory = null;
    this.#spare = segment;
  }
}

function checkElement(element: unknown, index: number): void {
  if (typeof element === 'string' || ArrayBuffer.isView(element)) return;
  if (element instanceof Chunk || element instanceof Lease) {
    void element.offset; // throws if its bytes were returned
    return;
  }
  throw invalidArgType(
    `data[${index}]`,
    'of type string or an instance of Buffer, TypedArray, DataView, Chunk or Lease',
    element,
  );
}
