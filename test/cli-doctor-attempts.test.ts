// The doctor's judgement of what its attempts came to: the process that was to probe, and the self-tests.
import { describe, expect, it } from '@jest/globals';
import { failedTest } from '#lib/cli/doctor/failed-test';
import { judge } from '#lib/cli/doctor/judge';
import type { Facts, Finding } from '#lib/cli/doctor/report';
import { failing, findingsOf, noProbe, only, textOf, vary, wellFacts } from './support/doctor';

describe('a probe that did not answer', () => {
  const unknown: readonly [Finding['id'], string, Facts, RegExp, RegExp][] = [
    [
      'probe',
      'a probe that hangs',
      noProbe('no answer within 10 s', 'time'),
      /could not be found out/,
      /--timeout 60/,
    ],
    ['probe', 'a probe that ends', noProbe('it ended with 1'), /could not be found out/, /a bug/],
    [
      'permissions',
      "Node's permission model",
      noProbe('Access to this API has been restricted', 'permissions'),
      /permission model does not let/,
      /--allow-child-process/,
    ],
    [
      'descriptors',
      'no descriptor for a process',
      noProbe('spawn EMFILE', 'descriptors'),
      /too few descriptors/,
      /ulimit -n 65536/,
    ],
    [
      'descriptors',
      'too few for Node',
      vary(noProbe('the process was killed by SIGABRT'), { limits: { descriptors: { soft: 24 } } }),
      /too few descriptors/,
      /ulimit -n 65536/,
    ],
    [
      'processes',
      'no process',
      noProbe('spawn EAGAIN', 'processes'),
      /no process or thread/,
      /ulimit -u 4096/,
    ],
  ];

  it.each(unknown)(
    'of the doctor says nothing of the kernel: %s: %s',
    (id, _, facts, what, help) => {
      const finding = only(facts);
      expect(finding).toMatchObject({ id, severity: 'error' });
      expect(finding.what).toMatch(what);
      expect(finding.remedy.join('\n')).toMatch(help);
      if (id !== 'probe') expect(finding.remedy.join('\n')).not.toMatch(/report/);
      const text = textOf(facts);
      expect(text).toMatch(/^ {2}- {5}kernel +linux/m);
      expect(text).toMatch(
        id === 'descriptors' ? /^ {2}FAIL {2}descriptors/m : /^ {2}FAIL {2}probe/m,
      );
      expect(text).toMatch(/It could not be found out whether io_uring can be used here\.\n$/);
    },
  );
});

describe('a self-test that fails', () => {
  it.each<[Finding['id'], string, Facts, RegExp, RegExp]>([
    [
      'dispatch',
      'a default that does not work',
      failing('loop', 'no answer within 10 s', 'time'),
      /loop dispatch does not work, and it is the default/,
      /--timeout 60.*\n.*dispatch: 'thread'.*\nreport this as a bug/,
    ],
    [
      'memlock',
      'too little for a proactor',
      failing('loop', 'io_uring_setup ENOMEM', 'memlock'),
      /too little locked memory for a proactor \(loop dispatch\)/,
      /ulimit -l 8192/,
    ],
    [
      'descriptors',
      'too few for a proactor',
      failing('loop', 'eventfd EMFILE', 'descriptors'),
      /too few descriptors \(loop dispatch\)/,
      /ulimit -n 65536/,
    ],
    [
      'descriptors',
      'too many files on the system',
      failing('loop', 'eventfd ENFILE', 'descriptors'),
      /too few descriptors/,
      /sysctl -w fs\.file-max=/,
    ],
  ])('on the default dispatch is an error: %s: %s', (id, _, facts, what, remedy) => {
    const finding = only(facts);
    expect(finding).toMatchObject({ id, severity: 'error' });
    expect(finding.what).toMatch(what);
    expect(finding.remedy.join('\n')).toMatch(remedy);
    expect(judge(facts, '').verdict).toBe('unusable');
    expect(textOf(facts)).toMatch(/^ {2}FAIL {2}loop dispatch/m);
  });

  it.each<[Finding['id'], string, Facts, RegExp]>([
    [
      'dispatch',
      'a dispatcher that is not the default',
      failing('thread', 'no answer', null),
      /thread dispatch does not work$/,
    ],
    [
      'processes',
      'no I/O thread',
      failing('thread', 'pthread_create EAGAIN', 'processes'),
      /no process or thread can be started any more \(thread dispatch\)/,
    ],
    [
      'network',
      'a loopback interface that is down',
      vary(wellFacts, {
        selfTests: wellFacts.selfTests.map((test) => ({
          ...test,
          ...{ passed: false, failure: 'ENETUNREACH', cause: 'network', echoMs: null },
        })),
      }),
      /TCP does not work on the loopback interface, with node:net neither/,
    ],
  ])('and keeps nobody from using the other is a warning: %s: %s', (id, _, facts, what) => {
    expect(only(facts)).toMatchObject({ id, severity: 'warning' });
    expect(only(facts).what).toMatch(what);
    expect(judge(facts, '').verdict).toBe('usable-with-warnings');
    expect(textOf(facts)).toMatch(/^ {2}warn {2}thread dispatch/m);
  });

  it('on both dispatchers by the same cause is told once', () => {
    const tests = (['loop', 'thread'] as const).map((dispatch) =>
      failedTest(dispatch, 'eventfd EMFILE', 'descriptors'),
    );
    const limits = { descriptors: { soft: 30, hard: 30 } };
    const { what, severity, remedy } = only(vary(wellFacts, { selfTests: tests, limits }));
    expect([what, severity]).toEqual([
      'there are too few descriptors (loop and thread dispatch)',
      'error',
    ]);
    expect(remedy.join()).not.toMatch(/bug|dispatch/);
  });

  it('does not recommend thread dispatch where that fails as well', () => {
    const tests = (['loop', 'thread'] as const).map((dispatch) =>
      failedTest(dispatch, 'odd', null),
    );
    const findings = findingsOf(vary(wellFacts, { selfTests: tests }));
    expect(findings.map(({ id, severity }) => [id, severity])).toEqual([
      ['dispatch', 'error'],
      ['dispatch', 'warning'],
    ]);
    for (const { remedy } of findings) expect(remedy).toEqual([expect.stringMatching(/^report/)]);
  });
});
