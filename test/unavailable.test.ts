// Where io_uring is refused, or the addon cannot be loaded: importing works, probe() says why and what to do, and
// constructing a Proactor throws that.
import { writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import type { ProbeReport } from 'proactor';
import type { DoctorReport } from '#lib/cli/doctor/report';
import { NODE_MAJOR_MIN } from '#lib/probe';
import { type Ended, runCommand, sourceOf } from './support/child';
import { runCli } from './support/cli';
import { dispatchers } from './support/dispatchers';
import { temporaryFile } from './support/files';
import { patient } from './support/pace';
import { type Call, describeInSandbox, nodeSurvives } from './support/sandbox';
import { textOf } from './support/sources';

const { EACCES, EINVAL, ENOMEM, ENOSYS, EPERM } = osConstants.errno;

interface Report {
  readonly probe: ProbeReport;
  readonly error: { readonly code: string; readonly message: string; readonly isError: boolean };
}

/** Asks probe(), and tries to make a proactor. */
const askAndTry = ({ Proactor, open }: Parameters<Parameters<typeof sourceOf>[0]>[0]): void => {
  const report = { probe: Proactor.probe(), error: {} };
  try {
    open();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    report.error = { code, message, isError: error instanceof Error };
  }
  console.log(JSON.stringify(report));
};

function reportOf(ended: Ended): Report {
  expect(ended).toMatchObject({ code: 0, stderr: '', timedOut: false });
  return JSON.parse(ended.stdout);
}

function expectRefused({ probe, error }: Report): void {
  expect(probe.available).toBe(false);
  expect(probe.reason).not.toBe('');
  expect(probe.hint).not.toBe('');
  expect(error).toMatchObject({ code: 'ERR_IO_URING_UNAVAILABLE', isError: true });
  expect(error.message).toContain(probe.reason);
  expect(error.message).toContain(probe.hint);
}

const calls = (['setup', 'enter', 'register'] as const).filter((call) => nodeSurvives(call, EPERM));

describeInSandbox('in a sandbox that refuses', (run) => {
  const node = (call: Call, errno: number, ...args: readonly string[]): Promise<Ended> =>
    run(call, errno, args);

  describe.each([
    ['setup', EPERM, 'EPERM', /seccomp/],
    ['setup', ENOSYS, 'ENOSYS', /seccomp/],
    ['setup', ENOMEM, 'ENOMEM', /RLIMIT_MEMLOCK|memory/],
    ['setup', EACCES, 'EACCES', /./],
    ['setup', EINVAL, 'EINVAL', /Linux 6\.1/],
    ['enter', EPERM, 'EPERM', /seccomp/],
    ['enter', ENOSYS, 'ENOSYS', /seccomp/],
    ['register', EPERM, 'EPERM', /seccomp/],
    ['register', ENOSYS, 'ENOSYS', /seccomp/],
  ] as const)('io_uring_%s with errno %i (%s)', (call, errno, code, remedy) => {
    const isPossible = calls.includes(call);
    const why = isPossible ? '' : ' [skipped: without it this Node itself ends, in libuv]';
    (isPossible ? it : it.skip).each(dispatchers)(
      `says why and what to do ($name)${why}`,
      async ({ options }) => {
        const report = reportOf(await node(call, errno, '-e', sourceOf(askAndTry, options)));
        expectRefused(report);
        expect(report.probe.errno).toBe(-errno);
        expect(report.probe.reason).toContain(`io_uring_${call}`);
        expect(report.probe.reason).toContain(code);
        expect(report.probe.hint).toMatch(remedy);
        expect(Object.values(report.probe.features).some((feature) => feature)).toBe(false);
      },
    );
  });

  it('the import of everything, which works as CommonJS and as an ES module', async () => {
    const source =
      "import('proactor').then((m) => console.log(typeof m.Proactor.probe, Object.keys(m).length > 5))";
    expect((await node('setup', EPERM, '-e', source)).stdout).toBe('function true\n');
    const common = "console.log(typeof require('proactor').Proactor.probe)";
    expect((await node('setup', EPERM, '-e', common)).stdout).toBe('function\n');
  });

  it('each construction anew, and without leaving a descriptor or thread behind', async () => {
    const program = ({ open, require }: Parameters<Parameters<typeof sourceOf>[0]>[0]): void => {
      const fs = require('node:fs') as typeof import('node:fs');
      const count = (): number[] =>
        ['fd', 'task'].map((name) => fs.readdirSync(`/proc/self/${name}`).length);
      const attempt = (): string => {
        try {
          open();
          return 'made';
        } catch (error) {
          return (error as NodeJS.ErrnoException).code ?? '';
        }
      };
      const codes = new Set([attempt()]);
      const before = count();
      for (let i = 0; i < 50; i++) codes.add(attempt());
      console.log(...codes, count().join() === before.join());
    };
    for (const { options } of dispatchers) {
      for (const call of calls) {
        const ended = await node(call, EPERM, '-e', sourceOf(program, options));
        expect(ended.stdout).toBe('ERR_IO_URING_UNAVAILABLE true\n');
      }
    }
  });

  it('nothing else: other system calls work as ever', async () => {
    const source = "console.log(require('node:fs').readdirSync('.').length > 0)";
    expect(await node('setup', EPERM, '-e', source)).toMatchObject({ code: 0, stdout: 'true\n' });
  });
});

describe('an addon that cannot be loaded', () => {
  const run = (addon: string): Promise<Ended> =>
    runCommand(process.execPath, ['-e', sourceOf(askAndTry, {})], {
      env: { PROACTOR_ADDON: addon },
    });

  it('is told about where there is none', async () => {
    const report = reportOf(await run('/nowhere/proactor.node'));
    expectRefused(report);
    expect(report.probe.reason).toContain('/nowhere/proactor.node');
    expect(report.probe.errno).toBe(0);
  });

  it('is told about where it is no library', async () => {
    const file = temporaryFile();
    const broken = `${file}.node`;
    writeFileSync(broken, 'not a library');
    const report = reportOf(await run(broken));
    expectRefused(report);
    expect(report.probe.reason).toContain(broken);
  });
});

describe('a Node that is too old', () => {
  // Its number is all that is looked at: here this Node says that it is such a one.
  const preload = (): string =>
    temporaryFile(`Object.defineProperty(process, 'versions', {
      value: { ...process.versions, node: '18.20.8' },
    });`);
  const DOCTOR_MS = patient(60_000);

  it('is refused by the probe and the constructor, with what is needed', async () => {
    const source = sourceOf(askAndTry, {});
    const report = reportOf(
      await runCommand(process.execPath, ['--require', preload(), '-e', source]),
    );
    expectRefused(report);
    expect(report.probe.reason).toBe('Node.js 18.20.8 is too old, the package needs 20 or newer');
    expect(report.probe.hint).toBe('use Node.js 20 or newer');
  });

  it(
    'is found too old by the doctor as well, once',
    async () => {
      const env = { NODE_OPTIONS: `--require ${preload()}` };
      const ended = await runCli(['doctor', '--json'], { env });
      expect(ended).toMatchObject({ code: 1, stderr: '' });
      const { findings, facts } = JSON.parse(ended.stdout) as DoctorReport;
      const errors = findings.filter(({ severity }) => severity === 'error');
      expect(errors).toMatchObject([
        { id: 'node-version', what: 'Node.js 18.20.8 is too old', why: 'the package needs >=20' },
      ]);
      expect(facts.probe).toMatchObject({ available: false, cause: 'node-version' });
    },
    DOCTOR_MS,
  );

  it('is one that npm is told of', () => {
    const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe(`>=${NODE_MAJOR_MIN}`);
  });
});

describe('a runtime without libuv', () => {
  // Those runtimes themselves are the package test's subject; here Node goes by their names.
  it.each(['Bun', 'Deno'])('%s is served by a thread, and loop dispatch says so', async (name) => {
    const versions = JSON.stringify({ ...process.versions, [name.toLowerCase()]: '1.0.0' });
    const program = ({ Proactor, open }: Parameters<Parameters<typeof sourceOf>[0]>[0]): void => {
      const thread = open();
      let code = '';
      let message = '';
      try {
        open({ dispatch: 'loop' });
      } catch (error) {
        ({ code = '', message } = error as NodeJS.ErrnoException);
      }
      const { loopDispatch } = Proactor.probe().features;
      console.log(JSON.stringify({ dispatch: thread.dispatch, loopDispatch, code, message }));
    };
    const ended = await runCommand(process.execPath, [
      '-e',
      `Object.defineProperty(process, 'versions', { value: ${versions} });${sourceOf(program, {})}`,
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({
      dispatch: 'thread',
      loopDispatch: false,
      code: 'ERR_PROACTOR_LOOP_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`libuv.*${name}.*dispatch: 'thread'`)),
    });
  });
});

describe('where io_uring can be used', () => {
  it('probe() says so, and what is there', async () => {
    const ended = await runCommand(process.execPath, [
      '-e',
      sourceOf(({ Proactor }) => console.log(JSON.stringify(Proactor.probe())), {}),
    ]);
    const probe = JSON.parse(ended.stdout) as ProbeReport;
    expect(probe).toMatchObject({ available: true, reason: '', errno: 0, hint: '' });
    expect(probe.kernel).toMatch(/^\d+\.\d+/);
    expect(probe.features).toMatchObject({ bufferRing: true, multishotReceive: true });
    expect(probe.opcodes).toMatchObject({ nop: true, recvMultishot: true, sendZeroCopy: true });
  });
});
