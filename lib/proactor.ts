// Tier 1: the Proactor. One method for each operation (operations.ts defines them), and the life of
// the ring they run on.
import { type Initiator, installMethods, unsupported } from './define-operation';
import { channels, debug } from './diagnostics';
import {
  disposedError,
  invalidArgType,
  outOfRange,
  proactorError,
  type SystemError,
} from './errors';
import { readRestrictions } from './host';
import { addHidden, printSummariesOf, refuseClones, type Summary } from './inspection';
import { keepTick } from './kept-tick';
import { type Operations, operations } from './operations';
import {
  defaultDispatch,
  explainRefusal,
  type Inspection,
  inspect as inspectHost,
  type ProbeReport,
  probe,
  runtimeName,
} from './probe';
import { addon, type NativeAddon } from './ring/binding';
import type { BufferRing } from './ring/buffer-ring';
import { cancelAll, cancelOperation } from './ring/cancel';
import { OPERATIONS_LIMIT, type OperationId } from './ring/handler-table';
import { ECANCELED } from './ring/kernel';
import type { Memory } from './ring/memory';
import { Ring, type RingOptions } from './ring/ring';
import { type ProactorStats, readStats } from './stats';
import { tellEach } from './tell-each';
import { nowMs } from './timers';
import { checkBoolean, checkInteger, checkMs, checkObject, checkOneOf } from './validate';

/** How completions come to JavaScript. */
export type Dispatch = 'loop' | 'thread';

/** Options of `new Proactor()`; each may be left out. */
export interface ProactorOptions {
  /**
   * `'loop'`: the ring is driven from the event loop: least CPU and latency. `'thread'`: by an I/O
   * thread, which leaves the JavaScript thread free of the kernel's work and runs on runtimes
   * without libuv. Default: `'loop'` where there is libuv, else `'thread'`.
   */
  readonly dispatch?: Dispatch;
  /**
   * Entries of the submission queue, a power of two from 8 to 32768; the completion queue has four
   * times as many. Some kernels count their memory against RLIMIT_MEMLOCK: some 170 KiB by default,
   * 240 in thread dispatch. Default: 1024.
   */
  readonly entries?: number;
  /** Operations in flight at the most, from 16 to 262143. Default: 262143. */
  readonly maxOperations?: number;
  /** The receive buffers that all streams share. */
  readonly buffers?: {
    /**
     * How many, a power of two up to 32768. Default: 64, or 512 where the kernel cannot use them
     * piece by piece.
     */
    readonly count?: number;
    /**
     * Bytes of each, a power of two from 1024 to 1048576; `count * size` is less than 2 GiB.
     * Default: 262144, or 16384 where the kernel cannot use them piece by piece.
     */
    readonly size?: number;
    /** Use them piece by piece (Linux 6.12). Default: where a self-test finds that it works. */
    readonly incremental?: boolean;
  };
  /**
   * How long dispose() waits for the kernel to give operations back, in milliseconds. Default:
   * 2000.
   */
  readonly disposeTimeoutMs?: number;
  /** IORING_SETUP_* flags not to be asked for: to try what an older kernel would do. Default: 0. */
  readonly withheldSetupFlags?: number;
  /** Operations, by name, to do without: to try what an older kernel would do. Default: none. */
  readonly withheldOperations?: readonly string[];
  /** Loop dispatch: be woken by an eventfd instead of sleeping in the ring. Default: false. */
  readonly eventfd?: boolean;
}

/** An object of tier 2, which lives on a proactor. @internal */
export interface OwnedObject {
  /** One error for all of them: to make one takes longer than to end a stream. */
  endWithOwner(reason: Error): void;
  /** The process exits: what is to be sent goes now. */
  sendNow?(untilMs: number): void;
}

interface CheckedOptions {
  readonly dispatch: Dispatch;
  readonly entries: number;
  readonly maxOperations: number;
  readonly count: number;
  readonly size: number;
  readonly incremental: boolean;
  readonly disposeTimeoutMs: number;
  readonly withheldSetupFlags: number;
  readonly withheldOperations: readonly string[];
  readonly eventfd: boolean;
}

