// What turns an entry of the operations table into a method: the one mechanism behind all
// operations.
import { AbortError, invalidArgType, proactorError, systemError } from './errors';
import { cancelOperation } from './ring/cancel';
import type { Completer, CompletionHandler, OperationId } from './ring/handler-table';
import { ECANCELED, EFAULT, IORING_CQE_F_MORE, IORING_CQE_F_NOTIF } from './ring/kernel';
import { RESULT_IS_DESCRIPTOR } from './ring/layout';
import type { Ring } from './ring/ring';
import type { SubmissionEntry } from './ring/submission-queue';
import { checkSignal } from './validate';

/** Options of an operation that returns a promise. */
export interface OperationOptions {
  /** Cancels the operation; the promise is then rejected with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** An entry of the operations table. */
export interface OperationDefinition<A extends unknown[], M extends boolean = false> {
  /** Operation code (IORING_OP_*). */
  readonly opcode: number;
  /**
   * Fills in the entry from the checked arguments. Has no parameter with a default: their number
   * counts.
   */
  readonly prepare: (entry: SubmissionEntry, ring: Ring, ...args: A) => void;
  /**
   * Where the program initiates it, called before anything is: refuses, by throwing, what the kernel
   * would do and nobody wants; or initiates what goes before.
   */
  readonly before?: (ring: Ring, ...args: A) => void;
  /**
   * A shorter way for arguments that it recognizes: initiates the operation, or returns 0 and did
   * nothing.
   */
  readonly direct?: (ring: Ring, completer: Completer, ...args: A) => OperationId;
  /** The name in errors, where it is not the operation's own: `open` for openat. */
  readonly syscall?: string;
  /** A result >= 0 is a new descriptor. */
  readonly descriptor?: boolean;
  /** Completes many times: takes a handler only. */
  readonly multishot?: M;
  /** The Linux that has it, where that is newer than what the package needs. */
  readonly since?: string;
  /** Negative results that fulfil the promise, and with what: the ETIME of a timeout. */
  readonly expected?: ReadonlyMap<number, number>;
}

/**
 * A one-shot operation. With a handler as last argument, behind all others, none of which may then be
 * left out, it returns its id. Without one it returns a promise of the result, which is rejected with
 * a `SystemError` where that is -errno, and with an `AbortError` where the `signal` ended it.
 */
export interface OneShot<A extends unknown[]> {
  (...args: [...Required<A>, CompletionHandler]): OperationId;
  (...args: [...operands: A, options?: OperationOptions]): Promise<number>;
}

/**
 * An operation that takes a handler only, behind all other arguments, none of which may be left out. Of
 * a multishot operation the handler is called until a completion lacks IORING_CQE_F_MORE. Returns its
 * id.
 */
export type MultiShot<A extends unknown[]> = (
  ...args: [...Required<A>, CompletionHandler]
) => OperationId;

export type MethodOf<D> =
  D extends OperationDefinition<infer A, infer M>
    ? M extends true
      ? MultiShot<A>
      : OneShot<A>
    : never;

/** What the methods run on. */
export interface Initiator {
  readonly ring: Ring;
}

type AnyDefinition = OperationDefinition<never[], boolean>;
type Method = (this: Initiator, ...args: unknown[]) => unknown;

/** Writes one definition; exists for its types. */
export function operation<A extends unknown[]>(
  definition: OperationDefinition<A, false>,
): OperationDefinition<A, false> {
  return definition;
}

export function multishot<A extends unknown[]>(
  definition: Omit<OperationDefinition<A, true>, 'multishot'>,
): OperationDefinition<A, true> {
  return { ...definition, multishot: true };
}

/**
 * The method for a definition. Arity selects one of a few shapes, so that no call collects its
 * arguments.
 */
function methodFor(name: string, definition: AnyDefinition): Method {
  const shape = SHAPES[Math.max(0, definition.prepare.length - 2)];
  if (shape === undefined) throw new RangeError(`operation ${name} has too many arguments`);
  const general = shape(new Compiled(name, definition));
  const { direct } = definition;
  return direct === undefined ? general : withDirect(general, direct as unknown as Direct);
}

type Direct = (ring: Ring, completer: Completer, ...args: unknown[]) => OperationId;

// For the operations of five arguments, which are those of the hot path.
function withDirect(general: Method, direct: Direct): Method {
  return function (this: Initiator, a, b, c, d, e, then) {
    if (typeof then === 'function') {
      const id = direct(this.ring, then as CompletionHandler, a, b, c, d, e);
      if (id !== 0) return id;
    }
    return general.call(this, a, b, c, d, e, then);
  };
}

/** What stands in for the method of an operation that the kernel lacks: it throws at the call. */
export function unsupported(
  ring: Ring,
  name: string,
  { since }: AnyDefinition,
  kernel: string,
): () => never {
  const remedy = since === undefined ? '' : `; Linux ${since} and newer have it`;
  return () => {
    ring.forgetAsked();
    throw proactorError(
      'ERR_PROACTOR_UNSUPPORTED',
      `the operation ${name} is not there in this kernel (${kernel})${remedy}`,
    );
  };
}

/** Gives `prototype` a method for each entry of `table`. */
export function installMethods(prototype: Initiator, table: Record<string, unknown>): void {
  for (const [name, definition] of Object.entries(table)) {
    const value = methodFor(name, definition as AnyDefinition);
    Object.defineProperty(value, 'name', { value: name }); // for stack traces
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}

/**
 * Initiates an operation for an object of this package, which is told of its completions as a
 * CompletionTarget.
 */
export function initiatorOf<A extends unknown[], M extends boolean>(
  name: string,
  definition: OperationDefinition<A, M>,
): (ring: Ring, completer: Completer, ...args: A) => OperationId {
  const op = new Compiled(name, definition as unknown as AnyDefinition);
  return (ring, completer, ...args) =>
    initiate(op, ring, completer, ...(args as unknown[] as [unknown?]));
}

class Compiled {
  readonly name: string;
  readonly syscall: string;
  readonly opcode: number;
  /** RESULT_IS_DESCRIPTOR or 0. */
  readonly marks: number;
  readonly multishot: boolean;
  readonly expected: ReadonlyMap<number, number>;
  readonly prepare: (entry: SubmissionEntry, ring: Ring, ...args: unknown[]) => void;
  readonly before: ((ring: Ring, ...args: unknown[]) => void) | undefined;

  constructor(name: string, definition: AnyDefinition) {
    this.name = name;
    this.syscall = definition.syscall ?? name;
    this.opcode = definition.opcode;
    this.marks = definition.descriptor ? RESULT_IS_DESCRIPTOR : 0;
    this.multishot = definition.multishot ?? false;
    this.expected = definition.expected ?? new Map();
    this.prepare = definition.prepare as Compiled['prepare'];
    this.before = definition.before as Compiled['before'];
  }
}

const SHAPES: ((op: Compiled) => Method)[] = [
  (op) =>
    function (this: Initiator, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler)
        : promise(op, this, then, []);
    },
  (op) =>
    function (this: Initiator, a, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler, a)
        : promise(op, this, then, [a]);
    },
  (op) =>
    function (this: Initiator, a, b, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler, a, b)
        : promise(op, this, then, [a, b]);
    },
  (op) =>
    function (this: Initiator, a, b, c, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler, a, b, c)
        : promise(op, this, then, [a, b, c]);
    },
  (op) =>
    function (this: Initiator, a, b, c, d, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler, a, b, c, d)
        : promise(op, this, then, [a, b, c, d]);
    },
  (op) =>
    function (this: Initiator, a, b, c, d, e, then) {
      return typeof then === 'function'
        ? initiateForProgram(op, this.ring, then as CompletionHandler, a, b, c, d, e)
        : promise(op, this, then, [a, b, c, d, e]);
    },
];

