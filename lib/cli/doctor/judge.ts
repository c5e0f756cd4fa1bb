// Judges the facts: what is wrong or worth knowing, why, and what to do. Pure; reads nothing and tries nothing.
import {
  DESCRIPTORS_WANTED,
  judgeProbeFailure,
  judgeSelfTests,
  judgeShortage,
  MEMLOCK_BYTES_WANTED,
} from './judge-attempts';
import { allowInSeccomp, allowInSysctl, raiseDescriptors, raiseMemlock } from './remedies';
import type { DoctorReport, Facts, Finding, ProbeFacts } from './report';

/**
 * Locked memory below which there is a warning. A proactor with default options needs 168 KiB of it on Linux 6.18, and
 * the limit is one for all rings of a user: this is enough for some six.
 */
export const MEMLOCK_BYTES_MIN = 1024 * 1024;
/** Descriptors below which there is a warning: one for each connection. */
export const DESCRIPTORS_MIN = 4096;

const SEVERITIES = ['error', 'warning', 'note'] as const;

/** What a feature is good for: said where it is missing. */
const LOSSES: Readonly<
  Record<string, { severity: 'warning' | 'note'; loss: string; since: string }>
> = {
  deferTaskrun: {
    severity: 'warning',
    loss: 'completions interrupt the thread instead of waiting until they are looked for, which costs CPU and latency',
    since: '6.1',
  },
  incrementalBuffers: {
    severity: 'note',
    loss: 'each receive takes a whole buffer: they are more and smaller, and large messages come in more pieces',
    since: '6.12',
  },
  loopDispatch: {
    severity: 'note',
    loss: 'there is no libuv in this runtime: proactors use thread dispatch',
    since: '',
  },
};

export function judge(facts: Facts, version: string): DoctorReport {
  const obstacles = [...judgeRefusal(facts), ...judgeSelfTests(facts)];
  const findings = [
    ...judgeRuntime(facts),
    ...obstacles,
    ...judgeOperations(facts),
    ...judgeFeatures(facts),
    // Where a limit leaves no room, that it is low was said.
    ...judgeLimits(facts).filter(({ id }) => !obstacles.some((other) => other.id === id)),
    ...judgeRestrictions(facts),
  ].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const has = (severity: Finding['severity']): boolean =>
    findings.some((finding) => finding.severity === severity);
  const verdict = has('error') ? 'unusable' : has('warning') ? 'usable-with-warnings' : 'usable';
  return { format: 1, version, verdict, findings, facts };
}

function judgeRuntime({ system }: Facts): Finding[] {
  if (system.runtime !== 'node') {
    return [
      {
        id: 'node-version',
        severity: 'note',
        what: `this is ${system.runtime}, not Node.js`,
        why: 'Node.js is what the package is made for; other runtimes have its thread dispatch only',
        remedy: [],
      },
    ];
  }
  const needed = Number(/\d+/.exec(system.nodeNeeded)?.[0] ?? 0);
  if (Number.parseInt(system.node, 10) >= needed) return [];
  return [
    {
      id: 'node-version',
      severity: 'error',
      what: `Node.js ${system.node} is too old`,
      why: `the package needs ${system.nodeNeeded}`,
      remedy: [`install Node.js ${needed} or newer`],
    },
  ];
}

/** Why no proactor can be made. */
function judgeRefusal(facts: Facts): Finding[] {
  const { system, probe } = facts;
  if (system.platform !== 'linux') {
    return [
      {
        id: 'platform',
        severity: 'error',
        what: `io_uring is part of Linux; this is ${system.platform}`,
        why: 'importing the package works here, making a Proactor does not',
        remedy: [
          'run it on Linux 6.1 or newer: a virtual machine will do, also that of Docker Desktop or WSL 2',
        ],
      },
    ];
  }
  if (probe === null) return [judgeProbeFailure(facts)];
  // That Node is too old is told by judgeRuntime, also where nothing could be probed.
  if (probe.available || probe.cause === 'node-version') return [];
  return [judgeCause(facts, probe)];
}

function judgeCause(facts: Facts, { cause, reason, hint, call }: ProbeFacts): Finding {
  const { container, sysctl } = facts;
  const finding = (
    id: Finding['id'],
    what: string,
    why: string,
    remedy: readonly string[],
  ): Finding => ({
    id,
    severity: 'error',
    what,
    why,
    remedy,
  });
  switch (cause) {
    case 'sysctl':
      return finding(
        'sysctl',
        `the sysctl kernel.io_uring_disabled is ${sysctl.ioUringDisabled}: io_uring is switched off`,
        sysctl.ioUringDisabled === 1
          ? `${reason}; 1 allows it to CAP_SYS_ADMIN and to the group kernel.io_uring_group (${sysctl.ioUringGroup})`
          : reason,
        allowInSysctl(container.kind),
      );
    case 'seccomp':
      return finding(
        'seccomp',
        'a seccomp filter refuses io_uring',
        reason,
        call.startsWith('io_uring_') ? allowInSeccomp(container.kind) : [hint],
      );
    case 'security-module':
      return judgeSecurityModule(facts, reason);
    case 'memlock':
    case 'descriptors':
    case 'processes':
      return judgeShortage(facts, cause, 'error', reason);
    case 'kernel':
      return judgeKernel(facts, reason);
    case 'binary':
      return finding('binary', "the package's binary cannot be loaded", reason, [hint]);
    default:
      return finding('probe', 'io_uring could not be probed', reason, [hint]);
  }
}

