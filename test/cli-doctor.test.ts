// `proactor doctor` on this machine, and where io_uring is refused in many ways.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import { Proactor } from 'proactor';
import { examine } from '#lib/cli/doctor/gather';
import type { DoctorReport } from '#lib/cli/doctor/report';
import { operations } from '#lib/operations';
import { type Ended, runCommand } from './support/child';
import { command, expectNoStack, runCli } from './support/cli';
import { temporaryFile } from './support/files';
import { patient } from './support/pace';
import { describeInSandbox, nodeSurvives } from './support/sandbox';
import { textOf } from './support/sources';
import { itUnprivileged, runUnprivileged } from './support/unprivileged';

const { EINVAL, ENOMEM, ENOSYS, EPERM } = osConstants.errno;
const LIMIT_MS = patient(60_000);
const DOCTOR = ['doctor', '--timeout', String(patient(10_000) / 1000)];

function reportOf(ended: Ended): DoctorReport {
  expect(ended).toMatchObject({ stderr: '', timedOut: false });
  return JSON.parse(ended.stdout) as DoctorReport;
}

const errorsOf = ({ findings }: DoctorReport): string[] =>
  findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);

describe('proactor doctor', () => {
  it(
    'finds this machine usable, by trying both dispatchers',
    async () => {
      const ended = await runCli([...DOCTOR, '--json']);
      const report = reportOf(ended);
      expect(ended.code).toBe(0);
      expect(report).toMatchObject({
        format: 1,
        version: JSON.parse(textOf('package.json')).version,
        facts: { probe: { available: true, defaultDispatch: 'loop' }, probeFailure: '' },
      });
      expect(errorsOf(report)).toEqual([]);
      const { probe, selfTests } = report.facts;
      expect(
        selfTests.map(({ dispatch, passed, sleepsIn }) => [dispatch, passed, sleepsIn]),
      ).toEqual([
        ['loop', true, 'ring'],
        ['thread', true, 'event-loop'],
      ]);
      for (const { nopMs, echoMs } of selfTests) {
        expect(nopMs).toBeGreaterThan(0);
        expect(echoMs).toBeGreaterThan(0);
      }
      expect(Object.keys(probe?.operations ?? {})).toEqual(Object.keys(operations));
      expect(probe?.features).toEqual(Proactor.probe().features);
      expect(probe?.flags).toMatchObject({ IORING_FEAT_NODROP: true });
      expect(probe?.binary).toMatch(/\.node$/);
    },
    LIMIT_MS,
  );

  it(
    'tells a person, and exits with 1 only where it has to',
    async () => {
      const env = { NO_COLOR: '1' };
      const ended = await runCli([...DOCTOR, '--verbose'], { env });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(
        /^ {2}ok {4}loop dispatch +the default; sleeps in the ring; tried: nop/m,
      );
      expect(ended.stdout).toMatch(
        /^ {2}yes {3}recvMultishot +IORING_OP_RECV, bufferRing, multishotReceive/m,
      );
      expect(ended.stdout).toMatch(/io_uring can be used.*\.\n$/);
      expect(ended.stdout).not.toContain('\x1b');
      const colored = await runCli([...DOCTOR], { env: { FORCE_COLOR: '1', NO_COLOR: undefined } });
      expect(colored.stdout).toContain('\x1b[32mok');
    },
    LIMIT_MS,
  );

  it(
    'fails for a warning if it is to be strict',
    async () => {
      // A limit that is low enough for a warning, and enough for the tests.
      const limited = (...args: readonly string[]): Promise<Ended> =>
        runCommand(
          'sh',
          ['-c', 'ulimit -n 512; exec "$0" "$@"', process.execPath, command, ...DOCTOR, ...args],
          {
            timeoutMs: LIMIT_MS,
          },
        );
      const report = await limited('--json');
      expect(reportOf(report)).toMatchObject({ verdict: 'usable-with-warnings' });
      expect(report.code).toBe(0);
      const strict = await limited('--strict');
      expect(strict.code).toBe(1);
      expect(strict.stdout).toContain('Warning: only 512 descriptors can be open\n');
    },
    LIMIT_MS,
  );

  it(
    'works in a worker',
    async () => {
      const worker = new Worker(command, {
        argv: [...DOCTOR, '--json'],
        stdout: true,
        stderr: true,
      });
      let stdout = '';
      worker.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      const code = await new Promise((resolve, reject) => {
        worker.once('exit', resolve).once('error', reject);
      });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ facts: { probe: { available: true } } });
    },
    LIMIT_MS,
  );
});

