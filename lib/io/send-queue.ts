// What a stream still has to send, in order. One send is in flight at a time; what waits meanwhile
// goes into the next one.
//
//   waiting: [segment][segment]...   -> start() -> flight: [segment]... -> sent(result) -> released
//
// A segment is a run of bytes in native memory: received ones that are written on (held in the
// buffer ring), a block that small writes were copied into, or a large buffer of the caller's. That
// is sent from where it lies, as much as the socket takes at a time, once the ring tells that it takes
// any; or, where an I/O thread sends, copied piece by piece when its turn comes.
import { initiatorOf } from '../define-operation';
import { invalidArgType, proactorError } from '../errors';
import { operations } from '../operations';
import type { Proactor } from '../proactor';
import { addon } from '../ring/binding';
import type { CompletionTarget, OperationId } from '../ring/handler-table';
import { MSG_NOSIGNAL, MSG_WAITALL, POLLOUT } from '../ring/kernel';
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
export const COPY_LIMIT = 16384;
// What a large buffer is cut into.
const PIECE_BYTES = 262144;
// Several segments of no more than this together are cheaper copied into one than gathered.
const GATHER_FROM = 4096;
const SEGMENTS_PER_SEND = 64;
// MSG_WAITALL: the kernel goes on after a short send by itself.
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;

/** More than this trySend is not given: its result is an int. */
export const DIRECT_MAX = 1 << 30;

const poll = initiatorOf('pollAdd', operations.pollAdd);

class Segment {
  /** Where the bytes are; null for a view whose turn has not come. */
  memory: Memory | null = null;
  offset = 0;
  length = 0;
  block: Block | null = null;
  view: Uint8Array | null = null;
  next: Segment | null = null;
}

export class SendQueue {
  /** Bytes waiting and in flight. */
  bytes = 0;
  private readonly ring: Ring;
  // Lists and not arrays, which cost twice the instructions for the one segment there mostly is.
  private first: Segment | null = null;
  private last: Segment | null = null;
  private flight: Segment | null = null;
  private spare: Segment | null = null;
  /** What is in flight only says that the socket takes some of the first segment. */
  polling = false;

  constructor(ring: Ring) {
    this.ring = ring;
  }

  /** Nothing waits. */
  get isEmpty(): boolean {
    return this.first === null;
  }

  /** The next send takes all that waits. */
  get isOneSend(): boolean {
    const first = this.first;
    return first !== null && first.next === null && first.view === null;
  }

