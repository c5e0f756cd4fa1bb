// The doctor's judgement, and its text: from facts alone, so that every machine there is can be tried.
import { describe, expect, it } from '@jest/globals';
import { painter } from '#lib/cli/colors';
import { DESCRIPTORS_MIN, judge, MEMLOCK_BYTES_MIN } from '#lib/cli/doctor/judge';
import { print } from '#lib/cli/doctor/print';
import type { Container, Facts, Finding } from '#lib/cli/doctor/report';
import { findingsOf, noProbe, only, refused, textOf, vary, wellFacts } from './support/doctor';

describe('where all is well', () => {
  it('there is no finding', () => {
    expect(judge(wellFacts, '1.2.3')).toEqual({
      format: 1,
      version: '1.2.3',
      verdict: 'usable',
      findings: [],
      facts: wellFacts,
    });
  });

  it('the text has a line for each fact', () => {
    expect(textOf(wellFacts)).toBe(`proactor 1.2.3, linux 6.12.1 x64, node 22.1.0

  ok    runtime          node 22.1.0 (needs >=20)
  ok    kernel           linux 6.12.1
  ok    binary           /app/proactor.glibc.node (glibc 2.36)
  ok    sysctl           kernel.io_uring_disabled: 0
  ok    seccomp          none
  ok    locked memory    8 MiB
  ok    descriptors      65536
  -     container        none
  ok    operations       2 of 2
  ok    features         deferTaskrun, bufferRing, incrementalBuffers, multishotReceive, loopDispatch
  ok    loop dispatch    the default; sleeps in the ring; tried: nop 0.1 ms, echo 1.5 ms
  ok    thread dispatch  sleeps in the event loop, woken by the I/O thread; tried: nop 0.2 ms, echo 2.5 ms

io_uring can be used.
`);
  });

  it('--verbose lists operations with what they need', () => {
    const text = textOf(wellFacts, true);
    expect(text).toMatch(/^ {2}yes {3}send +IORING_OP_SEND \(no proactor without it\)$/m);
    expect(text).toMatch(
      /^ {2}yes {3}timeoutMultishot +IORING_OP_TIMEOUT, IORING_TIMEOUT_MULTISHOT$/m,
    );
    expect(text).toMatch(/^ {2}yes {3}IORING_FEAT_NODROP$/m);
  });
});