function initiate(
  op: Compiled,
  ring: Ring,
  completer: Completer,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
  e?: unknown,
): OperationId {
  const entry = ring.begin(op.opcode);
  try {
    op.prepare(entry, ring, a, b, c, d, e);
    return ring.commit(completer, op.marks);
  } catch (error) {
    ring.abandon();
    throw error;
  }
}

function initiateForProgram(
  op: Compiled,
  ring: Ring,
  completer: Completer,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
  e?: unknown,
): OperationId {
  try {
    if (op.before !== undefined) op.before(ring, a, b, c, d, e);
    const entry = ring.begin(op.opcode);
    op.prepare(entry, ring, a, b, c, d, e);
    return ring.commitForProgram(completer, op.marks);
  } catch (error) {
    ring.abandon();
    ring.forgetAsked();
    throw error;
  }
}

function promise(
  op: Compiled,
  initiator: Initiator,
  then: unknown,
  args: unknown[],
): Promise<number> {
  const { ring } = initiator;
  let signal: AbortSignal | undefined;
  try {
    signal = checkPromised(op, then, args);
  } catch (error) {
    ring.forgetAsked();
    throw error;
  }
  if (signal?.aborted) {
    ring.forgetAsked();
    return Promise.reject(new AbortError(signal.reason));
  }
  let id: OperationId;
  let abort: (() => void) | undefined;
  let kept: number | undefined; // a zero-copy send's result; its memory is the caller's at the notification
  // The executor runs at once, so what initiating throws is thrown by the method itself.
  let failure: unknown;
  const result = new Promise<number>((resolve, reject) => {
    const handler = (value: number, flags: number): void => {
      if ((flags & IORING_CQE_F_MORE) !== 0) {
        kept = value;
        return;
      }
      if (abort !== undefined) signal!.removeEventListener('abort', abort);
      const final = (flags & IORING_CQE_F_NOTIF) !== 0 && kept !== undefined ? kept : value;
      if (final >= 0) resolve(final);
      else if (final === -ECANCELED && signal?.aborted) reject(new AbortError(signal.reason));
      else if (op.expected.has(final)) resolve(op.expected.get(final)!);
      else reject(failed(op, final, args));
    };
    try {
      id = initiateForProgram(op, ring, handler, args[0], args[1], args[2], args[3], args[4]);
    } catch (error) {
      failure = error;
    }
  });
  if (failure !== undefined) throw failure;
  if (signal !== undefined) {
    abort = () => void cancelOperation(ring, id);
    signal.addEventListener('abort', abort, { once: true });
  }
  return result;
}

// Checks what stands in the handler's place; returns the signal of the options.
function checkPromised(op: Compiled, then: unknown, args: unknown[]): AbortSignal | undefined {
  const handler = args.find((arg) => typeof arg === 'function');
  if (handler !== undefined) {
    const place = `argument number ${args.length + 1}, behind all others`;
    throw invalidArgType('handler', `${place}, which then have to be given`, handler);
  }
  if (op.multishot) throw invalidArgType('handler', 'of type function', then);
  if (then !== undefined && (then === null || typeof then !== 'object')) {
    throw invalidArgType('options', 'of type object or a completion handler', then);
  }
  const signal = (then as OperationOptions | undefined)?.signal;
  checkSignal(signal, 'options.signal');
  return signal;
}

function failed(op: Compiled, errno: number, args: unknown[]): Error {
  const path = args.find((arg) => typeof arg === 'string');
  const detail = errno === -EFAULT ? 'the buffer was detached or is not accessible' : undefined;
  return systemError(errno, op.syscall, { path, ...(detail === undefined ? {} : { detail }) });
}
