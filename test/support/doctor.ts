// Facts for the doctor to judge: those of a machine where all is well, and variations of it.
import { expect } from '@jest/globals';
import { painter } from '#lib/cli/colors';
import { failedTest } from '#lib/cli/doctor/failed-test';
import { judge } from '#lib/cli/doctor/judge';
import { print } from '#lib/cli/doctor/print';
import type { Facts, Finding, ProbeFacts } from '#lib/cli/doctor/report';

export const wellProbe: ProbeFacts = {
  available: true,
  cause: null,
  reason: '',
  hint: '',
  errno: 0,
  call: '',
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
  probeObstacle: null,
  selfTests: [
    {
      dispatch: 'loop',
      passed: true,
      failure: '',
      cause: null,
      sleepsIn: 'ring',
      nopMs: 0.1,
      echoMs: 1.5,
    },
    {
      dispatch: 'thread',
      passed: true,
      failure: '',
      cause: null,
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
  const probe = {
    ...wellProbe,
    available: false,
    cause,
    reason,
    hint: 'a hint',
    errno: -1,
    call: 'io_uring_setup',
  };
  return vary({ ...wellFacts, probe, selfTests: [] }, part);
}

/** A machine of which nothing is known, for the process that was to probe did not come to it. */
export const noProbe = (
  probeFailure: string,
  probeObstacle: Facts['probeObstacle'] = null,
): Facts => ({
  ...wellFacts,
  ...{ probe: null, probeFailure, probeObstacle, selfTests: [] },
});

export const findingsOf = (facts: Facts): readonly Finding[] => judge(facts, '1.2.3').findings;

export const textOf = (facts: Facts, verbose = false): string =>
  print(judge(facts, '1.2.3'), painter(false), verbose);

/** Where the self-test of one dispatcher fails. */
export function failing(dispatch: 'loop' | 'thread', failure: string, cause: string | null): Facts {
  const selfTests = wellFacts.selfTests.map((test) =>
    test.dispatch === dispatch ? failedTest(dispatch, failure, cause) : test,
  );
  return vary(wellFacts, { selfTests });
}

/** The one finding that there is. */
export function only(facts: Facts): Finding {
  const findings = findingsOf(facts);
  expect(findings).toHaveLength(1);
  return findings[0]!;
}