function checkPowerOfTwo(value: number, name: string, min: number, max: number): number {
  checkInteger(value, name, min, max);
  if ((value & (value - 1)) !== 0) throw outOfRange(name, 'a power of two', value);
  return value;
}

function checkOperations(names: unknown): readonly string[] {
  if (!Array.isArray(names)) {
    throw invalidArgType('options.withheldOperations', 'an instance of Array', names);
  }
  const known = Object.keys(operations);
  for (const [index, name] of names.entries()) {
    checkOneOf(name, `options.withheldOperations[${index}]`, known);
  }
  return names;
}

let selfTest: Inspection | undefined;

function checkOptions(options: ProactorOptions): CheckedOptions {
  checkObject(options, 'options');
  // A refusal is asked about again each time, for it may have been lifted; what is there stays.
  selfTest = selfTest?.report.available ? selfTest : inspectHost();
  const { features } = selfTest.report;
  const { buffers = {}, eventfd = false } = options;
  checkObject(buffers, 'options.buffers');
  const dispatch = checkOneOf(options.dispatch ?? defaultDispatch(features), 'options.dispatch', [
    'loop',
    'thread',
  ] as const);
  const incremental = buffers.incremental ?? features.incrementalBuffers;
  checkBoolean(incremental, 'options.buffers.incremental');
  checkBoolean(eventfd, 'options.eventfd');
  const checked: CheckedOptions = {
    dispatch,
    entries: checkPowerOfTwo(options.entries ?? 1024, 'options.entries', 8, 32768),
    maxOperations: checkInteger(
      options.maxOperations ?? OPERATIONS_LIMIT,
      'options.maxOperations',
      16,
      OPERATIONS_LIMIT,
    ),
    count: checkPowerOfTwo(
      buffers.count ?? (incremental ? 64 : 512),
      'options.buffers.count',
      1,
      32768,
    ),
    size: checkPowerOfTwo(
      buffers.size ?? (incremental ? 262144 : 16384),
      'options.buffers.size',
      1024,
      1048576,
    ),
    incremental,
    disposeTimeoutMs: checkMs(
      options.disposeTimeoutMs ?? 2000,
      'options.disposeTimeoutMs',
      600_000,
    ),
    withheldSetupFlags: checkInteger(
      options.withheldSetupFlags ?? 0,
      'options.withheldSetupFlags',
      0,
      0xffffffff,
    ),
    withheldOperations: checkOperations(options.withheldOperations ?? []),
    eventfd,
  };
  checkInteger(
    checked.count * checked.size,
    'options.buffers.count * options.buffers.size',
    1024,
    0x7fffffff,
  );
  return checked;
}

function unavailable(reason: string, hint: string, cause: SystemError | undefined): Error {
  const message = `io_uring cannot be used: ${reason}. Remedy: ${hint}`;
  return proactorError('ERR_IO_URING_UNAVAILABLE', message, cause);
}

/** The ring. The probe's is a small one: what refuses this one is explained in the same way. */
function openRing(native: NativeAddon, options: RingOptions): Ring {
  try {
    return new Ring(native, options);
  } catch (error) {
    const { errno, syscall } = error as SystemError;
    if (syscall === undefined || syscall === 'mmap') throw error;
    const { cause, reason, hint } = explainRefusal(errno, syscall, readRestrictions('/'));
    // The probe's ring was made: the kernel has what it takes, and refuses something of these options.
    if (cause === 'kernel') throw error;
    const less = cause === 'memlock' ? '; or ask for fewer "entries"' : '';
    throw unavailable(reason, `${hint}${less}`, error as SystemError);
  }
}

