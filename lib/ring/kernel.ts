// The kernel's numbers, under the kernel's names. Source: <linux/io_uring.h>, io_uring_enter(2) and
// the manual page of each system call. The same on x86-64 and arm64 except where said.

/** Operation codes of io_uring, in the kernel's order. */
export const Opcode = {
  /** `nop`. */
  NOP: 0,
  /** `readv`. */
  READV: 1,
  /** `writev`. */
  WRITEV: 2,
  /** `fsync`. */
  FSYNC: 3,
  /** `pollAdd`, `pollMultishot`. */
  POLL_ADD: 6,
  /** `pollRemove`. */
  POLL_REMOVE: 7,
  /** `sendmsg`. */
  SENDMSG: 9,
  /** `recvmsg`. */
  RECVMSG: 10,
  /** `timeout`, `timeoutMultishot`. */
  TIMEOUT: 11,
  /** `timeoutRemove`, `timeoutUpdate`. */
  TIMEOUT_REMOVE: 12,
  /** `accept`, `acceptMultishot`. */
  ACCEPT: 13,
  /** `asyncCancel`, `asyncCancelDescriptor`, `asyncCancelAll`. */
  ASYNC_CANCEL: 14,
  /** `linkTimeout`. */
  LINK_TIMEOUT: 15,
  /** `connect`. */
  CONNECT: 16,
  /** `openat`. */
  OPENAT: 18,
  /** `close`. */
  CLOSE: 19,
  /** `statx`. */
  STATX: 21,
  /** `read`. */
  READ: 22,
  /** `write`. */
  WRITE: 23,
  /** `send`. */
  SEND: 26,
  /** `recv`, `recvMultishot`. */
  RECV: 27,
  /** `shutdown`. */
  SHUTDOWN: 34,
  /** `sendZeroCopy`. */
  SEND_ZC: 47,
} as const;

// Flags of a submission queue entry.
/** The next entry starts when this one succeeded; `link()` sets it. */
export const IOSQE_IO_LINK = 1 << 2;
/** The kernel picks a provided buffer; `recvMultishot` sets it. */
export const IOSQE_BUFFER_SELECT = 1 << 5;

// Flags of a completion.
/** The completion's upper 16 bits of flags name a provided buffer. */
export const IORING_CQE_F_BUFFER = 1 << 0;
/** More completions of this operation follow. */
export const IORING_CQE_F_MORE = 1 << 1;
/** The socket has more data to read. */
export const IORING_CQE_F_SOCK_NONEMPTY = 1 << 2;
/** A zero-copy send let go of its memory. */
export const IORING_CQE_F_NOTIF = 1 << 3;
/** The provided buffer is not used up; later completions continue in it. */
export const IORING_CQE_F_BUF_MORE = 1 << 4;
/** How far a completion's `flags` are shifted right to get the number of the provided buffer. */
export const IORING_CQE_BUFFER_SHIFT = 16;

// Flags of operations.
/** `timeout`: the duration is a point in time of the clock. */
export const IORING_TIMEOUT_ABS = 1 << 0;
/** `timeoutUpdate` sets it. */
export const IORING_TIMEOUT_UPDATE = 1 << 1;
/** `timeout`: by CLOCK_BOOTTIME, which goes on while the system is suspended. */
export const IORING_TIMEOUT_BOOTTIME = 1 << 2;
/** `timeout`: by CLOCK_REALTIME, the time of day. */
export const IORING_TIMEOUT_REALTIME = 1 << 3;
/** `timeoutUpdate` of a `linkTimeout`. */
export const IORING_LINK_TIMEOUT_UPDATE = 1 << 4;
/** `timeout`: running out is a success, so that what is linked to it starts. */
export const IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5;
/** `timeoutMultishot` sets it. */
export const IORING_TIMEOUT_MULTISHOT = 1 << 6;
/** `pollMultishot` sets it. */
export const IORING_POLL_ADD_MULTI = 1 << 0;
/** All operations that match are cancelled; `asyncCancelDescriptor` sets it. */
export const IORING_ASYNC_CANCEL_ALL = 1 << 0;
/** Operations are matched by their descriptor; `asyncCancelDescriptor` sets it. */
export const IORING_ASYNC_CANCEL_FD = 1 << 1;
/** `recvMultishot` sets it. */
export const IORING_RECV_MULTISHOT = 1 << 1;
/** `acceptMultishot` sets it. */
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** `fsync`: as fdatasync(2), without metadata that reading does not need. */
export const IORING_FSYNC_DATASYNC = 1 << 0;

/** Set-up flag: completions are brought only when the ring is entered (Linux 6.1). */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** Registration flag: buffers are consumed piece by piece (Linux 6.12). */
export const IOU_PBUF_RING_INC = 2;

// poll(2)
/** There is something to read. */
export const POLLIN = 0x001;
/** There is an exceptional condition, such as out-of-band data. */
export const POLLPRI = 0x002;
/** Writing would not block. */
export const POLLOUT = 0x004;
/** An error is pending; told whether asked for or not. */
export const POLLERR = 0x008;
/** The other end hung up; told whether asked for or not. */
export const POLLHUP = 0x010;
/** The peer ended sending. */
export const POLLRDHUP = 0x2000;

