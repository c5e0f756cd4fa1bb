// What a stream still has to send, in order: a list of segments. What is in flight is its beginning, which
// stays until it was sent.
//
// A segment is a run of bytes: received ones that are written on (held in the buffer ring), a block that small writes
// were copied into, or a large buffer of the caller's, which is referenced.
import { proactorError } from '../errors';
import type { Block, Memory } from '../ring/memory';
import type { Ring } from '../ring/ring';
import { Chunk, Lease } from './chunk';
import { checkWriteData, mostBytesOf, type WriteData } from './write-data';

/** Up to this size bytes are copied at the call; larger buffers are referenced until they are sent. */
export const COPY_LIMIT = 16384;

class Segment {
  /** Where the bytes are; null for a buffer of the caller's. */
  memory: Memory | null = null;
  offset = 0;
  length = 0;
  block: Block | null = null;
  view: Uint8Array | null = null;
  next: Segment | null = null;
}

export class SendQueue {
  /** Bytes of all segments. */
  bytes = 0;
  /** Segments that are buffers of the caller's. */
  views = 0;
  private readonly ring: Ring;
  // A list and not an array, which costs twice the instructions for the one segment there mostly is.
  first: Segment | null = null;
  private last: Segment | null = null;
  private spare: Segment | null = null;

  constructor(ring: Ring) {
    this.ring = ring;
  }

  get isEmpty(): boolean {
    return this.first === null;
  }

  get isSeveral(): boolean {
    return this.first !== this.last;
  }

  /** Adds data at the end and returns its bytes. Nothing is added if it throws. */
  add(data: WriteData): number {
    checkWriteData(data);
    if (!Array.isArray(data))
      return this.addElement(data as Exclude<WriteData, readonly unknown[]>);
    let bytes = 0;
    for (const element of data) bytes += this.addElement(element);
    return bytes;
  }

  private addElement(data: string | ArrayBufferView | Chunk | Lease): number {
    if (data instanceof Chunk || data instanceof Lease) return this.addHeld(data);
    return typeof data === 'string' ? this.addText(data, 'utf8') : this.addView(data);
  }

  addHeld(held: Chunk | Lease): number {
    const { offset, length, copy } = held;
    if (copy !== null) return this.addView(copy);
    const { buffers } = this.ring;
    const { memory } = buffers;
    // The memory of another proactor's streams is not this kernel ring's to send from.
    if (buffers.scarce || held.buffers !== buffers) return this.addCopy(held.bytes);
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
    if (most > COPY_LIMIT) return this.addReference(Buffer.from(text, encoding));
    if (most === 0) return 0;
    const tail = this.tailWithRoom(most) ?? this.pushBlock(most);
    const { block } = tail;
    const written = block!.bytes.write(text, tail.offset - block!.offset + tail.length, encoding);
    tail.length += written;
    this.bytes += written;
    return written;
  }

  /** Bytes that the caller leaves as they are until they are sent, and may detach. */
  addView(data: ArrayBufferView): number {
    // A view that tracks its buffer's length would grow; the bytes of a chunk are there until its
    // handler returns, and no longer.
    const length = data.byteLength;
    if (length <= COPY_LIMIT) return this.addCopy(data);
    const view = new Uint8Array(data.buffer, data.byteOffset, length);
    const isLent = this.ring.memory.find(view)?.isLent === true;
    return isLent ? this.addCopy(view) : this.addReference(view);
  }

  /** Bytes that stay where they are until they are sent. */
  addReference(view: Uint8Array): number {
    this.push(view.length).view = view;
    this.views++;
    return view.length;
  }

  /** Bytes that may be changed at once: they are copied, however many. */
  addCopy(data: ArrayBufferView): number {
    const length = data.byteLength;
    if (length === 0) return 0;
    const view =
      data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, length);
    const tail = this.tailWithRoom(length) ?? this.pushBlock(length);
    const { block } = tail;
    block!.bytes.set(view, tail.offset - block!.offset + tail.length);
    tail.length += length;
    this.bytes += length;
    return length;
  }

  /** Has room for so many bytes of what is copied next, so that it goes out as one piece. */
  reserve(bytes: number): void {
    if (this.tailWithRoom(bytes) === null) this.pushBlock(bytes);
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

  // With nothing in it yet.
  private pushBlock(room: number): Segment {
    const block = this.ring.memory.pool.take(room);
    const segment = this.push(0);
    segment.block = block;
    segment.memory = block.memory;
    segment.offset = block.offset;
    return segment;
  }

  /**
   * The first segments as buffers, up to `most` of them.
   *
   * @throws ERR_PROACTOR_MEMORY_DETACHED.
   */
  buffersAtFront(most: number): Uint8Array[] {
    const buffers: Uint8Array[] = [];
    for (let segment = this.first; segment !== null && buffers.length < most; ) {
      if (segment.length > 0) buffers.push(bytesOf(segment));
      segment = segment.next;
    }
    return buffers;
  }

  /**
   * Copies the beginning, up to `most` bytes of it, into a block, which stands there then. Nothing may be in
   * flight.
   *
   * @throws ERR_PROACTOR_MEMORY_DETACHED; ENOMEM.
   */
  pack(most: number): void {
    const length = Math.min(most, this.bytes);
    const block = this.ring.memory.pool.take(length);
    try {
      this.copyFront(block, length);
    } catch (error) {
      block.release();
      throw error;
    }
    this.cut(length);
    const packed = new Segment();
    packed.block = block;
    packed.memory = block.memory;
    packed.offset = block.offset;
    packed.length = length;
    packed.next = this.first;
    this.first = packed;
    this.last ??= packed;
    this.bytes += length;
  }

  private copyFront(block: Block, length: number): void {
    let at = 0;
    for (let segment = this.first!; at < length; segment = segment.next!) {
      const bytes = bytesOf(segment);
      const count = Math.min(bytes.length, length - at);
      block.bytes.set(count === bytes.length ? bytes : bytes.subarray(0, count), at);
      at += count;
    }
  }

  /** Takes bytes off the front: they were sent. */
  cut(count: number): void {
    const { first } = this;
    if (first === null) return;
    this.bytes -= count;
    if (first.length === count && first.next === null) {
      this.first = this.last = null;
      this.release(first);
    } else this.cutSeveral(first, count);
  }

  private cutSeveral(front: Segment, count: number): void {
    let left = count;
    let segment: Segment | null = front;
    while (segment !== null && segment.length <= left) {
      const { next, length }: Segment = segment;
      left -= length;
      this.release(segment);
      segment = next;
    }
    this.first = segment;
    if (segment === null) this.last = null;
    else if (left > 0) {
      // A run over several buffers of the ring never arises, so the hold on its buffer stays.
      if (segment.view === null) segment.offset += left;
      else segment.view = segment.view.subarray(left);
      segment.length -= left;
    }
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
    else this.views--;
    segment.block = null;
    segment.view = null;
    segment.memory = null;
    segment.next = null;
    this.spare = segment;
  }
}

function bytesOf({ memory, offset, length, view }: Segment): Uint8Array {
  if (view === null) return memory!.view(offset, length);
  if (view.byteLength >= length) return view;
  throw proactorError(
    'ERR_PROACTOR_MEMORY_DETACHED',
    'A buffer was detached or shrunk before it was sent',
  );
}