describe('an error', () => {
  const cases: readonly [Finding['id'], string, Facts, RegExp, RegExp][] = [
    [
      'platform',
      'macOS',
      refused('platform', '', { system: { platform: 'darwin' } }),
      /darwin/,
      /virtual machine/,
    ],
    [
      'platform',
      'Windows',
      refused('platform', '', { system: { platform: 'win32' } }),
      /win32/,
      /Linux 6\.1/,
    ],
    [
      'node-version',
      'an old Node',
      vary(wellFacts, { system: { node: '18.20.1' } }),
      /18\.20\.1/,
      /Node\.js 20/,
    ],
    [
      'binary',
      'no binary',
      refused('binary', 'no proactor binary for linux-riscv64'),
      /binary/,
      /a hint/,
    ],
    [
      'sysctl',
      'switched off',
      refused('sysctl', '', { sysctl: { ioUringDisabled: 2 } }),
      /is 2/,
      /sysctl -w kernel\.io_uring_disabled=0/,
    ],
    [
      'sysctl',
      'for a group',
      refused('sysctl', '', { sysctl: { ioUringDisabled: 1, ioUringGroup: 27 } }),
      /is 1/,
      /kernel\.io_uring_group=GID/,
    ],
    [
      'seccomp',
      'a filter',
      refused('seccomp', ''),
      /seccomp filter refuses/,
      /SystemCallFilter=io_uring_setup io_uring_enter io_uring_register/,
    ],
    [
      'seccomp',
      'a filter that kills',
      noProbe('the process was killed by SIGSYS'),
      /kills/,
      /SystemCallFilter/,
    ],
    [
      'security-module',
      'SELinux',
      refused('security-module', '', { system: { securityLabel: 'container_t' } }),
      /security module/,
      /ausearch/,
    ],
    [
      'kernel',
      'an old kernel',
      refused('kernel', ''),
      /6\.12\.1 has no io_uring/,
      /CONFIG_IO_URING/,
    ],
    [
      'kernel',
      'gVisor',
      refused('kernel', '', { container: { kind: 'gvisor' } }),
      /gVisor/,
      /runc/,
    ],
    [
      'memlock',
      'no locked memory',
      refused('memlock', ''),
      /locked memory/,
      /LimitMEMLOCK=8388608/,
    ],
    ['descriptors', 'no descriptor', refused('descriptors', ''), /descriptor/, /LimitNOFILE=65536/],
    ['probe', 'a bug', refused('bug', 'TypeError'), /could not be probed/, /a hint/],
    [
      'seccomp',
      'a filter of something else',
      refused('seccomp', 'socketpair', { probe: { call: 'socketpair' } as never }),
      /seccomp/,
      /a hint/,
    ],
  ];

  it.each(cases)('%s: %s', (id, _name, facts, what, remedy) => {
    const finding = only(facts);
    expect(finding).toMatchObject({ id, severity: 'error' });
    expect(finding.what).toMatch(what);
    expect(finding.why).not.toBe(undefined);
    expect(finding.remedy.join('\n')).toMatch(remedy);
    expect(judge(facts, '').verdict).toBe('unusable');
    const text = textOf(facts);
    expect(text).toContain(`Error: ${finding.what}\n`);
    expect(text).toMatch(/^ {2}FAIL /m);
    expect(text).toMatch(/io_uring cannot be used here\.\n$/);
  });

  it('names what confines the process', () => {
    const facts = refused('security-module', 'EPERM', {
      system: { securityLabel: 'docker-default (enforce)' },
    });
    expect(only(facts).why).toContain("'docker-default (enforce)'");
    const unconfined = refused('security-module', 'EPERM', {
      system: { securityLabel: 'unconfined' },
    });
    expect(only(unconfined).why).toBe('EPERM');
  });

  it('comes before warnings', () => {
    const facts = refused('seccomp', '', { limits: { descriptors: { soft: 256, hard: 256 } } });
    expect(findingsOf(facts).map(({ severity }) => severity)).toEqual(['error', 'warning']);
  });
});

describe('a warning', () => {
  const lacking = (feature: string): Facts =>
    vary(wellFacts, { probe: { features: { [feature]: false } } } as never);

  it.each<[Finding['id'], string, Facts, RegExp]>([
    [
      'descriptors',
      'few descriptors',
      vary(wellFacts, { limits: { descriptors: { soft: DESCRIPTORS_MIN - 1 } } }),
      /4095 descriptors/,
    ],
    [
      'memlock',
      'little locked memory',
      vary(wellFacts, { limits: { memlock: { soft: 65536 } } }),
      /64 KiB/,
    ],
    [
      'operations',
      'a missing operation',
      vary(wellFacts, {
        probe: { operations: { timeoutMultishot: { available: false } } },
      } as never),
      /IORING_OP_TIMEOUT with IORING_TIMEOUT_MULTISHOT/,
    ],
    ['features', 'no DEFER_TASKRUN', lacking('deferTaskrun'), /no deferTaskrun/],
    [
      'container',
      'a gVisor that has io_uring',
      vary(wellFacts, { container: { kind: 'gvisor' } }),
      /gVisor/,
    ],
  ])('%s: %s', (id, _name, facts, what) => {
    expect(only(facts)).toMatchObject({ id, severity: 'warning' });
    expect(only(facts).what).toMatch(what);
    expect(judge(facts, '').verdict).toBe('usable-with-warnings');
    expect(textOf(facts)).toMatch(/^ {2}warn /m);
    expect(textOf(facts)).toMatch(/io_uring can be used, with 1 warning\.\n$/);
  });

  it('says which method is lost, and since when there is what it needs', () => {
    const facts = vary(wellFacts, {
      probe: { operations: { timeoutMultishot: { available: false } } },
    } as never);
    expect(only(facts).why).toContain('timeoutMultishot()');
    expect(only(facts).remedy.join()).toContain('Linux 6.4');
    expect(textOf(facts)).toMatch(/^ {2}warn {2}operations +1 of 2$/m);
  });

  it.each([
    [
      'at the bound',
      { limits: { memlock: { soft: MEMLOCK_BYTES_MIN }, descriptors: { soft: DESCRIPTORS_MIN } } },
    ],
    ['without a limit', { limits: { memlock: { soft: null }, descriptors: { soft: null } } }],
    ['with CAP_IPC_LOCK', { limits: { memlock: { soft: 0 } }, system: { mayLockMemory: true } }],
  ])('of limits does not come %s', (_name, part) => {
    expect(findingsOf(vary(wellFacts, part as never))).toEqual([]);
  });
});