function judgeSecurityModule({ system, container }: Facts, reason: string): Finding {
  const label = system.securityLabel;
  const isConfined = label !== '' && label !== 'unconfined' && label !== 'kernel';
  return {
    id: 'security-module',
    severity: 'error',
    what: 'something other than sysctl and seccomp refuses io_uring, mostly a security module',
    why: isConfined ? `${reason}; this process is confined as '${label}'` : reason,
    remedy: [
      'SELinux: ausearch -m AVC -ts recent shows the refusal; the class is io_uring',
      'AppArmor: journalctl -k | grep DENIED; the rule is io_uring',
      ...(container.kind === 'none'
        ? []
        : ["ask the host's policy: the container cannot change it"]),
    ],
  };
}

function judgeKernel({ system, container }: Facts, reason: string): Finding {
  if (container.kind === 'gvisor') {
    return {
      id: 'kernel',
      severity: 'error',
      what: 'gVisor has no io_uring that this package could use',
      why: reason,
      remedy: [
        "run the container on the host's kernel (runc) or in a virtual machine with Linux 6.1 or newer",
      ],
    };
  }
  return {
    id: 'kernel',
    severity: 'error',
    what: `the kernel ${system.kernel} has no io_uring as the package needs it`,
    why: reason,
    remedy: ['use Linux 6.1 or newer, built with CONFIG_IO_URING'],
  };
}

function judgeOperations({ probe }: Facts): Finding[] {
  if (!probe?.available) return [];
  return Object.entries(probe.operations)
    .filter(([, { available }]) => !available)
    .map(([name, { opcode, needs, since }]) => ({
      id: 'operations',
      severity: 'warning',
      what: `the kernel lacks ${[opcode, ...needs].join(' with ')}`,
      why: `proactor.${name}() throws ERR_PROACTOR_UNSUPPORTED; nothing else needs it`,
      remedy: [
        `use ${since === null ? 'a newer kernel' : `Linux ${since} or newer`}, or do without`,
      ],
    }));
}

function judgeFeatures({ probe }: Facts): Finding[] {
  if (!probe?.available) return [];
  return Object.entries(LOSSES)
    .filter(([name]) => probe.features[name] === false)
    .map(([name, { severity, loss, since }]) => ({
      id: 'features',
      severity,
      what: `no ${name}`,
      why: loss,
      remedy: since === '' ? [] : [`Linux ${since} or newer has it`],
    }));
}

function judgeLimits({ system, limits, container }: Facts): Finding[] {
  const { memlock, descriptors } = limits;
  const isBelow = (soft: number | null | undefined, min: number): soft is number =>
    typeof soft === 'number' && soft < min;
  const found: Finding[] = [];
  if (!system.mayLockMemory && isBelow(memlock.soft, MEMLOCK_BYTES_MIN)) {
    found.push({
      id: 'memlock',
      severity: 'warning',
      what: `only ${memlock.soft / 1024} KiB of memory can be locked`,
      why: 'the kernel counts all rings of a user against it (before 5.12, and newer ones again); a proactor takes some 170 KiB',
      remedy: raiseMemlock(container.kind, MEMLOCK_BYTES_WANTED),
    });
  }
  if (isBelow(descriptors.soft, DESCRIPTORS_MIN)) {
    found.push({
      id: 'descriptors',
      severity: 'warning',
      what: `only ${descriptors.soft} descriptors can be open`,
      why: 'each connection takes one; when none is left, accepting pauses',
      remedy: raiseDescriptors(container.kind, DESCRIPTORS_WANTED),
    });
  }
  return found;
}

/** What does not hinder this process, but may hinder another. */
function judgeRestrictions({ probe, sysctl, seccomp, container }: Facts): Finding[] {
  const found: Finding[] = [];
  const isUsable = probe?.available === true;
  if (isUsable && sysctl.ioUringDisabled === 1) {
    found.push({
      id: 'sysctl',
      severity: 'note',
      what: `the sysctl kernel.io_uring_disabled is 1: this user may use io_uring, others may not`,
      why: `it is for CAP_SYS_ADMIN and the group kernel.io_uring_group (${sysctl.ioUringGroup})`,
      remedy: ['run the service as a member of that group, or as the user that ran this'],
    });
  }
  if (isUsable && seccomp.mode === 2) {
    found.push({
      id: 'seccomp',
      severity: 'note',
      what: 'there is a seccomp filter, and it allows io_uring',
      why: 'what is done through io_uring is not seen by its other rules: see SECURITY.md',
      remedy: [],
    });
  }
  if (container.kind === 'gvisor' && isUsable) {
    found.push({
      id: 'container',
      severity: 'warning',
      what: 'this is gVisor, whose io_uring is an experiment',
      why: 'it is not the Linux that this package is tested on',
      remedy: ["run the container on the host's kernel (runc)"],
    });
  }
  return found;
}
