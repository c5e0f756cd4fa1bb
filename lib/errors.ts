// Every error this package makes. Programmer errors are thrown at the call with Node's codes;
// system errors look like those of node:net and node:fs. Codes of our own start with ERR_PROACTOR_
// or ERR_IO_URING_ and are listed here.
import { getSystemErrorMap, getSystemErrorName, inspect } from 'node:util';

/** Codes of this package's own. */
export type ProactorErrorCode =
  /** io_uring cannot be used here; the message says why and what to do. */
  | 'ERR_IO_URING_UNAVAILABLE'
  /** Loop dispatch was asked for in a runtime without libuv (Bun, Deno). */
  | 'ERR_PROACTOR_LOOP_UNAVAILABLE'
  /** The kernel lacks what was asked for; the message names it, and the kernel's version. */
  | 'ERR_PROACTOR_UNSUPPORTED'
  /** The proactor was disposed of. */
  | 'ERR_PROACTOR_DISPOSED'
  /** As many operations are in flight as `maxOperations` allows. */
  | 'ERR_PROACTOR_OPERATIONS_EXHAUSTED'
  /** More operations were linked than one chain may have. */
  | 'ERR_PROACTOR_LINK_TOO_LONG'
  /** A borrowed chunk was used after its handler returned, or a lease after its release. */
  | 'ERR_PROACTOR_CHUNK_RETURNED'
  /** An ArrayBuffer was detached that was still needed. */
  | 'ERR_PROACTOR_MEMORY_DETACHED'
  /** The stream was closed or destroyed. */
  | 'ERR_STREAM_DESTROYED'
  /** A write after end(). */
  | 'ERR_STREAM_WRITE_AFTER_END'
  /** Data is already consumed in another way (onData, read, iteration). */
  | 'ERR_PROACTOR_READER_ACTIVE'
  /** The server listens, and should not yet. */
  | 'ERR_SERVER_ALREADY_LISTEN'
  /** undici's code: connecting took too long. */
  | 'UND_ERR_CONNECT_TIMEOUT';

interface CodedError extends Error {
  code: string;
}

// As in Node: the code shows in the stack's first line, while `name` stays the class's.
function coded<T extends Error>(error: T, code: string): T & CodedError {
  const result = error as T & CodedError;
  result.code = code;
  const { name } = error;
  result.name = `${name} [${code}]`;
  // Reading the stack fixes its first line.
  void result.stack;
  result.name = name;
  return result;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return `Received ${value}`;
  if (typeof value === 'function') return `Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor?.name;
    return name ? `Received an instance of ${name}` : `Received ${inspect(value, { depth: -1 })}`;
  }
  const text = inspect(value, { colors: false });
  return `Received type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

export function invalidArgType(name: string, expected: string, actual: unknown): TypeError {
  const what = name.includes('.') ? 'property' : 'argument';
  return coded(
    new TypeError(`The "${name}" ${what} must be ${expected}. ${describe(actual)}`),
    'ERR_INVALID_ARG_TYPE',
  );
}

export function disposedError(): Error {
  return proactorError('ERR_PROACTOR_DISPOSED', 'The proactor was disposed of');
}

/** In Node's words for text that is written as if it were bytes. */
export function invalidBuffer(): TypeError {
  return coded(new TypeError('Second argument must be a buffer'), 'ERR_INVALID_ARG_TYPE');
}

export function invalidArgValue(name: string, actual: unknown, reason = 'is invalid'): TypeError {
  const what = name.includes('.') ? 'property' : 'argument';
  return coded(
    new TypeError(`The ${what} '${name}' ${reason}. Received ${inspect(actual)}`),
    'ERR_INVALID_ARG_VALUE',
  );
}

export function outOfRange(name: string, range: string, actual: unknown): RangeError {
  return coded(
    new RangeError(
      `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(actual)}`,
    ),
    'ERR_OUT_OF_RANGE',
  );
}

/** For a class whose objects a function makes: `instead`. */
export function illegalConstructor(instead: string): TypeError {
  return coded(new TypeError(`Illegal constructor: use ${instead}`), 'ERR_ILLEGAL_CONSTRUCTOR');
}

export function badPort(name: string, actual: unknown): RangeError {
  return coded(
    new RangeError(`${name} should be >= 0 and < 65536. ${describe(actual)}.`),
    'ERR_SOCKET_BAD_PORT',
  );
}

export function proactorError(code: ProactorErrorCode, message: string, cause?: unknown): Error {
  return coded(new Error(message, cause === undefined ? undefined : { cause }), code);
}

/** An error of the operating system, as Node's own modules report it. */
export interface SystemError extends Error {
  /** The error's name, `'ECONNREFUSED'`. */
  code: string;
  /** The error's number, negative. */
  errno: number;
  /** The call that failed, `'connect'`. */
  syscall: string;
  /** The numeric address or the host it was about, where known. */
  address?: string;
  /** The port it was about, where known. */
  port?: number;
  /** The path it was about, where known. */
  path?: string;
}

/** What a system error is about, where known. */
export interface ErrorSubject {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  /** Words for the message, behind what Node's message has. */
  readonly detail?: string;
}

/** `errno` is negative, as the kernel's results are. */
export function systemError(
  errno: number,
  syscall: string,
  subject: ErrorSubject = {},
): SystemError {
  const code = errnoName(errno);
  const { address, port, path, detail } = subject;
  // Node's modules put it in three ways: those of files and of listening describe the code.
  const described = `${code}: ${getSystemErrorMap().get(errno)?.[1] ?? 'unknown error'}`;
  let message = `${syscall} ${syscall === 'listen' ? described : code}`;
  if (address !== undefined) message += port ? ` ${address}:${port}` : ` ${address}`;
  if (path !== undefined) message = `${described}, ${syscall} '${path}'`;
  if (detail !== undefined) message += ` (${detail})`;
  const error = new Error(message) as SystemError;
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (address !== undefined) error.address = address;
  if (port) error.port = port;
  if (path !== undefined) error.path = path;
  return error;
}

/** The name of a negative errno, `'EPERM'`. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(errno);
  } catch {
    return `Unknown system error ${errno}`;
  }
}

/**
 * What a promise is rejected with when its `signal` was aborted; `cause` is the signal's reason.
 */
export class AbortError extends Error {
  /** As that of Node's own. */
  readonly code = 'ABORT_ERR';

  /** `cause` becomes the error's own. */
  constructor(cause?: unknown) {
    super('The operation was aborted', cause === undefined ? undefined : { cause });
    this.name = 'AbortError';
  }
}