describe('without a binary that can be loaded', () => {
  it.each([
    ['none there', () => '/nowhere/proactor.node', '/nowhere/proactor.node'],
    [
      'no library',
      () => {
        const file = `${temporaryFile()}.node`;
        writeFileSync(file, 'not a library');
        return file;
      },
      'cannot load',
    ],
  ])(
    'it says so: %s',
    async (_name, make, words) => {
      const ended = await runCli([...DOCTOR], { env: { PROACTOR_ADDON: make(), NO_COLOR: '1' } });
      expect(ended).toMatchObject({ code: 1, stderr: '' });
      expect(ended.stdout).toMatch(/^ {2}FAIL {2}binary +none/m);
      expect(ended.stdout).toContain("Error: the package's binary cannot be loaded\n");
      expect(ended.stdout).toContain(words);
      expectNoStack(ended);
    },
    LIMIT_MS,
  );
});

describeInSandbox('where io_uring is refused', (run) => {
  describe.each([
    ['setup', EPERM, 'seccomp'],
    ['setup', ENOSYS, 'seccomp'],
    ['setup', ENOMEM, 'memlock'],
    ['setup', EINVAL, 'kernel'],
    ['enter', EPERM, 'seccomp'],
    ['register', EPERM, 'seccomp'],
    ['setup', 'kill', 'seccomp'],
    ['register', 'kill', 'seccomp'],
  ] as const)('io_uring_%s with %s', (call, refusal, id) => {
    const isPossible = nodeSurvives(call, refusal);
    const why = isPossible ? '' : ' [skipped: this Node itself ends there, in libuv]';
    (isPossible ? it : it.skip)(
      `it finds ${id}${why}`,
      async () => {
        const args = [command, ...DOCTOR, '--json'];
        const ended = await run(call, refusal, args, { timeoutMs: LIMIT_MS });
        expect(ended.code).toBe(1);
        const report = reportOf(ended);
        expect(report.verdict).toBe('unusable');
        expect(errorsOf(report)).toEqual([id]);
        expect(report.findings[0]?.remedy.length).toBeGreaterThan(0);
        expect(report.facts.selfTests).toEqual([]);
        expect(report.facts.probe === null).toBe(refusal === 'kill');
      },
      LIMIT_MS,
    );
  });

  it(
    'a person is told what refuses it and what to do',
    async () => {
      const options = { timeoutMs: LIMIT_MS, env: { NO_COLOR: '1' } };
      const ended = await run('setup', EPERM, [command, ...DOCTOR], options);
      expect(ended).toMatchObject({ code: 1, stderr: '' });
      expect(ended.stdout).toMatch(/^ {2}FAIL {2}seccomp +a filter$/m);
      expect(ended.stdout).toContain('proactor doctor --seccomp-profile');
      expect(ended.stdout).toMatch(/io_uring cannot be used here\.\n$/);
      expectNoStack(ended);
    },
    LIMIT_MS,
  );

  it(
    'bench says so as well, and points to the doctor',
    async () => {
      const options = { timeoutMs: LIMIT_MS };
      const ended = await run('setup', EPERM, [command, 'bench', 'echo'], options);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toMatch(
        /io_uring cannot be used here: .*EPERM.*\n'proactor doctor' says what to do\n$/,
      );
      expectNoStack(ended);
    },
    LIMIT_MS,
  );
});

