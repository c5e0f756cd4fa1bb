// The command `proactor`: what it is called with, and where it cannot follow.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { wantsColors } from '#lib/cli/colors';
import { type Ended, runCommand } from './support/child';
import { command, expectNoStack, runCli } from './support/cli';
import { patient } from './support/pace';
import { textOf } from './support/sources';

const manifest = JSON.parse(textOf('package.json')) as {
  version: string;
  bin: Record<string, string>;
};

/** The command in a line of the shell, as `"$0" "$@"`. */
const runShell = (line: string, args: readonly string[]): Promise<Ended> =>
  runCommand('sh', ['-c', line, command, ...args], { timeoutMs: 60_000 });

describe('proactor', () => {
  it('--version is that of package.json', async () => {
    const ended = await runCli(['--version']);
    expect(ended).toMatchObject({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it.each([
    [['--help'], /^Usage: proactor COMMAND/],
    [['-h'], /doctor .*\n.*bench echo /],
    [['help'], /^Usage: proactor COMMAND/],
    [['help', 'doctor'], /^Usage: proactor doctor/],
    [['help', 'bench'], /^Usage: proactor bench echo/],
    [['doctor', '--help'], /--seccomp-profile/],
    [['bench', '--help'], /--connections N/],
    [['bench', 'echo', '--help'], /--connections N/],
  ])('%j helps', async (args, text) => {
    const ended = await runCli(args);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(text);
  });

  it.each([
    [[], /command is missing: doctor or bench/],
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['toString'], /unknown command 'toString'/],
    [['--frobnicate'], /unknown option '--frobnicate'/],
    [['doctor', '--frobnicate'], /Unknown option '--frobnicate'/],
    [['doctor', '--json=1'], /--json/],
    [['doctor', 'me'], /unexpected argument 'me'/],
    [['doctor', '--timeout', 'long'], /--timeout must be a number from 0\.1 to 600, not 'long'/],
    [['doctor', '--timeout', '0'], /--timeout must be/],
    [['doctor', '--seccomp-profile', 'a.json', 'b.json'], /unexpected argument 'b\.json'/],
    [['doctor', '--seccomp-profile', '/nowhere/a.json'], /cannot read the profile: .*\/nowhere/],
    [['bench'], /There is 'bench echo'/],
    [['bench', 'churn'], /unknown workload 'churn'/],
    [['bench', 'echo', 'twice'], /unexpected argument 'twice'/],
    [['bench', 'echo', '--connections', '0'], /--connections must be an integer from 1 to 4096/],
    [['bench', 'echo', '--size', '1.5'], /--size must be an integer/],
    [['bench', 'echo', '--size', '1048576', '--depth', '17'], /must not be above 16777216/],
    [['bench', 'echo', '--seconds', '1e3'], /--seconds must be a number/],
    [['bench', 'echo', '--rounds=-1'], /--rounds must be an integer/],
  ])('%j is wrong usage', async (args, message) => {
    const ended = await runCli(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).toMatch(/^proactor: .*\nproactor --help shows what there is\n$/);
  });

  it('is a program that the shell can run', () => {
    const file = path.join(
      path.dirname(require.resolve('proactor/package.json')),
      manifest.bin['proactor'] ?? '',
    );
    expect(file).toBe(command);
    expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(file).mode & 0o111).toBe(0o111);
    expect(String(spawnSync(file, ['--version']).stdout)).toBe(`${manifest.version}\n`);
  });

  it('says nothing when nobody reads what it prints', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `"${command}" doctor --help | true`]);
    expect([status, String(stderr)]).toEqual([0, '']);
  });
});

describe('where the output cannot be written', () => {
  const NO_SPACE =
    'proactor: the output cannot be written: ENOSPC: no space left on device, write\n';
  const limitMs = patient(60_000);

  it.each([
    ['--help'],
    ['--version'],
    ['help', 'doctor'],
    ['doctor', '--help'],
    ['doctor'],
    ['doctor', '--json'],
    ['doctor', '--seccomp-profile'],
    ['bench', '--help'],
    ['bench', 'echo', '--seconds', '0.05', '--rounds', '1', '--connections', '1'],
    ['bench', 'echo', '--json', '--seconds', '0.05', '--rounds', '1', '--connections', '1'],
  ])(
    'it says so, with a status of its own: %s %s %s',
    async (...args) => {
      const ended = await runShell('"$0" "$@" >/dev/full', args);
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toContain(NO_SPACE);
      expectNoStack(ended);
    },
    limitMs,
  );

  it('a descriptor that is for reading is no better', async () => {
    const ended = await runShell('"$0" "$@" 1</dev/null', ['--version']);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/cannot be written: EBADF/);
  });

  it.each([
    [2, ['frobnicate'], '2>/dev/full'],
    [0, ['doctor', '--seccomp-profile'], '2>/dev/full'],
    [3, ['--version'], '>/dev/full 2>/dev/full'],
  ])('the status %i is that of %j with %s', async (code, args, redirection) => {
    const ended = await runShell(`"$0" "$@" ${redirection}`, args);
    expect(ended).toMatchObject({ code, stderr: '' });
    expectNoStack(ended);
  });
});

describe('colours', () => {
  it.each([
    [true, { TERM: 'xterm' }, true],
    [true, { TERM: 'xterm', NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [true, { TERM: 'xterm', FORCE_COLOR: '0' }, false],
    [false, { TERM: 'xterm' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '0' }, false],
    [false, { NO_COLOR: '1' }, false],
  ])('on a terminal: %s, %o: %s', (isTerminal, env, wanted) => {
    expect(wantsColors(isTerminal, env)).toBe(wanted);
  });
});