// socket(2), ip(7), tcp(7), send(2)
/** No address family. */
export const AF_UNSPEC = 0;
/** IPv4. */
export const AF_INET = 2;
/** Unix domain sockets. */
export const AF_UNIX = 1;
/** IPv6. */
export const AF_INET6 = 10;
/** A stream socket: TCP. */
export const SOCK_STREAM = 1;
/** The descriptor is closed by execve(2), so that programs started from here do not inherit it. */
export const SOCK_CLOEXEC = 0o2000000;
/** Level of the SO_* options. */
export const SOL_SOCKET = 1;
/** The type of a socket: SOCK_STREAM… */
export const SO_TYPE = 3;
/** An address may be bound while connections of an earlier listener linger. */
export const SO_REUSEADDR = 2;
/** The pending error of a socket. */
export const SO_ERROR = 4;
/** Bytes of the send buffer. */
export const SO_SNDBUF = 7;
/** Bytes of the receive buffer. */
export const SO_RCVBUF = 8;
/** A silent peer is probed. */
export const SO_KEEPALIVE = 9;
/** Several sockets may listen on one port. */
export const SO_REUSEPORT = 15;
/** Level of the TCP_* options. */
export const IPPROTO_TCP = 6;
/** Small pieces are sent at once. */
export const TCP_NODELAY = 1;
/** Seconds of silence before the first probe. */
export const TCP_KEEPIDLE = 4;
/** Seconds between probes. */
export const TCP_KEEPINTVL = 5;
/** Unanswered probes that end the connection. */
export const TCP_KEEPCNT = 6;
/** Level of the IPV6_* options. */
export const IPPROTO_IPV6 = 41;
/** Level of the IP_* options. */
export const IPPROTO_IP = 0;
/** The type of service of IPv4 packets. */
export const IP_TOS = 1;
/** The same of IPv6 packets. */
export const IPV6_TCLASS = 67;
/** An IPv6 socket takes no IPv4. */
export const IPV6_V6ONLY = 26;
/** EPIPE without the signal SIGPIPE. */
export const MSG_NOSIGNAL = 0x4000;
/** `recv`, `recvmsg`: a result is the length of the datagram, even if it did not fit. */
export const MSG_TRUNC = 0x20;
/** The operation goes on until all bytes are through. */
export const MSG_WAITALL = 0x100;
/** `shutdown`: no more receiving. */
export const SHUT_RD = 0;
/** `shutdown`: no more sending. */
export const SHUT_WR = 1;
/** `shutdown`: neither. */
export const SHUT_RDWR = 2;

// read(2)
/** Bytes that the kernel reads, writes, sends or receives at most at a time. */
export const MAX_RW_COUNT = 0x7ffff000;

// openat(2), statx(2)
/** As `dirfd`: relative paths start in the working directory. */
export const AT_FDCWD = -100;
/** `statx`: with an empty path, about `dirfd` itself. */
export const AT_EMPTY_PATH = 0x1000;
/** `statx`: all that stat(2) tells. */
export const STATX_BASIC_STATS = 0x7ff;
/** `statx`: the time of creation. */
export const STATX_BTIME = 0x800;
/** Bytes of a struct statx. */
export const STATX_BYTES = 256;

// errno(3)
/** Not permitted. */
export const EPERM = 1;
/** No such file; or no such operation in flight. */
export const ENOENT = 2;
/** Interrupted by a signal. */
export const EINTR = 4;
/** No open descriptor, or not one for this. */
export const EBADF = 9;
/** It would have to wait. */
export const EAGAIN = 11;
/** No memory. */
export const ENOMEM = 12;
/** Not permitted. */
export const EACCES = 13;
/** A buffer that is not accessible any more. */
export const EFAULT = 14;
/** In use. */
export const EBUSY = 16;
/** An invalid argument, or an operation that the kernel does not have. */
export const EINVAL = 22;
/** The system's files are used up. */
export const ENFILE = 23;
/** The process's descriptors are used up. */
export const EMFILE = 24;
/** The other end does not receive any more. */
export const EPIPE = 32;
/** The system call is not there. */
export const ENOSYS = 38;
/** A timeout ran out. */
export const ETIME = 62;
/** Not a socket. */
export const ENOTSOCK = 88;
/** Not supported. */
export const ENOTSUP = 95;
/** Not supported by this socket. */
export const EOPNOTSUPP = 95;
/** No addresses of this family here. */
export const EAFNOSUPPORT = 97;
/** The address is in use. */
export const EADDRINUSE = 98;
/** The connection was gone before it was accepted. */
export const ECONNABORTED = 103;
/** The peer reset the connection. */
export const ECONNRESET = 104;
/** No buffer is free. */
export const ENOBUFS = 105;
/** Not connected. */
export const ENOTCONN = 107;
/** No answer in time. */
export const ETIMEDOUT = 110;
/** Nobody listens there. */
export const ECONNREFUSED = 111;
/** The operation is being executed already: it cannot be cancelled. */
export const EALREADY = 114;
/** The operation was cancelled. */
export const ECANCELED = 125;