describe('names what hinders it, and not the kernel', () => {
  const options = { timeoutMs: LIMIT_MS, env: { NO_COLOR: '1' } };

  it(
    'where there are few descriptors',
    async () => {
      // Enough for Node and too few for another process.
      const limited = ['-c', 'ulimit -n 24; exec "$0" "$@"', process.execPath, command];
      const ended = await runCommand('sh', [...limited, ...DOCTOR], options);
      expect(ended).toMatchObject({ code: 1, stderr: '' });
      expect(ended.stdout).toMatch(/^ {2}- {5}kernel/m);
      expect(ended.stdout).toMatch(/^ {2}FAIL {2}descriptors +24$/m);
      expect(ended.stdout).toMatch(/^Error: there are too few descriptors\n {2}.*EMFILE/m);
      expect(ended.stdout).not.toMatch(/report this|Warning/);
    },
    LIMIT_MS,
  );

  it(
    "where Node's permission model lets it start no process",
    async () => {
      const isNew = process.allowedNodeEnvironmentFlags.has('--permission');
      const permission = isNew ? '--permission' : '--experimental-permission';
      const limited = [permission, '--allow-fs-read=*', '--no-warnings'];
      const run = (...more: readonly string[]): Promise<Ended> =>
        runCommand(process.execPath, [...limited, ...more, command, ...DOCTOR], options);
      const ended = await run();
      expect(ended).toMatchObject({ code: 1, stderr: '' });
      expect(ended.stdout).toMatch(/^ {2}- {5}kernel/m);
      expect(ended.stdout).toMatch(/--allow-child-process/);
      expect(ended.stdout).not.toMatch(/report this/);
      // With the same options a program could not load the addon.
      const withProcesses = await run('--allow-child-process');
      expect(withProcesses.code).toBe(1);
      expect(withProcesses.stdout).toMatch(/^ {2}FAIL {2}binary/m);
      expect(withProcesses.stdout).toMatch(/- .*--allow-addons/);
      expect(await run('--allow-child-process', '--allow-addons')).toMatchObject({ code: 0 });
    },
    LIMIT_MS,
  );

  it(
    'where Node is to load no addons',
    async () => {
      const ended = await runCommand(
        process.execPath,
        ['--no-addons', command, ...DOCTOR],
        options,
      );
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(/- start Node without --no-addons/);
    },
    LIMIT_MS,
  );

  const canUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;
  (canUnshare ? it : it.skip)(
    'where the loopback interface is down [needs a network namespace of its own]',
    async () => {
      const args = ['-n', process.execPath, command, ...DOCTOR];
      const ended = await runCommand('unshare', args, options);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(/^Warning: TCP does not work .* node:net neither/m);
      expect(ended.stdout).toMatch(
        /with node:net: .*ENETUNREACH.*; the loopback interface is down$/m,
      );
      expect(ended.stdout).toMatch(/- ip link set lo up/);
      expect(ended.stdout).not.toMatch(/FAIL|dispatch: 'thread'|report this/);
    },
    LIMIT_MS,
  );
});

describe('with too little locked memory', () => {
  itUnprivileged(
    'it says so, if the kernel counts rings',
    async () => {
      const ended = await runUnprivileged(
        65536,
        (folder) => [path.join(folder, 'dist', 'cli', 'main.js'), ...DOCTOR, '--json'],
        LIMIT_MS,
      );
      const report = reportOf(ended);
      const { limits, probe, selfTests, system } = report.facts;
      expect(system.mayLockMemory).toBe(false);
      expect(limits.memlock).toEqual({ soft: 65536, hard: 65536 });
      // Some kernels (5.12 and later ones) count no rings: there it is a warning. Where they are counted, an error.
      // Newer versions of Node have a ring of their own, so that nothing may be left for the probe's.
      const words = [probe?.reason, ...selfTests.map(({ failure }) => failure)];
      const counts = words.some((each) => each?.includes('ENOMEM'));
      expect(report.verdict).toBe(counts ? 'unusable' : 'usable-with-warnings');
      // What helps is in the remedy, once.
      for (const { what, why } of report.findings)
        expect(what + why).not.toMatch(/ulimit|--ulimit/);
      const severities = report.findings
        .filter(({ id }) => id === 'memlock')
        .map(({ severity }) => severity);
      expect(severities).toContain(counts ? 'error' : 'warning');
    },
    LIMIT_MS,
  );
});

describe('the self-test', () => {
  it(
    'that hangs is given up',
    async () => {
      const { value, failure } = await examine('loop', 1);
      expect(value).toBe(undefined);
      expect(failure).toBe('no answer within 0.001 s');
    },
    LIMIT_MS,
  );
});

describe('docs/doctor.md', () => {
  const document = textOf('docs/doctor.md');

  it('has the shape of the report as it is', () => {
    const source = textOf('lib/cli/doctor/report.ts');
    const [, shown] = /^```ts\n([\s\S]*?)^```$/m.exec(document) ?? [];
    expect(shown).toBe(source.slice(source.indexOf('/** What `proactor doctor --json` prints')));
  });

  it('has every kind of finding', () => {
    const [, ids = ''] = /type FindingId =([^;]+);/.exec(textOf('lib/cli/doctor/report.ts')) ?? [];
    const rows = [...document.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id);
    expect(rows).toEqual([...ids.matchAll(/'([a-z-]+)'/g)].map(([, id]) => id));
  });
});
