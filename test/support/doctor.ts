// Facts for the doctor to judge: those of a machine where all is well, and variations of it.
import type { Facts, ProbeFacts } from '#lib/cli/doctor/report';

export const wellProbe: ProbeFacts = {
  available: true,
  cause: null,
  reason: '',
  hint: '',
  errno: 0,
  binary: '/app/proactor.glibc.node',
  libc: 'glibc 2.36',
  features: {
    deferTaskrun: true,
    bufferRing: true,
    incrementalBuffers: true,
    multishotReceive: true,
    loopDispatch: true,
  },
  flags: { IORING_FEAT_NODROP: true, IORING_SETUP_DEFER_TASKRUN: true },
  operations: {
    send: { opcode: 'IORING_OP_SEND', needs: [], since: null, available: true, required: true },
    timeoutMultishot: {
      opcode: 'IORING_OP_TIMEOUT',
      needs: ['IORING_TIMEOUT_MULTISHOT'],
      since: '6.4',
      available: true,
      required: false,
    },
  },
  defaultDispatch: 'loop',
};

export const wellFacts: Facts = {
  system: {
    platform: 'linux',
    arch: 'x64',
    kernel: '6.12.1',
    runtime: 'node',
    node: '22.1.0',
    nodeNeeded: '>=20',
    cpus: 4,
    mayLockMemory: false,
    securityLabel: '',
  },
  limits: {
    memlock: { soft: 8388608, hard: 8388608 },
    descriptors: { soft: 65536, hard: 65536 },
  },
  seccomp: { mode: 0, filters: 0 },
  sysctl: { ioUringDisabled: 0, ioUringGroup: -1 },
  container: { kind: 'none', evidence: [] },
  probe: wellProbe,
  probeFailure: '',
  selfTests: [
    { dispatch: 'loop', passed: true, failure: '', sleepsIn: 'ring', nopMs: 0.1, echoMs: 1.5 },
    {
      dispatch: 'thread',
      passed: true,
      failure: '',
      sleepsIn: 'event-loop',
      nopMs: 0.2,
      echoMs: 2.5,
    },
  ],
};

type Part<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Part<T[K]> }
    : T;

/** The same facts but for what is given; lists are replaced whole. */
export function vary(facts: Facts, part: Part<Facts>): Facts {
  return merge(facts, part) as Facts;
}

function merge(whole: unknown, part: unknown): unknown {
  const isPlain = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isPlain(whole) || !isPlain(part)) return part;
  const result: Record<string, unknown> = { ...whole };
  for (const [name, value] of Object.entries(part)) result[name] = merge(result[name], value);
  return result;
}

/** A machine whose probe was refused. */
export function refused(cause: string, reason: string, part: Part<Facts> = {}): Facts {
  const probe = { ...wellProbe, available: false, cause, reason, hint: 'a hint', errno: -1 };
  return vary({ ...wellFacts, probe, selfTests: [] }, part);
}