/**
 * A proactor: initiates asynchronous operations of the kernel and calls their completion handlers.
 * Each operation is a method, see `Operations`: with a completion handler as last argument it
 * returns the operation's id, without one a promise of the result. Operations in flight keep the
 * process alive; an idle proactor does not.
 *
 * Handlers run in the asynchronous context in which the proactor was made, not in the initiator's;
 * promises keep the latter. What a handler throws is an uncaught exception. A proactor belongs to
 * the thread that made it.
 *
 * It owns a ring, its mappings and its receive buffers, from the constructor to `dispose()`.
 * Source: io_uring_setup(2), io_uring_register(2).
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the operations' methods are installed below
export class Proactor {
  /**
   * Tells whether io_uring can be used here, why not, what to do about it, and which features are
   * there. Tries it anew at each call, and never throws.
   */
  static probe(): ProbeReport {
    return probe();
  }

  /** @internal */
  declare readonly ring: Ring;
  /** How completions come to JavaScript here. */
  readonly dispatch: Dispatch;
  readonly #disposeTimeoutMs: number;
  readonly #owned = new Set<OwnedObject>();
  #disposing: Promise<void> | undefined;

  /**
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE for a wrong option;
   * ERR_IO_URING_UNAVAILABLE where io_uring cannot be used, be it for a limit (RLIMIT_MEMLOCK,
   * RLIMIT_NOFILE): the message says why and what to do, and `cause` is the `SystemError` of the call
   * that was refused; ERR_PROACTOR_LOOP_UNAVAILABLE for loop dispatch without libuv;
   * ERR_PROACTOR_UNSUPPORTED for incremental buffers that the kernel lacks; ENOMEM where there is no
   * memory for its buffers.
   */
  constructor(options: ProactorOptions = {}) {
    const checked = checkOptions(options);
    const { report, error } = selfTest!;
    if (addon === undefined || !report.available)
      throw unavailable(report.reason, report.hint, error);
    if (checked.dispatch === 'loop' && !report.features.loopDispatch) {
      throw proactorError(
        'ERR_PROACTOR_LOOP_UNAVAILABLE',
        `loop dispatch is driven by libuv's event loop, which ${runtimeName()} does not have: use { dispatch: 'thread' }`,
      );
    }
    if (checked.incremental && !report.features.incrementalBuffers) {
      throw proactorError(
        'ERR_PROACTOR_UNSUPPORTED',
        `options.buffers.incremental: buffers cannot be used piece by piece with this kernel (${report.kernel}); Linux 6.12 and newer can`,
      );
    }
    keepTick();
    this.dispatch = checked.dispatch;
    this.#disposeTimeoutMs = checked.disposeTimeoutMs;
    const { count, size, incremental } = checked;
    const ring = openRing(addon, {
      threaded: checked.dispatch === 'thread',
      entries: checked.entries,
      completionEntries: checked.entries * 4,
      maxOperations: checked.maxOperations,
      buffers: { count, size, incremental },
      withheldFlags: checked.withheldSetupFlags,
      preferEventfd: checked.eventfd,
    });
    addHidden(this, { ring });
    refuseClones(this);
    const { withheldOperations } = checked;
    // Only where something is missing, so that elsewhere all proactors are of one shape.
    for (const [name, definition] of Object.entries(operations)) {
      if (report.opcodes[name] && !withheldOperations.includes(name)) continue;
      const value = unsupported(this.ring, name, definition as never, report.kernel);
      Object.defineProperty(this, name, { value });
    }
    debug(
      'open: %s dispatch, set-up flags 0x%s',
      this.dispatch,
      this.ring.setUp.setupFlags.toString(16),
    );
    channels.open.publish({ proactor: this });
  }

  /** The receive buffers, for recvMultishot and recvProvided. They live as long as the proactor. */
  get buffers(): BufferRing {
    return this.ring.buffers;
  }

  /** True from dispose() on. */
  get disposed(): boolean {
    return this.#disposing !== undefined;
  }

  /** Figures, read from shared memory; after `dispose()` those that are kept there are 0. */
  stats(): ProactorStats {
    return readStats(this.ring);
  }

  /**
   * `byteLength` bytes (1 to 2 GiB - 1) outside JavaScript's heap, zeroed, on which operations copy
   * nothing. They live as long as anything refers to them, an operation in flight included.
   *
   * @throws ENOMEM; ERR_PROACTOR_DISPOSED.
   */
  allocate(byteLength: number): Memory {
    this.#checkOpen();
    return this.ring.memory.allocate(byteLength);
  }

  /**
   * Requests the end of an operation; returns false if it is not in flight any more. It is only a
   * request: the operation's own completion tells the outcome, mostly -ECANCELED, and until then
   * its memory is in use. Source: IORING_OP_ASYNC_CANCEL.
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE; ERR_PROACTOR_DISPOSED.
   */
  cancel(id: OperationId): boolean {
    this.#checkOpen();
    checkInteger(id, 'id', 1, 0x7fffffff);
    return cancelOperation(this.ring, id);
  }

  /**
   * The next operation is linked to the one that is initiated after it, in the same turn: that one
   * starts when it succeeded, and is cancelled when it failed (a short read or write counts as
   * failure, a short send or recv with MSG_WAITALL too). For chains, of up to 8, call it before
   * each operation but the last. Source: IOSQE_IO_LINK.
   *
   * @throws ERR_PROACTOR_LINK_TOO_LONG; ERR_PROACTOR_DISPOSED.
   */
  link(): void {
    this.#checkOpen();
    this.ring.link();
  }

  /**
   * Nobody waits for the completion of the next operation: unless it fails, it need not wake
   * anybody up and may be dispatched together with a later one: a send whose end only releases
   * memory, say. If something comes to depend on it later, say so with `hastenCompletion`.
   *
   * @throws ERR_PROACTOR_DISPOSED.
   */
  deferCompletion(): void {
    this.#checkOpen();
    this.ring.quiet();
  }

  /**
   * Undoes `deferCompletion` for an operation in flight.
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE; ERR_PROACTOR_DISPOSED.
   */
  hastenCompletion(id: OperationId): void {
    this.#checkOpen();
    checkInteger(id, 'id', 1, 0x7fffffff);
    this.ring.hasten(id);
  }

  /**
   * An operation in flight keeps the process alive (as it does by default). No effect later.
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE.
   */
  refOperation(id: OperationId): void {
    this.ring.setReferenced(checkInteger(id, 'id', 1, Number.MAX_SAFE_INTEGER), true);
  }

  /**
   * An operation in flight does not keep the process alive. No effect later.
   *
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE.
   */
  unrefOperation(id: OperationId): void {
    this.ring.setReferenced(checkInteger(id, 'id', 1, Number.MAX_SAFE_INTEGER), false);
  }

  /** Registers what has to end together with the proactor, until `disown`. @internal */
  own(owned: OwnedObject): void {
    this.#checkOpen();
    this.#owned.add(owned);
  }

  /** Sends what the kernel takes at once of all that was written: the process is about to exit. @internal */
  sendNow(untilMs: number): void {
    tellEach(this.#owned, (owned) => owned.sendNow?.(untilMs));
    this.ring.submitNow();
  }

  /** @internal */
  disown(owned: OwnedObject): void {
    this.#owned.delete(owned);
  }

  /**
   * Ends everything: streams and acceptors are destroyed, operations in flight are cancelled and
   * complete with -ECANCELED or their own result. Fulfilled when the ring is closed, at every call.
   * What the kernel does not give back within `disposeTimeoutMs` is abandoned: its memory is never
   * freed, and the channel `proactor:dispose` says how many operations. Never rejected.
   */
  dispose(): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  /** As `dispose()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    const untilMs = nowMs() + this.#disposeTimeoutMs;
    const reason = disposedError();
    tellEach(this.#owned, (owned) => owned.endWithOwner(reason));
    await cancelAll(this.ring, untilMs);
    const left = Math.max(0, Math.ceil(untilMs - nowMs()));
    const leaked = await new Promise<number>((resolve) => this.ring.close(left, resolve));
    this.ring.handlers.completeAll(-ECANCELED);
    debug('disposed of: %d operations leaked', leaked);
    channels.dispose.publish({ proactor: this, leaked });
  }

  /** @internal */
  summary(): Summary {
    const { dispatch, disposed } = this;
    return { dispatch, disposed, inFlight: this.ring.inFlight };
  }

  /** Throws from dispose() on. @internal */
  checkNotDisposed(): void {
    if (this.disposed) throw disposedError();
  }

  #checkOpen(): void {
    if (this.ring.closed) throw disposedError();
  }

  static {
    printSummariesOf(Proactor);
  }
}

/** Of functions that take one as their first argument. @internal */
export function checkProactor(value: unknown, name = 'proactor'): void {
  if (!(value instanceof Proactor)) {
    throw invalidArgType(name, 'an instance of Proactor', value);
  }
}

installMethods(Proactor.prototype as unknown as Initiator, operations);

// The methods that installMethods() adds.
export interface Proactor extends Operations {}
