// The doctor's report for a person: a line for each fact, then what is wrong and what to do. Decides nothing.
import type { Paint } from '../colors';
import type { DoctorReport, Facts, Finding, FindingId, Limit, SelfTest } from './report';

type Mark = 'ok' | 'note' | 'warn' | 'FAIL' | '-';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly mark: Mark;
}

const MARKS = { error: 'FAIL', warning: 'warn', note: 'note' } as const;
const COLORS = { ok: 'green', note: 'cyan', warn: 'yellow', FAIL: 'red', '-': 'bold' } as const;
const KIB = 1024;

export function print(report: DoctorReport, paint: Paint, verbose: boolean): string {
  const { facts } = report;
  const { system } = facts;
  const lines = [
    paint(
      'bold',
      `proactor ${report.version}, ${kernelText(facts)} ${system.arch}, ${system.runtime} ${system.node}`,
    ),
    '',
    ...rowsOf(report).map(
      ({ mark, name, text }) =>
        `  ${paint(COLORS[mark], mark.padEnd(4))}  ${name.padEnd(16)} ${text}`,
    ),
    ...(verbose ? ['', ...operationLines(facts)] : []),
    ...report.findings.flatMap((finding) => ['', ...findingLines(finding, paint)]),
    '',
    conclusionOf(report, paint),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function rowsOf({ facts, findings }: DoctorReport): Row[] {
  /** Without a finding a row is as good as `otherwise`; with some as bad as the gravest, which comes first. */
  const row = (
    ids: readonly FindingId[],
    name: string,
    text: string,
    otherwise: Mark = 'ok',
  ): Row => {
    const gravest = findings.find(({ id }) => ids.includes(id));
    return { name, text, mark: gravest === undefined ? otherwise : MARKS[gravest.severity] };
  };
  const { system, limits, seccomp, sysctl, container, probe, selfTests } = facts;
  const unknown = (value: number | null): string => (value === null ? 'not told' : String(value));
  const rows = [
    row(
      ['node-version'],
      'runtime',
      `${system.runtime} ${system.node} (needs ${system.nodeNeeded})`,
    ),
    row(['platform', 'kernel'], 'kernel', kernelText(facts), isUnknown(facts) ? '-' : 'ok'),
  ];
  if (system.platform !== 'linux') return rows;
  const hindrances = ['probe', 'permissions', 'processes'] as const;
  if (findings.some(({ id }) => (hindrances as readonly FindingId[]).includes(id))) {
    rows.push(row(hindrances, 'probe', facts.probeFailure || 'answered'));
  }
  rows.push(
    row(['binary'], 'binary', binaryText(facts), probe === null ? '-' : 'ok'),
    row(['sysctl'], 'sysctl', `kernel.io_uring_disabled: ${unknown(sysctl.ioUringDisabled)}`),
    row(['seccomp'], 'seccomp', ['none', 'strict', 'a filter'][seccomp.mode ?? -1] ?? 'not told'),
    row(['memlock'], 'locked memory', limitText(limits.memlock, bytesText, system.mayLockMemory)),
    row(['descriptors'], 'descriptors', limitText(limits.descriptors, String)),
    row(
      ['container'],
      'container',
      [container.kind, ...evidenceOf(container.evidence)].join(' '),
      '-',
    ),
  );
  if (system.securityLabel !== '') {
    rows.push(row(['security-module'], 'security module', system.securityLabel, '-'));
  }
  if (!probe?.available) return rows;
  const operations = Object.values(probe.operations);
  const available = operations.filter((operation) => operation.available);
  const names = Object.keys(probe.features).filter((name) => probe.features[name]);
  rows.push(
    row(['operations'], 'operations', `${available.length} of ${operations.length}`),
    row(['features'], 'features', names.join(', ')),
    ...selfTests.map((test) => {
      const isDefault = test.dispatch === probe.defaultDispatch;
      const gravity = isDefault && test.cause !== 'network' ? 'error' : 'warning';
      return {
        name: `${test.dispatch} dispatch`,
        text: selfTestText(test, isDefault),
        mark: test.passed ? ('ok' as const) : MARKS[gravity],
      };
    }),
  );
  return rows;
}

/** No process came to say anything about io_uring. */
function isUnknown({ system, probe, probeFailure }: Facts): boolean {
  return system.platform === 'linux' && probe === null && !probeFailure.includes('SIGSYS');
}

/** 'linux 6.12.1', 'darwin'. */
function kernelText({ system }: Facts): string {
  return `${system.platform} ${system.kernel}`.trimEnd();
}

function evidenceOf(evidence: readonly string[]): string[] {
  return evidence.length === 0 ? [] : [`(${evidence.join(', ')})`];
}

function binaryText({ probe }: Facts): string {
  if (probe === null) return 'not known';
  return probe.binary === null ? 'none' : `${probe.binary} (${probe.libc})`;
}

function bytesText(bytes: number): string {
  return bytes >= KIB * KIB ? `${Math.floor(bytes / KIB / KIB)} MiB` : `${bytes / KIB} KiB`;
}

function limitText(
  { soft, hard }: Limit,
  format: (value: number) => string,
  isLifted = false,
): string {
  if (soft === undefined) return 'not told';
  const text = (value: number | null | undefined): string =>
    typeof value === 'number' ? format(value) : 'unlimited';
  const limit = soft === hard ? text(soft) : `${text(soft)}, can be raised to ${text(hard)}`;
  return isLifted ? `${limit}, not counted (CAP_IPC_LOCK)` : limit;
}

function selfTestText(test: SelfTest, isDefault: boolean): string {
  const { passed, failure, cause, sleepsIn, nopMs, echoMs } = test;
  const role = isDefault ? 'the default; ' : '';
  if (!passed && cause !== 'network') return `${role}${failure}`;
  const sleep = {
    ring: 'sleeps in the ring',
    eventfd: 'sleeps in the event loop, woken by an eventfd',
    'event-loop': 'sleeps in the event loop, woken by the I/O thread',
  }[sleepsIn ?? 'event-loop'];
  const echo = echoMs === null ? 'no echo' : `echo ${echoMs} ms`;
  return `${role}${sleep}; tried: nop ${nopMs} ms, ${echo}`;
}

/** Each operation with what it needs of the kernel, and the flags of the ring. */
function operationLines({ probe }: Facts): string[] {
  if (probe === null) return [];
  const operations = Object.entries(probe.operations).map(
    ([name, { opcode, needs, available, required }]) => {
      const needed = [opcode, ...needs].join(', ');
      const state = available ? 'yes' : 'NO';
      return `  ${state.padEnd(4)}  ${name.padEnd(22)} ${needed}${required ? ' (no proactor without it)' : ''}`;
    },
  );
  const flags = Object.entries(probe.flags).map(
    ([name, isThere]) => `  ${(isThere ? 'yes' : 'NO').padEnd(4)}  ${name}`,
  );
  return [
    'Operations and what they need:',
    ...operations,
    '',
    'Features and flags of a ring:',
    ...flags,
  ];
}

function findingLines({ severity, what, why, remedy }: Finding, paint: Paint): string[] {
  const names = { error: 'Error', warning: 'Warning', note: 'Note' };
  return [
    `${paint(COLORS[MARKS[severity]], `${names[severity]}:`)} ${what}`,
    `  ${why}`,
    ...remedy.map((each) => `  - ${each}`),
  ];
}

function conclusionOf({ verdict, findings, facts }: DoctorReport, paint: Paint): string {
  if (isUnknown(facts)) {
    return paint('red', 'It could not be found out whether io_uring can be used here.');
  }
  if (verdict === 'unusable') return paint('red', 'io_uring cannot be used here.');
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  if (warnings === 0) return paint('green', 'io_uring can be used.');
  const counted = warnings === 1 ? '1 warning' : `${warnings} warnings`;
  return paint('yellow', `io_uring can be used, with ${counted}.`);
}
