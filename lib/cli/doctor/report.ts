// The doctor's report: what --json prints. Its shape is public, docs/doctor.md has it: a change that can break a reader
// gets another format number.

/** What `proactor doctor --json` prints. */
export interface DoctorReport {
  /** Of this shape. More members may come without another number. */
  readonly format: 1;
  /** The package's version. */
  readonly version: string;
  /** Whether io_uring can be used: without a warning, with some, or not. */
  readonly verdict: 'usable' | 'usable-with-warnings' | 'unusable';
  /** The gravest first. */
  readonly findings: readonly Finding[];
  readonly facts: Facts;
}

/** Something to know. An error: the package cannot be used. A warning: it can, but not well. */
export interface Finding {
  /** What kind; docs/doctor.md lists them. */
  readonly id: FindingId;
  readonly severity: 'error' | 'warning' | 'note';
  readonly what: string;
  readonly why: string;
  /** What can be done, one thing each; commands as they are typed. */
  readonly remedy: readonly string[];
}

export type FindingId =
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
  | 'permissions'
  | 'operations'
  | 'features'
  | 'dispatch'
  | 'network'
  | 'container'
  | 'probe';

export interface Facts {
  readonly system: SystemFacts;
  readonly limits: { readonly memlock: Limit; readonly descriptors: Limit };
  readonly seccomp: {
    /** 0 none, 1 strict, 2 a filter. */
    readonly mode: number | null;
    readonly filters: number | null;
  };
  readonly sysctl: {
    readonly ioUringDisabled: number | null;
    readonly ioUringGroup: number | null;
  };
  readonly container: Container;
  /** What the probe found; null where its process could not tell. */
  readonly probe: ProbeFacts | null;
  /** Why `probe` is null; '' where it is not. */
  readonly probeFailure: string;
  /** What hindered that process, where it is known. */
  readonly probeObstacle: Obstacle | null;
  /** A proactor on each dispatcher, tried in a process of its own; empty where none can be made. */
  readonly selfTests: readonly SelfTest[];
}

/** What keeps a process from being started, or from its work. */
export type Obstacle = 'permissions' | 'descriptors' | 'processes' | 'time';

export interface SystemFacts {
  readonly platform: string;
  readonly arch: string;
  /** The kernel's release; '' where /proc does not tell. */
  readonly kernel: string;
  readonly runtime: 'node' | 'bun' | 'deno';
  /** The version of Node that the runtime is or imitates, '20.20.2'. */
  readonly node: string;
  /** What the package needs of it, as in package.json, '>=20'. */
  readonly nodeNeeded: string;
  /** CPUs that this process may use. */
  readonly cpus: number;
  /** CAP_IPC_LOCK: the limit on locked memory does not count. */
  readonly mayLockMemory: boolean;
  /** What AppArmor or SELinux runs this process as; '' without one. */
  readonly securityLabel: string;
}

/** Bytes, or descriptors; null for no limit, undefined (absent) where it is not known. */
export interface Limit {
  readonly soft?: number | null;
  readonly hard?: number | null;
}

export interface Container {
  readonly kind:
    | 'none'
    | 'gvisor'
    | 'kubernetes'
    | 'podman'
    | 'docker'
    | 'containerd'
    | 'lxc'
    | 'systemd-nspawn'
    | 'other';
  /** What says so. */
  readonly evidence: readonly string[];
}

export interface ProbeFacts {
  readonly available: boolean;
  /** Why not: the id of the finding that it becomes, or 'bug'; null where it is available. */
  readonly cause: string | null;
  readonly reason: string;
  readonly hint: string;
  /** Negative errno of the call that was refused, else 0. */
  readonly errno: number;
  /** That call, 'io_uring_setup'; '' where none was. */
  readonly call: string;
  /** The addon's file; null where none could be loaded. */
  readonly binary: string | null;
  /** 'glibc 2.36', 'musl'; '' where it is not known. */
  readonly libc: string;
  /** As in `Proactor.probe()`. */
  readonly features: Readonly<Record<string, boolean>>;
  /** IORING_FEAT_* and IORING_SETUP_* that the package uses: whether a ring has them. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** By method of the Proactor. */
  readonly operations: Readonly<Record<string, OperationFacts>>;
  /** The dispatch of a proactor whose options name none. */
  readonly defaultDispatch: 'loop' | 'thread';
}

export interface OperationFacts {
  readonly opcode: string;
  /** What it needs beside its opcode: features, or a flag's name. */
  readonly needs: readonly string[];
  /** The release of Linux that has it, where that is newer than what the package needs. */
  readonly since: string | null;
  readonly available: boolean;
  /** Without it no proactor can be made. */
  readonly required: boolean;
}

export interface SelfTest {
  readonly dispatch: 'loop' | 'thread';
  readonly passed: boolean;
  /** Why not; '' where it passed. */
  readonly failure: string;
  /** Whose fault that is: the id of a finding, or 'time'; null where it is not known, or where it passed. */
  readonly cause: string | null;
  /** What the JavaScript thread sleeps in while nothing happens; null where it did not come to that. */
  readonly sleepsIn: 'ring' | 'eventfd' | 'event-loop' | null;
  /** How long a nop took, and an echo over TCP, in milliseconds; null where it did not come to that. */
  readonly nopMs: number | null;
  readonly echoMs: number | null;
}
