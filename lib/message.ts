// The structures of readv(2), writev(2), sendmsg(2) and recvmsg(2), built in native memory. Native
// memory among the buffers is used as it is; everything else goes through one block, copied before
// sending or after receiving.
//
//   block  | msghdr (56) | name (128) | iovec[n] (16 each) | control | bytes that are copied |
import { invalidArgType, invalidArgValue } from './errors';
import { EFAULT, MAX_RW_COUNT } from './ring/kernel';
import { type Block, type BufferSource, Memory } from './ring/memory';
import type { Ring } from './ring/ring';
import type { SubmissionEntry } from './ring/submission-queue';
import {
  ADDRESS_BYTES,
  decodeAddress,
  type Endpoint,
  encodeAddress,
  type SocketAddress,
} from './socket-address';
import { checkInteger, checkObject, checkView } from './validate';

/** A message to send, sendmsg(2). */
export interface SendMessage {
  /** Its bytes, in order; at most 1024 buffers. */
  readonly buffers: readonly BufferSource[];
  /** Where to, on a socket that is not connected: a numeric address and a port. */
  readonly endpoint?: Endpoint;
  /** Control messages (struct cmsghdr…), as they are. */
  readonly control?: Uint8Array;
}

/**
 * A message to receive, recvmsg(2): what comes beside the bytes is set when the operation
 * completes.
 */
export interface ReceiveMessage {
  /** Where its bytes go, in order; at most 1024 buffers. */
  readonly buffers: readonly BufferSource[];
  /** Room for control messages, in bytes. */
  readonly controlLength?: number;
  /** Set: who sent it, on a socket that is not connected. */
  endpoint?: SocketAddress | undefined;
  /** Set: the control messages received. */
  control?: Uint8Array | undefined;
  /** Set: MSG_TRUNC, MSG_CTRUNC… */
  flags?: number;
}

const IOVEC_BYTES = 16;
const IOVEC_LIMIT = 1024; // IOV_MAX
const HEADER_BYTES = 56; // struct msghdr
const HEADER_NAME = 0;
const HEADER_NAME_LENGTH = 8;
const HEADER_VECTOR = 16;
const HEADER_VECTOR_LENGTH = 24;
const HEADER_CONTROL = 32;
const HEADER_CONTROL_LENGTH = 40;
const HEADER_FLAGS = 48;

const align8 = (bytes: number): number => (bytes + 7) & ~7;

function nativeMemory(ring: Ring, buffer: BufferSource): Memory | undefined {
  return buffer instanceof Memory ? buffer : ring.memory.find(buffer);
}

/** The list as it is at the call: what the caller does to it later must not matter. */
function checkBuffers(buffers: readonly BufferSource[], name: string): readonly BufferSource[] {
  if (!Array.isArray(buffers)) throw invalidArgType(name, 'an instance of Array', buffers);
  checkInteger(buffers.length, `${name}.length`, 0, IOVEC_LIMIT);
  const list: readonly BufferSource[] = Array.from(buffers);
  list.forEach((buffer, index) => {
    if (!(buffer instanceof Memory)) checkView(buffer, `${name}[${index}]`);
  });
  return list;
}

/** Bytes of each buffer; of all together no more than the kernel takes. */
function lengthsOf(buffers: readonly BufferSource[]): readonly number[] {
  let left = MAX_RW_COUNT;
  return buffers.map(({ byteLength }) => {
    const length = Math.min(byteLength, left);
    left -= length;
    return length;
  });
}

function copiedBytes(
  ring: Ring,
  buffers: readonly BufferSource[],
  lengths: readonly number[],
): number {
  let bytes = 0;
  for (const [index, buffer] of buffers.entries())
    if (nativeMemory(ring, buffer) === undefined) bytes += lengths[index]!;
  return bytes;
}

// Writes the iovecs at `at`, with the copied bytes from `data` on.
function writeVector(
  ring: Ring,
  block: Block,
  buffers: readonly BufferSource[],
  lengths: readonly number[],
  at: number,
  data: number,
  written: boolean,
): void {
  const words = new Int32Array(block.bytes.buffer, block.bytes.byteOffset + at, buffers.length * 4);
  let offset = data;
  buffers.forEach((buffer, index) => {
    const memory = nativeMemory(ring, buffer);
    const byteLength = lengths[index]!;
    if (memory === undefined) {
      const view = buffer as ArrayBufferView;
      block.memory.writeAddress(words, index * 4, block.offset + offset, byteLength);
      if (!written)
        block.bytes.set(new Uint8Array(view.buffer, view.byteOffset, byteLength), offset);
      offset += byteLength;
    } else {
      const start = buffer instanceof Memory ? 0 : buffer.byteOffset;
      memory.writeAddress(words, index * 4, start, byteLength);
    }
    words[index * 4 + 2] = byteLength;
    words[index * 4 + 3] = 0;
  });
  // Keeps native memory referenced in either direction.
  block.onSettle = (settled, result) =>
    written && result > 0 ? settleVector(ring, settled, buffers, lengths, data, result) : result;
}

