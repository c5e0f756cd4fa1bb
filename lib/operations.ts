// The operations table: one entry for each operation of io_uring, in the kernel's order, with the
// arguments of the manual page named in its comment. A new operation is one entry here; method,
// types and promise form follow from it.
import { type MethodOf, multishot, operation } from './define-operation';
import { prepareMessage, prepareVector, type ReceiveMessage, type SendMessage } from './message';
import {
  checkReceivesPieces,
  countedCancel,
  filePosition,
  path,
  providedBuffers,
  sendDirect,
  target,
  timespec,
} from './prepare';
import type { BufferRing } from './ring/buffer-ring';
import { cancelCounted } from './ring/cancel';
import type { OperationId } from './ring/handler-table';
import * as kernel from './ring/kernel';
import type { BufferSource } from './ring/memory';
import { type Endpoint, encodeEndpoint, type UnixEndpoint } from './socket-address';
import { checkDescriptor, checkFlags, checkInteger, checkView } from './validate';

const { Opcode } = kernel;
const INT32_MAX = 0x7fffffff;

/** Bytes from a file's start, or -1 for the file's own position, which the operation then moves. */
export type FilePosition = number;

// To `ArrayBufferView` the compiler writes, in declarations, a parameter that compilers before 5.7 do not know.
interface View extends ArrayBufferView {}

