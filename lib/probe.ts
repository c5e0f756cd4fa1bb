// Whether io_uring can be used here, why not, and what to do about it. Never throws.
import { readFileSync } from 'node:fs';
import { errnoName } from './errors';
import { operations } from './operations';
import { addon, addonError, type NativeProbe } from './ring/binding';
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
const REQUIRED_OPCODES = [
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

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim();
  } catch {
    return '';
  }
}

function unavailable(
  reason: string,
  hint: string,
  errno = 0,
  opcodes: Record<string, boolean> = {},
): ProbeReport {
  return {
    available: false,
    reason,
    errno,
    hint,
    kernel: kernelRelease(),
    features: NO_FEATURES,
    opcodes,
  };
}

function kernelRelease(): string {
  return read('/proc/sys/kernel/osrelease');
}

const EPERM = -1;
const ENOSYS = -38;
const ENOMEM = -12;
const EMFILE = -24;
const ENFILE = -23;

// Each refusal has one likely cause; the cause decides what helps.
function explain(errno: number, call: string): { reason: string; hint: string } {
  const said = `${call} was refused with ${errnoName(errno)}`;
  const disabled = read('/proc/sys/kernel/io_uring_disabled');
  const filtered = /^Seccomp:\s*2$/m.test(read('/proc/self/status'));
  if (errno === EPERM && (disabled === '1' || disabled === '2')) {
    return {
      reason: `${said}: the sysctl kernel.io_uring_disabled is ${disabled}`,
      hint:
        disabled === '2'
          ? 'set kernel.io_uring_disabled=0 (or 1 together with kernel.io_uring_group)'
          : 'set kernel.io_uring_disabled=0, or add the user to the group in kernel.io_uring_group',
    };
  }
  if ((errno === EPERM || errno === ENOSYS) && filtered) {
    return {
      reason: `${said} by a seccomp filter, as those of Docker, containerd and Kubernetes do`,
      hint:
        'allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile ' +
        '(Docker: --security-opt seccomp=PROFILE.json; Kubernetes: a Localhost seccompProfile)',
    };
  }
  if (errno === EPERM)
    return {
      reason: said,
      hint: 'a security module refuses io_uring; ask its policy (SELinux, AppArmor)',
    };
  if (errno === ENOSYS) {
    return {
      reason: `${said}: this kernel has no io_uring as needed (or a sandbox such as gVisor hides it)`,
      hint: 'use Linux 6.1 or newer',
    };
  }
  if (errno === ENOMEM)
    return { reason: said, hint: 'raise RLIMIT_MEMLOCK (ulimit -l) or free memory' };
  if (errno === EMFILE || errno === ENFILE)
    return { reason: said, hint: 'raise RLIMIT_NOFILE (ulimit -n) or close descriptors' };
  return { reason: said, hint: 'use Linux 6.1 or newer' };
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
  if (addon === undefined) {
    return unavailable(
      addonError?.message ?? 'the addon is not loaded',
      'install a package with a binary for this system',
    );
  }
  let native: NativeProbe;
  try {
    native = addon.probe();
  } catch (error) {
    return unavailable(String(error), 'report this as a bug');
  }
  if (native.error < 0) {
    const { reason, hint } = explain(native.error, native.failedCall);
    return unavailable(reason, hint, native.error);
  }
  const opcodes: Record<string, boolean> = {};
  for (const [name, { opcode }] of Object.entries(operations))
    opcodes[name] = native.operations[opcode] === 1;
  // Its opcode is older than its flag.
  opcodes['timeoutMultishot'] &&= native.multishotTimeout;
  const missing = REQUIRED_OPCODES.filter((name) => native.operations[Opcode[name]] !== 1);
  if (missing.length > 0 || !native.multishotReceive) {
    const what =
      missing.length > 0
        ? missing.map((name) => `IORING_OP_${name}`).join(', ')
        : 'multishot receive';
    return unavailable(
      `this kernel's io_uring lacks ${what}`,
      'use Linux 6.1 or newer',
      ENOSYS,
      opcodes,
    );
  }
  return {
    available: true,
    reason: '',
    errno: 0,
    hint: '',
    kernel: kernelRelease(),
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
}