  /** Adds data at the end and returns its bytes. Nothing is added if it throws. */
  add(data: WriteData): number {
    if (data instanceof Chunk || data instanceof Lease) return this.addHeld(data);
    if (typeof data === 'string') return this.addText(data, 'utf8');
    if (ArrayBuffer.isView(data)) return this.addView(data);
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

  addHeld(held: Chunk | Lease): number {
    const { offset, length, copy } = held;
    if (copy !== null) return this.addView(copy);
    const { buffers } = this.ring;
    const { memory } = buffers;
    // The memory of another proactor's streams is not this kernel ring's to send from.
    if (buffers.scarce || held.buffers !== buffers) return this.addView(held.bytes, true);
    const tail = this.last;
    if (tail !== null && this.extend(tail, offset, length)) return length;
    held.hold();
    const segment = this.push(length);
    segment.memory = memory;
    segment.offset = offset;
    return length;
  }

  // What was received right behind what waits already. The hold on the buffer is one for both, unless
  // the buffer is another.
  private extend(tail: Segment, offset: number, length: number): boolean {
    const { memory, size } = this.ring.buffers;
    if (tail.memory !== memory || tail.offset + tail.length !== offset) return false;
    if (Math.floor(tail.offset / size) !== Math.floor(offset / size)) return false;
    tail.length += length;
    this.bytes += length;
    return true;
  }

  addText(text: string, encoding: BufferEncoding): number {
    const most = mostBytesOf(text);
    if (most > COPY_LIMIT) return this.addView(Buffer.from(text, encoding));
    if (most === 0) return 0;
    const tail = this.tailWithRoom(most);
    if (tail !== null) {
      const { block } = tail;
      const written = block!.bytes.write(text, tail.offset - block!.offset + tail.length, encoding);
      tail.length += written;
      this.bytes += written;
      return written;
    }
    const block = this.ring.memory.pool.take(most);
    const written = block.bytes.write(text, 0, encoding);
    this.pushBlock(block, written);
    return written;
  }

  /** As `add` of bytes that may be changed at once. */
  addCopy(data: ArrayBufferView): number {
    return this.addView(data, true);
  }

  private addView(data: ArrayBufferView, copyNow = false): number {
    const length = data.byteLength;
    if (length === 0) return 0;
    // Where it has to wait, one of its own: a view that tracks its buffer's length would grow.
    const view =
      data instanceof Uint8Array && length <= COPY_LIMIT
        ? data
        : new Uint8Array(data.buffer, data.byteOffset, length);
    // The bytes of a chunk are there until its handler returns, and no longer.
    if (length > COPY_LIMIT && !copyNow && this.ring.memory.find(view)?.isLent !== true) {
      this.push(length).view = view;
      return length;
    }
    const tail = this.tailWithRoom(length);
    if (tail !== null) {
      const { block } = tail;
      block!.bytes.set(view, tail.offset - block!.offset + tail.length);
      tail.length += length;
      this.bytes += length;
      return length;
    }
    const block = this.ring.memory.pool.take(length);
    block.bytes.set(view);
    this.pushBlock(block, length);
    return length;
  }

  /** Has room for so many bytes of what is copied next, so that it goes out as one piece. */
  reserve(bytes: number): void {
    if (bytes <= COPY_LIMIT && this.tailWithRoom(bytes) === null) {
      this.pushBlock(this.ring.memory.pool.take(bytes), 0);
    }
  }

  private tailWithRoom(bytes: number): Segment | null {
    const tail = this.last;
    if (tail === null || tail.block === null) return null;
    const end = tail.offset - tail.block.offset + tail.length;
    return end + bytes <= tail.block.byteLength ? tail : null;
  }

  private push(length: number): Segment {
    const segment = this.spare ?? new Segment();
    this.spare = null;
    segment.length = length;
    this.bytes += length;
    if (this.last === null) this.first = segment;
    else this.last.next = segment;
    this.last = segment;
    return segment;
  }

  private pushBlock(block: Block, length: number): void {
    const segment = this.push(length);
    segment.block = block;
    segment.memory = block.memory;
    segment.offset = block.offset;
  }

  /**
   * Initiates one send of what waits, or of as much of it as one send takes; returns its slot.
   * `marks`: QUIET, if all of it goes.
   */
  start(proactor: Proactor, fd: number, marks: number, target: CompletionTarget): number {
    const first = this.first!;
    const { memory } = first;
    const { ring } = this;
    if (first.next !== null || memory === null || !memory.isKeptBy(ring.native)) {
      return this.startOther(proactor, fd, target);
    }
    const slot = ring.sendKept(fd, memory, first.offset, first.length, SEND_FLAGS, target, marks);
    this.flight = first;
    this.first = this.last = null;
    return slot;
  }

  private startOther(proactor: Proactor, fd: number, target: CompletionTarget): number {
    const first = this.first!;
    if (first.view !== null && !this.ring.threaded) {
      viewOf(first); // what is wrong already is told before there is room
      const id = poll(this.ring, target, fd, POLLOUT);
      this.polling = true;
      return this.ring.handlers.slotOf(id);
    }
    this.prepareFlight(first);
    try {
      const flight = this.flight!;
      const id =
        flight.next === null
          ? this.sendOne(proactor, fd, flight, target)
          : this.sendSeveral(proactor, fd, flight, target);
      return this.ring.handlers.slotOf(id);
    } catch (error) {
      // Nothing is in flight: it waits as before.
      this.settle(0);
      throw error;
    }
  }

  private sendOne(
    proactor: Proactor,
    fd: number,
    { memory, offset, length }: Segment,
    target: CompletionTarget,
  ): OperationId {
    if (memory!.isKeptBy(this.ring.native)) {
      const { ring } = this;
      const slot = ring.sendKept(fd, memory!, offset, length, SEND_FLAGS, target, 0);
      return ring.handlers.idAt(slot);
    }
    const handler = (result: number): void => target.complete(result, 0);
    return proactor.send(fd, memory!, offset, length, SEND_FLAGS, handler);
  }

  private sendSeveral(
    proactor: Proactor,
    fd: number,
    flight: Segment,
    target: CompletionTarget,
  ): OperationId {
    const buffers: Buffer[] = [];
    for (let segment: Segment | null = flight; segment !== null; segment = segment.next) {
      buffers.push(segment.memory!.view(segment.offset, segment.length));
    }
    const handler = (result: number): void => target.complete(result, 0);
    return proactor.sendmsg(fd, { buffers }, SEND_FLAGS, handler);
  }

  // Moves from waiting to flight: small segments together as one copy, others as they are.
  private prepareFlight(first: Segment): void {
    if (first.view !== null) {
      this.flight = this.cutPiece(first);
      return;
    }
    let last = first;
    let count = 1;
    let total = first.length;
    while (last.next !== null && last.next.view === null && count < SEGMENTS_PER_SEND) {
      last = last.next;
      total += last.length;
      count++;
    }
    // Before anything is taken: without memory for the copy all waits as before.
    const copy = count > 1 && total <= GATHER_FROM ? this.ring.memory.pool.take(total) : null;
    this.first = last.next;
    if (this.first === null) this.last = null;
    last.next = null;
    this.flight = copy === null ? first : this.mergeCopies(first, copy, total);
  }

  private mergeCopies(first: Segment, block: Block, total: number): Segment {
    let at = 0;
    for (let segment: Segment | null = first; segment !== null; ) {
      const { memory, offset, length, next }: Segment = segment;
      block.bytes.set(memory!.bytes.subarray(offset, offset + length), at);
      at += length;
      this.release(segment);
      segment = next;
    }
    return this.segmentOf(block, total);
  }

  // The next piece of a large buffer, copied now that its turn has come.
  private cutPiece(segment: Segment): Segment {
    const view = viewOf(segment);
    const length = Math.min(view.byteLength, PIECE_BYTES);
    const block = this.ring.memory.pool.take(length);
    block.bytes.set(view.subarray(0, length));
    this.cutFirst(length);
    return this.segmentOf(block, length);
  }

  // Takes bytes off what waits in front.
  private cutFirst(length: number): void {
    const segment = this.first;
    if (segment === null) return;
    if (length === segment.length) {
      this.first = segment.next;
      if (this.first === null) this.last = null;
      this.release(segment);
    } else {
      if (segment.view === null) segment.offset += length;
      else segment.view = segment.view.subarray(length);
      segment.length -= length;
    }
  }

  /**
   * Sends what the socket takes of the first segment; returns how much that is, or -errno.
   *
   * @throws ERR_PROACTOR_MEMORY_DETACHED.
   */
  sendFirst(fd: number): number {
    const bytes = bytesOf(this.first!);
    return addon!.trySend(fd, bytes.length > DIRECT_MAX ? bytes.subarray(0, DIRECT_MAX) : bytes);
  }

  /** As `sendFirst`, of all that waits. Nothing may be in flight that takes bytes of it. */
  sendAll(fd: number): number {
    const before = this.bytes;
    while (this.first !== null) {
      const { length } = this.first;
      const sent = length === 0 ? 0 : this.sendFirst(fd);
      if (sent < 0) break;
      this.cutFirst(sent);
      this.bytes -= sent;
      if (sent < Math.min(length, DIRECT_MAX)) break;
    }
    return before - this.bytes;
  }

  private segmentOf(block: Block, length: number): Segment {
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
    const flight = this.flight;
    this.flight = null;
    this.bytes -= sent;
    if (flight === null) this.cutFirst(sent);
    else if (flight.next === null && flight.length === sent) this.release(flight);
    else this.settleSeveral(flight, sent);
  }

  private settleSeveral(flight: Segment, sent: number): void {
    let left = sent;
    let segment: Segment | null = flight;
    while (segment !== null && segment.length <= left) {
      const { next, length }: Segment = segment;
      left -= length;
      this.release(segment);
      segment = next;
    }
    if (segment === null) return;
    // A run over several buffers of the ring never arises, so the hold on its buffer stays.
    segment.offset += left;
    segment.length -= left;
    let last = segment;
    while (last.next !== null) last = last.next;
    last.next = this.first;
    if (this.last === null) this.last = last;
    this.first = segment;
  }

  /** Drops what waits; nothing may be in flight. */
  clear(): void {
    for (let segment = this.first; segment !== null; ) {
      const { next } = segment;
      this.release(segment);
      segment = next;
    }
    this.first = this.last = null;
    this.bytes = 0;
  }

  private release(segment: Segment): void {
    if (segment.block !== null) segment.block.release();
    else if (segment.view === null) this.ring.buffers.release(segment.offset);
    segment.block = null;
    segment.view = null;
    segment.memory = null;
    segment.next = null;
    this.spare = segment;
  }
}

/** Three bytes a UTF-16 unit is the most that any encoding takes. */
export function mostBytesOf(text: string): number {
  return text.length * 3;
}

function bytesOf(segment: Segment): Uint8Array {
  const { memory, offset, length, view } = segment;
  return view === null ? memory!.view(offset, length) : viewOf(segment);
}

function viewOf({ view, length }: Segment): Uint8Array {
  if (view!.byteLength < length) {
    throw proactorError(
      'ERR_PROACTOR_MEMORY_DETACHED',
      'A buffer was detached or shrunk before it was sent',
    );
  }
  return view!;
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
