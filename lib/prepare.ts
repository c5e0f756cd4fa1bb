// How arguments of operations that have a form of their own are written into an entry: positions,
// times, paths, provided buffers, and the user data of other operations.
import { invalidArgType, invalidArgValue, proactorError } from './errors';
import { addon } from './ring/binding';
import { BufferRing } from './ring/buffer-ring';
import type { Completer, OperationId } from './ring/handler-table';
import {
  IOSQE_BUFFER_SELECT,
  MSG_TRUNC,
  Opcode,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from './ring/kernel';
import { type BufferSource, Memory } from './ring/memory';
import type { Ring } from './ring/ring';
import type { SubmissionEntry } from './ring/submission-queue';
import { checkDescriptor, checkInteger, checkMs, checkPath } from './validate';

export function filePosition(entry: SubmissionEntry, value: number | undefined): void {
  entry.offset =
    value === undefined ? -1 : checkInteger(value, 'position', -1, Number.MAX_SAFE_INTEGER);
}

export function timespec(
  entry: SubmissionEntry,
  ring: Ring,
  durationMs: number,
  second: boolean,
  name = 'durationMs',
): void {
  checkMs(durationMs, name);
  const block = ring.memory.pool.take(16);
  entry.own(block);
  const seconds = Math.floor(durationMs / 1000);
  block.bytes.writeBigInt64LE(BigInt(seconds), 0);
  block.bytes.writeBigInt64LE(BigInt(Math.round((durationMs - seconds * 1000) * 1e6)), 8);
  if (second) entry.setSecondAddress(block.memory, block.offset, 16);
  else entry.setAddress(block.memory, block.offset, 16);
}

export function path(entry: SubmissionEntry, ring: Ring, value: string, second: number): void {
  checkPath(value, 'path');
  const length = Buffer.byteLength(value) + 1;
  const block = ring.memory.pool.take(length + second);
  entry.own(block);
  // The second structure, if any, stands first: it wants its alignment.
  block.bytes.write(value, second);
  block.bytes[second + length - 1] = 0;
  entry.setAddress(block.memory, block.offset + second, length);
}

export function target(entry: SubmissionEntry, ring: Ring, id: OperationId): void {
  checkInteger(id, 'id', 1, 0x7fffffff);
  entry.setTarget(ring.handlers.slotOf(id), ring.handlers.userDataHigh(id));
}

/** A cancel of nothing, whose result is how many of the counted ones before it found their operation. */
export function countedCancel(entry: SubmissionEntry, ring: Ring): void {
  entry.setTarget(-1, -1);
  entry.own({ settle: () => ring.takeCounted() });
}

export function providedBuffers(entry: SubmissionEntry, ring: Ring, buffers: BufferRing): void {
  // Another proactor's would pass for ours: the kernel knows them by number.
  if (buffers !== ring.buffers) {
    if (buffers instanceof BufferRing) {
      throw invalidArgValue('buffers', buffers, "must be the proactor's own");
    }
    throw invalidArgType('buffers', 'an instance of BufferRing', buffers);
  }
  entry.addFlags(IOSQE_BUFFER_SELECT);
  entry.bufferGroup = buffers.group;
}

/**
 * Refuses receives of which bytes would be lost: a datagram that does not fit into what is left of a buffer is cut
 * short without a word, and MSG_TRUNC tells of bytes that are in none.
 */
export function checkReceivesPieces(
  _ring: Ring,
  fd: number,
  buffers: BufferRing,
  flags?: number,
): void {
  if (((flags ?? 0) & MSG_TRUNC) !== 0) {
    throw invalidArgValue('flags', flags, 'must not have MSG_TRUNC with provided buffers');
  }
  if (!(buffers instanceof BufferRing) || !buffers.incremental) return;
  const type = addon!.getOption(checkDescriptor(fd), SOL_SOCKET, SO_TYPE);
  if (type === undefined || type === SOCK_STREAM) return; // no socket: the kernel says so
  throw proactorError(
    'ERR_PROACTOR_UNSUPPORTED',
    `The socket ${fd} receives messages, which buffers that are used piece by piece would cut short: make the proactor with { buffers: { incremental: false } }`,
  );
}

/**
 * A send of the ring's own memory, as an echo does it, with nothing to convert: 8% fewer instructions
 * in JavaScript for an echoed message than the general way. 0 for any other.
 */
export function sendDirect(
  ring: Ring,
  completer: Completer,
  fd: number,
  buffer: BufferSource,
  offset?: number,
  length?: number,
  flags?: number,
): OperationId {
  if (!(buffer instanceof Memory) || !buffer.isKeptBy(ring.native)) return 0;
  if (!isCount(fd) || !isCount(offset) || !isCount(length) || !isCount(flags)) return 0;
  if (!buffer.includes(offset, length)) return 0;
  ring.begin(Opcode.SEND).fillSend(fd, buffer, offset, length, flags);
  return ring.commitForProgram(completer, 0);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}