// The kernel fills buffers in order, so bytes for native ones are skipped over among those to copy. A result
// may be larger than all of them: the length of a datagram that did not fit (MSG_TRUNC).
// A view that was detached or shrunk meanwhile has no room any more; as if its address were bad,
// the operation fails, and the others have what is theirs.
function settleVector(
  ring: Ring,
  block: Block,
  buffers: readonly BufferSource[],
  lengths: readonly number[],
  data: number,
  result: number,
): number {
  let left = result;
  let offset = data;
  let settled = result;
  for (let index = 0; left > 0 && index < buffers.length; index++) {
    const length = Math.min(left, lengths[index]!);
    left -= length;
    const view = buffers[index] as ArrayBufferView;
    if (length === 0 || nativeMemory(ring, view) !== undefined) continue;
    if (view.byteLength < length) settled = -EFAULT;
    else block.bytes.copy(new Uint8Array(view.buffer, view.byteOffset, length), 0, offset);
    offset += length;
  }
  return settled;
}

/** Fills in readv and writev. */
export function prepareVector(
  entry: SubmissionEntry,
  ring: Ring,
  list: readonly BufferSource[],
  written: boolean,
): void {
  const buffers = checkBuffers(list, 'buffers');
  const lengths = lengthsOf(buffers);
  const vectorBytes = buffers.length * IOVEC_BYTES;
  const block = ring.memory.pool.take(vectorBytes + copiedBytes(ring, buffers, lengths));
  entry.own(block);
  writeVector(ring, block, buffers, lengths, 0, vectorBytes, written);
  entry.setAddress(block.memory, block.offset, vectorBytes);
  entry.length = buffers.length;
}

/** Fills in sendmsg and recvmsg. */
export function prepareMessage(
  entry: SubmissionEntry,
  ring: Ring,
  message: SendMessage | ReceiveMessage,
  received: boolean,
): void {
  checkObject(message, 'message');
  const buffers = checkBuffers(message.buffers, 'message.buffers');
  if (received && !Object.isExtensible(message)) {
    throw invalidArgValue(
      'message',
      message,
      'must be extensible, for what is received is set on it',
    );
  }
  const sent = received ? undefined : (message as SendMessage);
  if (sent?.control !== undefined) checkView(sent.control, 'message.control');
  const controlLength =
    sent === undefined
      ? roomForControl(message as ReceiveMessage)
      : (sent.control?.byteLength ?? 0);

  const name = HEADER_BYTES;
  const vector = align8(name + ADDRESS_BYTES);
  const control = align8(vector + buffers.length * IOVEC_BYTES);
  const data = align8(control + controlLength);
  const lengths = lengthsOf(buffers);
  const block = ring.memory.pool.take(data + copiedBytes(ring, buffers, lengths));
  entry.own(block);
  const { bytes, memory, offset } = block;
  bytes.fill(0, 0, vector);
  writeVector(ring, block, buffers, lengths, vector, data, received);

  const words = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES / 4);
  const nameLength =
    sent?.endpoint === undefined
      ? received
        ? ADDRESS_BYTES
        : 0
      : encodeAddress(sent.endpoint, bytes.subarray(name, name + ADDRESS_BYTES));
  if (nameLength > 0) memory.writeAddress(words, HEADER_NAME / 4, offset + name, ADDRESS_BYTES);
  words[HEADER_NAME_LENGTH / 4] = nameLength;
  memory.writeAddress(words, HEADER_VECTOR / 4, offset + vector, buffers.length * IOVEC_BYTES);
  words[HEADER_VECTOR_LENGTH / 4] = buffers.length;
  if (controlLength > 0)
    memory.writeAddress(words, HEADER_CONTROL / 4, offset + control, controlLength);
  words[HEADER_CONTROL_LENGTH / 4] = controlLength;
  if (sent?.control !== undefined) bytes.set(sent.control, control);
  entry.setAddress(memory, offset, HEADER_BYTES);
  entry.length = 1;

  if (!received) return;
  const settleData = block.onSettle!;
  block.onSettle = (settled, result) => {
    if (result >= 0) readHeader(settled, message as ReceiveMessage, name, control);
    return settleData(settled, result);
  };
}

function roomForControl(message: ReceiveMessage): number {
  return checkInteger(message.controlLength ?? 0, 'message.controlLength', 0, 65536);
}

// What the kernel wrote beside the bytes.
function readHeader(block: Block, message: ReceiveMessage, name: number, control: number): void {
  const { bytes } = block;
  const header = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES / 4);
  const nameLength = header[HEADER_NAME_LENGTH / 4]!;
  const controlLength = header[HEADER_CONTROL_LENGTH / 4]!;
  message.flags = header[HEADER_FLAGS / 4]!;
  message.endpoint = decodeAddress(bytes.subarray(name, name + ADDRESS_BYTES), nameLength);
  message.control =
    controlLength > 0
      ? Uint8Array.from(bytes.subarray(control, control + controlLength))
      : undefined;
}
