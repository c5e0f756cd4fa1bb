// Whether io_uring can be used here, why not, and what to do about it. Never throws.
import { errnoName, type SystemError, systemError } from './errors';
import { type HostRestrictions, readRestrictions } from './host';
import { operations } from './operations';
import { addon, addonFailure, type NativeProbe } from './ring/binding';
import { Opcode } from './ring/kernel';

/** What the kernel offers. */
export interface ProbeFeatures {
  /** Set-up flag IORING_SETUP_DEFER_TASKRUN (6.1): completions are run when they are looked for. */
  readonly deferTaskrun: boolean;
  /** Provided buffer rings (5.19). */
  readonly bufferRing: boolean;
  /** Provided buffers consumed piece by piece (6.12), found to work by trying. */
  readonly incrementalBuffers: boolean;
  /** Multishot receive (6.0), found to work by trying. */
  readonly multishotReceive: boolean;
  /** Repeated timeouts (6.4), found to work by trying. */
  readonly multishotTimeout: boolean;
  /** The runtime has libuv, which loop dispatch needs. */
  readonly loopDispatch: boolean;
}

/** The result of `Proactor.probe()`. */
export interface ProbeReport {
  /** A Proactor can be constructed. */
  readonly available: boolean;
  /** Why not, in words; empty where it is available. */
  readonly reason: string;
  /** Negative errno of the call that was refused, 0 if none was. */
  readonly errno: number;
  /** What to do about it; empty where it is available. */
  readonly hint: string;
  /** The kernel's release, as uname(2) has it; nothing is decided by it. */
  readonly kernel: string;
  /** What the kernel offers beyond the operations; all false where it is not available. */
  readonly features: ProbeFeatures;
  /** By operation name of this package: whether the kernel has it. */
  readonly opcodes: Readonly<Record<string, boolean>>;
}

const NO_FEATURES: ProbeFeatures = {
  deferTaskrun: false,
  bufferRing: false,
  incrementalBuffers: false,
  multishotReceive: false,
  multishotTimeout: false,
  loopDispatch: false,
};

const DEFER_TASKRUN = 1 << 13;
/** Without these no proactor can be made. @internal */
export const REQUIRED_OPCODES = [
  'ACCEPT',
  'ASYNC_CANCEL',
  'CLOSE',
  'CONNECT',
  'POLL_ADD',
  'RECV',
  'SEND',
  'SENDMSG',
  'SHUTDOWN',
  'TIMEOUT',
] as const;

/** As "engines" in package.json has it, which is for npm and stops nobody. @internal */
export const NODE_MAJOR_MIN = 20;

/** What refuses io_uring, told apart by what helps. @internal */
export type RefusalCause =
  | 'platform'
  | 'node-version'
  | 'binary'
  | 'sysctl'
  | 'seccomp'
  | 'security-module'
  | 'kernel'
  | 'memlock'
  | 'descriptors'
  | 'processes'
  | 'bug';

/** The report, with what only the doctor tells. @internal */
export interface Inspection {
  readonly report: ProbeReport;
  /** Undefined where io_uring can be used. */
  readonly cause: RefusalCause | undefined;
  /** The system's refusal, if it was one. */
  readonly error: SystemError | undefined;
  /** What the addon found; undefined where it could not be asked. */
  readonly native: NativeProbe | undefined;
  readonly host: HostRestrictions;
}

interface Refusal {
  readonly cause: RefusalCause;
  readonly reason: string;
  readonly hint: string;
}

const EPERM = -1;
const EACCES = -13;
const ENOSYS = -38;
const ENOMEM = -12;
const EMFILE = -24;
const ENFILE = -23;
const EAGAIN = -11;
const EAFNOSUPPORT = -97;

/** Each refusal has one likely cause; the cause decides what helps. @internal */
export function explainRefusal(errno: number, call: string, host: HostRestrictions): Refusal {
  const said = `${call} was refused with ${errnoName(errno)}`;
  // Of what the probe and a ring need beside io_uring: nothing but a filter refuses that.
  if (!call.startsWith('io_uring_') && [EPERM, EACCES, ENOSYS, EAFNOSUPPORT].includes(errno)) {
    return {
      cause: 'seccomp',
      reason: `${said} by a seccomp filter, as those of sandboxes and systemd units do`,
      hint: `allow ${call} in the filter (systemd: SystemCallFilter=${call}; RestrictAddressFamilies has to have AF_UNIX)`,
    };
  }
  const { ioUringDisabled: disabled, ioUringGroup: group } = host;
  const isMember = group !== null && group >= 0 && host.groups.includes(group);
  if (errno === EPERM && (disabled === 2 || (disabled === 1 && !isMember))) {
    return {
      cause: 'sysctl',
      reason: `${said}: the sysctl kernel.io_uring_disabled is ${disabled}`,
      hint:
        disabled === 2
          ? 'set kernel.io_uring_disabled=0 (or 1 together with kernel.io_uring_group)'
          : 'set kernel.io_uring_disabled=0, or add the user to the group in kernel.io_uring_group',
    };
  }
  if ((errno === EPERM || errno === ENOSYS) && host.seccompMode === 2) {
    return {
      cause: 'seccomp',
      reason: `${said} by a seccomp filter, as those of Docker, containerd and Kubernetes do`,
      hint:
        'allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile ' +
        '(Docker: --security-opt seccomp=PROFILE.json; Kubernetes: a Localhost seccompProfile)',
    };
  }
  if (errno === EPERM || errno === EACCES)
    return {
      cause: 'security-module',
      reason: said,
      hint: 'a security module refuses io_uring; ask its policy (SELinux, AppArmor)',
    };
  if (errno === ENOSYS) {
    return {
      cause: 'kernel',
      reason: `${said}: this kernel has no io_uring as needed (or a sandbox such as gVisor hides it)`,
      hint: 'use Linux 6.1 or newer',
    };
  }
  if (errno === ENOMEM)
    return {
      cause: 'memlock',
      reason: said,
      hint: memlockHint(host.lockedBytesMax),
    };
  if (errno === EMFILE || errno === ENFILE)
    return {
      cause: 'descriptors',
      reason: said,
      hint:
        errno === EMFILE
          ? 'raise RLIMIT_NOFILE (ulimit -n) or close descriptors'
          : 'raise the sysctl fs.file-max, which limits the open files of the whole system, or close some',
    };
  if (errno === EAGAIN)
    return {
      cause: 'processes',
      reason: said,
      hint: 'raise RLIMIT_NPROC (ulimit -u) or the limit on processes of the container or systemd unit, or end some',
    };
  return { cause: 'kernel', reason: said, hint: 'use Linux 6.1 or newer' };
}