describe('a note', () => {
  it.each<[Finding['id'], string, Facts]>([
    [
      'sysctl',
      'the sysctl allows this user only',
      vary(wellFacts, { sysctl: { ioUringDisabled: 1, ioUringGroup: 27 } }),
    ],
    ['seccomp', 'a filter allows io_uring', vary(wellFacts, { seccomp: { mode: 2 } })],
    [
      'features',
      'no incremental buffers',
      vary(wellFacts, { probe: { features: { incrementalBuffers: false } } } as never),
    ],
    [
      'dispatch',
      'an eventfd',
      vary(wellFacts, { selfTests: [{ ...wellFacts.selfTests[0]!, sleepsIn: 'eventfd' }] }),
    ],
    ['node-version', 'another runtime', vary(wellFacts, { system: { runtime: 'bun' } })],
  ])('%s: %s', (id, _name, facts) => {
    expect(only(facts)).toMatchObject({ id, severity: 'note' });
    expect(judge(facts, '').verdict).toBe('usable');
    expect(textOf(facts)).toMatch(/io_uring can be used\.\n$/);
  });
});

describe('remedies', () => {
  const kinds: readonly [Container['kind'], RegExp, RegExp][] = [
    [
      'docker',
      /docker run --security-opt seccomp=io_uring\.json/,
      /docker run --ulimit nofile=65536/,
    ],
    [
      'podman',
      /podman run --security-opt seccomp=io_uring\.json/,
      /podman run --ulimit nofile=65536/,
    ],
    ['kubernetes', /localhostProfile: profiles\/io_uring\.json/, /containerd\.service/],
    ['containerd', /localhostProfile/, /containerd\.service/],
    ['lxc', /lxc\.seccomp\.profile/, /ulimit -n 65536/],
    ['systemd-nspawn', /--system-call-filter=/, /LimitNOFILE=65536/],
    ['other', /SystemCallFilter=/, /LimitNOFILE=65536/],
  ];

  it.each(kinds)('speak the language of %s', (kind, seccomp, limit) => {
    const container = { kind, evidence: ['a sign'] };
    const filter = only(refused('seccomp', '', { container })).remedy.join('\n');
    expect(filter).toMatch(seccomp);
    expect(filter).toContain('SECURITY.md');
    expect(only(refused('descriptors', '', { container })).remedy.join('\n')).toMatch(limit);
    const sysctl = refused('sysctl', '', { container, sysctl: { ioUringDisabled: 2 } });
    expect(only(sysctl).remedy.every((each) => each.startsWith('on the host: '))).toBe(true);
  });

  it('never are to turn seccomp off', () => {
    for (const [kind] of kinds) {
      const facts = refused('seccomp', '', { container: { kind, evidence: [] } });
      for (const each of only(facts).remedy) {
        if (/unconfined|privileged/.test(each)) expect(each).toMatch(/do not turn seccomp off/);
      }
    }
  });
});

describe('the text', () => {
  it('has colours where they are wanted', () => {
    const report = judge(wellFacts, '1.2.3');
    expect(print(report, painter(true), false)).toContain('\x1b[32mok  \x1b[39m');
    expect(print(report, painter(false), false)).not.toContain('\x1b');
  });

  it('is short where there is no Linux', () => {
    const facts = refused('platform', '', {
      system: { platform: 'darwin', kernel: '', arch: 'arm64' },
    });
    const text = textOf(facts);
    expect(text).toContain('proactor 1.2.3, darwin arm64, node 22.1.0\n');
    expect(text).not.toContain('sysctl');
  });
});