/** The table. `operations.send` is the definition of `proactor.send`. */
export const operations = {
  /** Does nothing, through the whole ring. IORING_OP_NOP. Result: 0. */
  nop: operation({ opcode: Opcode.NOP, prepare: () => {} }),

  /** Reads into several buffers, readv(2). IORING_OP_READV. Result: bytes read, 0 at the end. */
  readv: operation({
    opcode: Opcode.READV,
    prepare(entry, ring, fd: number, buffers: readonly BufferSource[], position?: FilePosition) {
      entry.fd = checkDescriptor(fd);
      filePosition(entry, position);
      prepareVector(entry, ring, buffers, true);
    },
  }),

  /** Writes from several buffers, writev(2). IORING_OP_WRITEV. Result: bytes written. */
  writev: operation({
    opcode: Opcode.WRITEV,
    prepare(entry, ring, fd: number, buffers: readonly BufferSource[], position?: FilePosition) {
      entry.fd = checkDescriptor(fd);
      filePosition(entry, position);
      prepareVector(entry, ring, buffers, false);
    },
  }),

  /**
   * Makes a file's data durable, fsync(2); `flags`: IORING_FSYNC_DATASYNC. IORING_OP_FSYNC. Result:
   * 0.
   */
  fsync: operation({
    opcode: Opcode.FSYNC,
    prepare(entry, _ring, fd: number, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
    },
  }),

  /**
   * Waits for events (POLLIN…) of a descriptor once, poll(2). IORING_OP_POLL_ADD. Result: the
   * events that there are.
   */
  pollAdd: operation({
    opcode: Opcode.POLL_ADD,
    syscall: 'poll',
    prepare(entry, _ring, fd: number, events: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkInteger(events, 'events', 0, INT32_MAX);
    },
  }),

  /**
   * Reports events of a descriptor each time they arise. IORING_OP_POLL_ADD with
   * IORING_POLL_ADD_MULTI. Results: the events.
   */
  pollMultishot: multishot({
    opcode: Opcode.POLL_ADD,
    syscall: 'poll',
    prepare(entry, _ring, fd: number, events: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkInteger(events, 'events', 0, INT32_MAX);
      entry.length = kernel.IORING_POLL_ADD_MULTI;
    },
  }),

  /**
   * Ends a poll, which completes with ECANCELED. IORING_OP_POLL_REMOVE. Result: 0, -ENOENT,
   * -EALREADY.
   */
  pollRemove: operation({
    opcode: Opcode.POLL_REMOVE,
    prepare(entry, ring, id: OperationId) {
      target(entry, ring, id);
    },
  }),

  /** Sends a message of several buffers, sendmsg(2). IORING_OP_SENDMSG. Result: bytes sent. */
  sendmsg: operation({
    opcode: Opcode.SENDMSG,
    prepare(entry, ring, fd: number, message: SendMessage, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      prepareMessage(entry, ring, message, false);
    },
  }),

  /**
   * Receives a message into several buffers, recvmsg(2). IORING_OP_RECVMSG. Result: bytes received;
   * sender, control data and flags are set on the message object when the handler is called.
   */
  recvmsg: operation({
    opcode: Opcode.RECVMSG,
    prepare(entry, ring, fd: number, message: ReceiveMessage, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      prepareMessage(entry, ring, message, true);
    },
  }),

  /**
   * Completes after a time, or at one (`flags`: IORING_TIMEOUT_ABS, with IORING_TIMEOUT_BOOTTIME or
   * IORING_TIMEOUT_REALTIME for another clock). Milliseconds, fractions allowed. IORING_OP_TIMEOUT.
   * Result: -ETIME, which fulfils the promise.
   */
  timeout: operation({
    opcode: Opcode.TIMEOUT,
    expected: new Map([[-kernel.ETIME, 0]]),
    prepare(entry, ring, durationMs: number, flags?: number) {
      entry.length = 1;
      entry.operationFlags = checkFlags(flags) & ~kernel.IORING_TIMEOUT_MULTISHOT;
      timespec(entry, ring, durationMs, false);
    },
  }),

  /**
   * Completes every `periodMs` milliseconds, `count` times or without end (0). IORING_OP_TIMEOUT,
   * multishot (Linux 6.4). Results: -ETIME.
   */
  timeoutMultishot: multishot({
    opcode: Opcode.TIMEOUT,
    syscall: 'timeout',
    since: '6.4',
    prepare(entry, ring, periodMs: number, count: number, flags?: number) {
      entry.length = 1;
      entry.offset = checkInteger(count, 'count', 0, INT32_MAX);
      entry.operationFlags = checkFlags(flags) | kernel.IORING_TIMEOUT_MULTISHOT;
      timespec(entry, ring, periodMs, false, 'periodMs');
    },
  }),

  /**
   * Ends a timeout, which completes with ECANCELED. IORING_OP_TIMEOUT_REMOVE. Result: 0 or -ENOENT.
   */
  timeoutRemove: operation({
    opcode: Opcode.TIMEOUT_REMOVE,
    prepare(entry, ring, id: OperationId) {
      target(entry, ring, id);
    },
  }),

  /**
   * Gives a timeout another duration, of `durationMs` milliseconds from now on.
   * IORING_OP_TIMEOUT_REMOVE, update. Result: 0 or -ENOENT.
   */
  timeoutUpdate: operation({
    opcode: Opcode.TIMEOUT_REMOVE,
    prepare(entry, ring, id: OperationId, durationMs: number, flags?: number) {
      target(entry, ring, id);
      entry.operationFlags = checkFlags(flags) | kernel.IORING_TIMEOUT_UPDATE;
      timespec(entry, ring, durationMs, true);
    },
  }),

  /**
   * Accepts one connection, accept4(2); `flags`: SOCK_CLOEXEC where it is left out.
   * IORING_OP_ACCEPT. Result: its descriptor, which is the caller's to close.
   */
  accept: operation({
    opcode: Opcode.ACCEPT,
    descriptor: true,
    prepare(entry, _ring, fd: number, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = flags === undefined ? kernel.SOCK_CLOEXEC : checkFlags(flags);
    },
  }),

  /** As `accept`, one connection after the other. IORING_OP_ACCEPT, multishot. Results: their descriptors. */
  acceptMultishot: multishot({
    opcode: Opcode.ACCEPT,
    syscall: 'accept',
    descriptor: true,
    prepare(entry, _ring, fd: number, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.ioprio = kernel.IORING_ACCEPT_MULTISHOT;
      entry.operationFlags = flags === undefined ? kernel.SOCK_CLOEXEC : checkFlags(flags);
    },
  }),

  /**
   * Requests the end of an operation, which completes with a result of its own. IORING_OP_ASYNC_CANCEL. Result: 0,
   * -ENOENT (no such operation), -EALREADY (it is being executed).
   */
  asyncCancel: operation({
    opcode: Opcode.ASYNC_CANCEL,
    prepare(entry, ring, id: OperationId) {
      target(entry, ring, id);
    },
  }),

  /**
   * Requests the end of all operations on a descriptor. IORING_OP_ASYNC_CANCEL. Result: how many.
   */
  asyncCancelDescriptor: operation({
    opcode: Opcode.ASYNC_CANCEL,
    prepare(entry, _ring, fd: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = kernel.IORING_ASYNC_CANCEL_FD | kernel.IORING_ASYNC_CANCEL_ALL;
    },
  }),

  /**
   * Requests the end of all operations, those of streams and acceptors included, one by one.
   * IORING_OP_ASYNC_CANCEL. Result: how many.
   */
  asyncCancelAll: operation({
    opcode: Opcode.ASYNC_CANCEL,
    before: cancelCounted,
    // Names no operation itself: it completes behind those that do, and tells how many found theirs.
    prepare: (entry, ring) => countedCancel(entry, ring),
  }),

  /**
   * Limits the time of the operation initiated before, which must have been linked (`link()`), to
   * `durationMs` milliseconds. Result: -ETIME if it struck (the promise is fulfilled with 1),
   * -ECANCELED if the operation was faster (with 0). IORING_OP_LINK_TIMEOUT.
   */
  linkTimeout: operation({
    opcode: Opcode.LINK_TIMEOUT,
    expected: new Map([
      [-kernel.ETIME, 1],
      [-kernel.ECANCELED, 0],
    ]),
    prepare(entry, ring, durationMs: number, flags?: number) {
      entry.length = 1;
      entry.operationFlags = checkFlags(flags);
      timespec(entry, ring, durationMs, false);
    },
  }),

  /** Connects a socket, connect(2). IORING_OP_CONNECT. Result: 0. */
  connect: operation({
    opcode: Opcode.CONNECT,
    prepare(entry, ring, fd: number, endpoint: Endpoint | UnixEndpoint) {
      entry.fd = checkDescriptor(fd);
      const block = ring.memory.pool.take(128);
      entry.own(block);
      const length = encodeEndpoint(endpoint, block.bytes);
      entry.setAddress(block.memory, block.offset, length);
      entry.offset = length;
    },
  }),

  /**
   * Opens a file, openat(2); `dirfd`: AT_FDCWD for the working directory; `flags`: O_* of
   * `fs.constants`, O_CLOEXEC is added; `mode`: 0o666 where it is left out. IORING_OP_OPENAT. Result:
   * its descriptor, which is the caller's to close.
   */
  openat: operation({
    opcode: Opcode.OPENAT,
    syscall: 'open',
    descriptor: true,
    prepare(entry, ring, dirfd: number, file: string, flags: number, mode?: number) {
      entry.fd = checkInteger(dirfd, 'dirfd', kernel.AT_FDCWD, INT32_MAX);
      entry.length = mode === undefined ? 0o666 : checkInteger(mode, 'mode', 0, 0o7777);
      entry.operationFlags = checkFlags(flags) | kernel.SOCK_CLOEXEC;
      path(entry, ring, file, 0);
    },
  }),

  /**
   * Closes a descriptor, close(2). Cancel what is in flight on it first. IORING_OP_CLOSE. Result:
   * 0.
   */
  close: operation({
    opcode: Opcode.CLOSE,
    prepare(entry, _ring, fd: number) {
      entry.fd = checkDescriptor(fd);
    },
  }),

  /**
   * Tells about a file, statx(2). The struct statx comes into `buffer` (STATX_BYTES); an empty path
   * with AT_EMPTY_PATH asks about `dirfd` itself. IORING_OP_STATX. Result: 0.
   */
  statx: operation({
    opcode: Opcode.STATX,
    prepare(entry, ring, dirfd: number, file: string, flags: number, mask: number, buffer: View) {
      entry.fd = checkInteger(dirfd, 'dirfd', kernel.AT_FDCWD, INT32_MAX);
      entry.operationFlags = checkFlags(flags);
      entry.length = checkFlags(mask, 'mask');
      checkView(buffer, 'buffer');
      checkInteger(buffer.byteLength, 'buffer.byteLength', kernel.STATX_BYTES, INT32_MAX);
      path(entry, ring, file, kernel.STATX_BYTES);
      const block = entry.ownedBlock;
      entry.setSecondAddress(block.memory, block.offset, kernel.STATX_BYTES);
      block.onSettle = (settled, result) => {
        if (result !== 0) return result;
        if (buffer.byteLength < kernel.STATX_BYTES) return -kernel.EFAULT; // detached meanwhile
        const target = new Uint8Array(buffer.buffer, buffer.byteOffset, kernel.STATX_BYTES);
        settled.bytes.copy(target, 0, 0, kernel.STATX_BYTES);
        return result;
      };
    },
  }),

  /**
   * Reads from a file, pread(2), or a socket or pipe, read(2). IORING_OP_READ. Result: bytes read,
   * 0 at the end.
   */
  read: operation({
    opcode: Opcode.READ,
    prepare(
      entry,
      ring,
      fd: number,
      buffer: BufferSource,
      offset?: number,
      length?: number,
      position?: FilePosition,
    ) {
      entry.fd = checkDescriptor(fd);
      filePosition(entry, position);
      ring.memory.target(entry, buffer, offset, length);
    },
  }),

  /**
   * Writes to a file, pwrite(2), or a socket or pipe, write(2). IORING_OP_WRITE. Result: bytes
   * written.
   */
  write: operation({
    opcode: Opcode.WRITE,
    prepare(
      entry,
      ring,
      fd: number,
      buffer: BufferSource,
      offset?: number,
      length?: number,
      position?: FilePosition,
    ) {
      entry.fd = checkDescriptor(fd);
      filePosition(entry, position);
      ring.memory.source(entry, buffer, offset, length);
    },
  }),

  /** Sends on a socket, send(2); `flags`: MSG_*. IORING_OP_SEND. Result: bytes sent. */
  send: operation({
    opcode: Opcode.SEND,
    direct: sendDirect,
    prepare(
      entry,
      ring,
      fd: number,
      buffer: BufferSource,
      offset?: number,
      length?: number,
      flags?: number,
    ) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      ring.memory.source(entry, buffer, offset, length);
    },
  }),

  /** Receives from a socket, recv(2); `flags`: MSG_*. IORING_OP_RECV. Result: bytes received, 0 at the end. */
  recv: operation({
    opcode: Opcode.RECV,
    prepare(
      entry,
      ring,
      fd: number,
      buffer: BufferSource,
      offset?: number,
      length?: number,
      flags?: number,
    ) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      ring.memory.target(entry, buffer, offset, length);
    },
  }),

  /**
   * Receives from a socket whenever there is something, into buffers of `buffers`: each completion
   * with a result > 0 must be taken (`buffers.take(result, flags)`) and later released. Ends with
   * result 0, -ENOBUFS or another error. Datagrams need buffers that are not used piece by piece
   * (`buffers.incremental` of the proactor's options). IORING_OP_RECV with IORING_RECV_MULTISHOT.
   */
  recvMultishot: multishot({
    opcode: Opcode.RECV,
    syscall: 'recv',
    before: checkReceivesPieces,
    prepare(entry, ring, fd: number, buffers: BufferRing, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      providedBuffers(entry, ring, buffers);
      entry.ioprio = kernel.IORING_RECV_MULTISHOT;
    },
  }),

  /**
   * Receives from a socket once, into one buffer of `buffers`, at most what that one holds. As
   * `recvMultishot` otherwise, but that the only completion is the last. IORING_OP_RECV with
   * IOSQE_BUFFER_SELECT.
   */
  recvProvided: multishot({
    opcode: Opcode.RECV,
    syscall: 'recv',
    before: checkReceivesPieces,
    prepare(entry, ring, fd: number, buffers: BufferRing, flags?: number) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      providedBuffers(entry, ring, buffers);
    },
  }),

  /**
   * Ends sending, receiving or both (SHUT_WR, SHUT_RD, SHUT_RDWR), shutdown(2). IORING_OP_SHUTDOWN.
   * Result: 0.
   */
  shutdown: operation({
    opcode: Opcode.SHUTDOWN,
    prepare(entry, _ring, fd: number, how: number) {
      entry.fd = checkDescriptor(fd);
      entry.length = checkInteger(how, 'how', kernel.SHUT_RD, kernel.SHUT_RDWR);
    },
  }),

  /**
   * Sends without copying where the network allows it; worth it from some ten KiB on, and with
   * `Memory`. Completes twice: with the result (IORING_CQE_F_MORE), and when the memory is free
   * again (IORING_CQE_F_NOTIF). IORING_OP_SEND_ZC. Result: bytes sent.
   */
  sendZeroCopy: operation({
    opcode: Opcode.SEND_ZC,
    syscall: 'send',
    prepare(
      entry,
      ring,
      fd: number,
      buffer: BufferSource,
      offset?: number,
      length?: number,
      flags?: number,
    ) {
      entry.fd = checkDescriptor(fd);
      entry.operationFlags = checkFlags(flags);
      ring.memory.source(entry, buffer, offset, length);
    },
  }),
};

type Table = typeof operations;

/**
 * One method for each operation. With a completion handler as the last argument, behind all others,
 * it returns the operation's id; without one a promise of the result, which is rejected with a
 * `SystemError` for -errno. What is left out of the arguments is 0 for `flags`, all of a buffer for
 * `offset` and `length` (bytes), and the file's own for `position`.
 *
 * Memory: a `Memory` (or a view of one) is used as it is, and stays mapped until the terminal
 * completion; any other buffer that is sent or written is copied at the call; any other that is
 * received or read into is filled at completion, or the result is -EFAULT if it was detached.
 *
 * @throws By each: ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE for a wrong
 * argument; ERR_PROACTOR_UNSUPPORTED where the kernel lacks the operation, as
 * `Proactor.probe().opcodes` tells before; ERR_PROACTOR_OPERATIONS_EXHAUSTED;
 * ERR_PROACTOR_DISPOSED; ENOMEM. Nothing is initiated then.
 *
 * @interface
 */
export type Operations = { readonly [K in keyof Table]: MethodOf<Table[K]> };