function memlockHint(bytes: number | null): string {
  if (bytes === null) return 'free memory, or raise RLIMIT_MEMLOCK (ulimit -l)';
  return (
    `raise RLIMIT_MEMLOCK, the limit on locked memory, which is ${Math.floor(bytes / 1024)} KiB here for all rings of a ` +
    'user (ulimit -l 8192; systemd: LimitMEMLOCK=8M; Docker: --ulimit memlock=8388608; for logins: limits.conf)'
  );
}

/** The dispatch of a proactor whose options name none. @internal */
export function defaultDispatch(features: ProbeFeatures): 'loop' | 'thread' {
  return features.loopDispatch ? 'loop' : 'thread';
}

/**
 * What runs this JavaScript. Whether there is libuv is asked by name as well as by what the addon
 * finds: Bun and Deno define functions of libuv that abort, or that belong to no loop which runs.
 */
export function runtimeName(): 'Bun' | 'Deno' | 'Node.js' {
  if ('bun' in process.versions) return 'Bun';
  if ('deno' in process.versions) return 'Deno';
  return 'Node.js';
}

/** Tries io_uring and says what is there. The answer is not kept: a limit may change. */
export function probe(): ProbeReport {
  return inspect().report;
}

/** What `probe()` does, and what it knows beyond its report. @internal */
export function inspect(): Inspection {
  const host = readRestrictions('/');
  let native: NativeProbe | undefined;
  const refused = (
    { cause, reason, hint }: Refusal,
    errno = 0,
    opcodes: Record<string, boolean> = {},
  ): Inspection => {
    const { kernel } = host;
    const features = NO_FEATURES;
    const report = { available: false, reason, errno, hint, kernel, features, opcodes };
    const error = native?.failedCall ? systemError(native.error, native.failedCall) : undefined;
    return { report, cause, error, native, host };
  };
  const { node } = process.versions;
  if (runtimeName() === 'Node.js' && Number.parseInt(node, 10) < NODE_MAJOR_MIN) {
    return refused({
      cause: 'node-version',
      reason: `Node.js ${node} is too old, the package needs ${NODE_MAJOR_MIN} or newer`,
      hint: `use Node.js ${NODE_MAJOR_MIN} or newer`,
    });
  }
  if (addon === undefined) {
    return refused({
      cause: process.platform === 'linux' ? 'binary' : 'platform',
      reason: addonFailure?.reason ?? 'the addon exports nothing',
      hint: addonFailure?.remedy ?? 'report this as a bug',
    });
  }
  try {
    native = addon.probe();
  } catch (error) {
    return refused({ cause: 'bug', reason: String(error), hint: 'report this as a bug' });
  }
  if (native.error < 0) {
    return refused(explainRefusal(native.error, native.failedCall, host), native.error);
  }
  const opcodes: Record<string, boolean> = {};
  for (const [name, { opcode }] of Object.entries(operations))
    opcodes[name] = native.operations[opcode] === 1;
  // Its opcode is older than its flag.
  opcodes['timeoutMultishot'] &&= native.multishotTimeout;
  const lacking = requiredButMissing(native);
  if (lacking !== '') {
    const reason = `this kernel's io_uring lacks ${lacking}`;
    return refused({ cause: 'kernel', reason, hint: 'use Linux 6.1 or newer' }, ENOSYS, opcodes);
  }
  const report: ProbeReport = {
    available: true,
    reason: '',
    errno: 0,
    hint: '',
    kernel: host.kernel,
    features: {
      deferTaskrun: (native.setupFlags & DEFER_TASKRUN) !== 0,
      bufferRing: native.bufferRing,
      incrementalBuffers: native.incremental,
      multishotReceive: native.multishotReceive,
      multishotTimeout: native.multishotTimeout,
      loopDispatch: native.loopDispatch && runtimeName() === 'Node.js',
    },
    opcodes,
  };
  return { report, cause: undefined, error: undefined, native, host };
}

function requiredButMissing(native: NativeProbe): string {
  const missing = REQUIRED_OPCODES.filter((name) => native.operations[Opcode[name]] !== 1);
  if (missing.length > 0) return missing.map((name) => `IORING_OP_${name}`).join(', ');
  return native.multishotReceive ? '' : 'multishot receive';
}
