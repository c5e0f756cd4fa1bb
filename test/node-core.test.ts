// scripts/node-core.mjs, on a tiny checkout of the test's own in the place of Node's.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Ended, runCommand } from './support/child';
import { temporaryFolder } from './support/files';

interface Outcome {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly reason?: string;
}

/** A checkout with these tests; what stands for `assert` is there. */
function checkout(tests: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const name of ['common', 'parallel', 'sequential'])
    mkdirSync(path.join(folder, 'test', name), { recursive: true });
  writeFileSync(path.join(folder, 'test', 'common', 'index.js'), '');
  for (const [name, source] of Object.entries(tests)) {
    const text = `const assert = require('assert');\n${source}`;
    writeFileSync(path.join(folder, 'test', name), name.endsWith('.mjs') ? source : text);
  }
  return folder;
}

function runScript(folder: string, args: readonly string[] = []): Promise<Ended> {
  const command = ['scripts/node-core.mjs', folder, '--net', 'node', ...args];
  return runCommand(process.execPath, command, { timeoutMs: 60_000 });
}

/** Runs one test as test-net-one.js and returns its outcome. */
async function outcomeOf(source: string, args: readonly string[] = []): Promise<Outcome> {
  const folder = checkout({ 'parallel/test-net-one.js': source });
  const json = path.join(folder, 'outcomes.json');
  const { stdout, stderr } = await runScript(folder, ['--json', json, ...args]);
  expect(stderr).toBe('');
  const { tests } = JSON.parse(readFileSync(json, 'utf8')) as { tests: Outcome[] };
  expect(tests).toHaveLength(1);
  const { status, reason } = tests[0]!;
  expect(stdout).toContain(`${status.padEnd(7)} parallel/test-net-one.js`);
  if (reason !== undefined) expect(stdout).toContain(reason);
  return { name: 'one', status, ...(reason === undefined ? {} : { reason }) };
}

// Fails where `net` is redirected only, which the script takes for a failure of the net that is tested.
const FAILING = "if (process.env.PROACTOR_NODE_CORE) throw new TypeError('not so');";

/** A process that nobody has waited for yet does not run either. */
function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [XZ] /.test(readFileSync(stat, 'utf8'));
}

function exceptionsFile(content: unknown): string {
  const file = path.join(temporaryFolder(), 'exceptions.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe("a test of Node's", () => {
  it('passes when it ends with 0', async () => {
    expect(await outcomeOf('')).toEqual({ name: 'one', status: 'passed' });
  });

  it('fails when it ends otherwise, with the line that tells why', async () => {
    expect(await outcomeOf(`console.log('a line');${FAILING}`)).toEqual({
      name: 'one',
      status: 'failed',
      reason: 'TypeError: not so',
    });
  });

  it('fails when a signal ends it', async () => {
    const source = "if (process.env.PROACTOR_NODE_CORE) process.kill(process.pid, 'SIGKILL');";
    expect(await outcomeOf(source)).toMatchObject({ status: 'failed', reason: 'died of SIGKILL' });
  });

  it('fails when it does not end, and is killed with what it started', async () => {
    const source = `
      const { spawn } = require('child_process');
      if (!process.env.PROACTOR_NODE_CORE) process.exit();
      const child = spawn('sleep', ['1000'], { stdio: 'inherit' });
      console.log('child', child.pid, '.');`;
    const folder = checkout({ 'parallel/test-net-one.js': source });
    const { code, stdout } = await runScript(folder, ['--timeout', '1']);
    expect(code).toBe(1);
    expect(stdout).toContain('FAILED: parallel/test-net-one.js: not ended after 1 s');
    expect(isRunning(/child (\d+) /.exec(stdout)?.[1] ?? '')).toBe(false);
  });

  it('is over when it has ended, and so is what it left in a group of its own', async () => {
    const source = `
      const { spawn } = require('child_process');
      const child = spawn('sleep', ['1000'], { stdio: 'inherit', detached: true });
      child.unref();
      console.log('child', child.pid, '.');
      ${FAILING}`;
    const folder = checkout({ 'parallel/test-net-one.js': source });
    const { stdout } = await runScript(folder);
    expect(stdout).toContain('FAILED: parallel/test-net-one.js: TypeError: not so');
    expect(isRunning(/child (\d+) /.exec(stdout)?.[1] ?? '')).toBe(false);
  });

  it('is skipped when it fails without the redirection as well', async () => {
    expect(await outcomeOf("throw new RangeError('nowhere')")).toMatchObject({
      status: 'skipped',
      reason: 'fails with node:net here as well: RangeError: nowhere',
    });
  });

  it('is skipped when it says so', async () => {
    expect(await outcomeOf("console.log('1..0 # Skipped: no IPv6')")).toMatchObject({
      status: 'skipped',
      reason: 'no IPv6',
    });
  });

  it('is skipped when it touches internals', async () => {
    const source = `${FAILING} require('net')._handle; // process.binding`;
    expect(await outcomeOf(source)).toMatchObject({
      status: 'skipped',
      reason: 'touches internals: process.binding, _handle',
    });
    expect(await outcomeOf(source, ['--no-exceptions'])).toMatchObject({ status: 'failed' });
  });

  it('has the flags that it asks for, internals that are not of connections among them', async () => {
    const source = `// Flags: --expose-gc --expose-internals
      assert.strictEqual(typeof gc, 'function');
      require('internal/timers');`;
    expect(await outcomeOf(source)).toEqual({ name: 'one', status: 'passed' });
  });

  it('has a folder of its own, its own command line, and input that ends', async () => {
    const source = `
      const fs = require('fs');
      assert.deepStrictEqual(process.execArgv, []);
      assert.deepStrictEqual(fs.readdirSync(process.env.NODE_TEST_DIR), []);
      assert.match(process.env.TEST_THREAD_ID, /^[01]$/);
      process.stdin.resume();`;
    expect(await outcomeOf(source)).toEqual({ name: 'one', status: 'passed' });
  });
});

describe('an exception', () => {
  const skip = (entry: object): string[] => {
    const name = 'parallel/test-net-one.js';
    return ['--exceptions', exceptionsFile({ skip: { [name]: entry } })];
  };
  const line = process.versions.node.split('.')[0]!;

  it('lets a test fail', async () => {
    expect(await outcomeOf(FAILING, skip({ reason: 'because' }))).toMatchObject({
      status: 'skipped',
      reason: 'because',
    });
  });

  it('is told of when it is not needed', async () => {
    const folder = checkout({ 'parallel/test-net-one.js': '' });
    const { code, stdout } = await runScript(folder, skip({ reason: 'because' }));
    expect(code).toBe(0);
    expect(stdout).toContain('passes, though excepted: parallel/test-net-one.js: because\n');
    expect(stdout).toContain('1 passed, 0 failed, 0 skipped');
  });

  it('keeps a test from being run that hangs', async () => {
    const folder = checkout({ 'parallel/test-net-one.js': "console.log('is run')" });
    const { stdout } = await runScript(folder, skip({ reason: 'because', hangs: true }));
    expect(stdout).toContain('skipped parallel/test-net-one.js: because\n');
  });

  it('can be for some lines of Node', async () => {
    const here = skip({ reason: 'because', lines: ['1', line] });
    expect(await outcomeOf(FAILING, here)).toMatchObject({ status: 'skipped' });
    const elsewhere = skip({ reason: 'because', lines: ['1'] });
    expect(await outcomeOf(FAILING, elsewhere)).toMatchObject({ status: 'failed' });
  });

  it('can be for one dispatcher', async () => {
    const thread = skip({ reason: 'because', dispatch: 'thread' });
    expect(await outcomeOf(FAILING, thread)).toMatchObject({ status: 'failed' });
  });

  it('can let one be run that touches internals', async () => {
    const run = { 'parallel/test-net-one.js': { reason: 'harmless' } };
    const args = ['--exceptions', exceptionsFile({ run })];
    expect(await outcomeOf(`${FAILING} // _handle`, args)).toMatchObject({ status: 'failed' });
  });

  it.each([
    [{ skip: { 'parallel/a.js': {} } }, 'skip, parallel/a.js: a reason is needed'],
    [{ run: { 'parallel/a.js': { reason: 'r', lines: ['20'] } } }, 'lines is not known'],
    [{ skip: { 'parallel/a.js': { reason: 'r', lines: [20] } } }, 'lines is an array of lines'],
    [{ skip: { 'parallel/a.js': { reason: 'r', hangs: 'yes' } } }, 'hangs is true or false'],
    [{ others: {} }, 'others is neither skip nor run'],
  ])('%j is refused', async (content, problem) => {
    const folder = checkout({ 'parallel/test-net-one.js': '' });
    const { code, stderr } = await runScript(folder, ['--exceptions', exceptionsFile(content)]);
    expect(code).toBe(1);
    expect(stderr).toContain(problem);
  });
});

describe('the script', () => {
  const folderOfAll = (): string =>
    checkout({
      'parallel/test-net-one.js': '',
      'parallel/test-net-two.js': "console.log('1..0 # Skipped: why')",
      'parallel/test-pipe-some.js': "require('net')",
      'parallel/test-pipe-other.js': "require('tls')",
      'parallel/test-http-some.mjs': "import 'node:net';",
      'parallel/not-a-test.js': 'throw 1',
      'sequential/test-net-three.js': FAILING,
    });
  const namesIn = (stdout: string): string[] =>
    [...stdout.matchAll(/^(?:passed|failed|skipped) +(\S+\.m?js)/gm)].map(([, name = '']) => name);

  it('counts, fails, and has those that run alone last', async () => {
    const { code, stdout } = await runScript(folderOfAll());
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed, 1 skipped');
    expect(stdout).toContain('skipped: why: parallel/test-net-two.js');
    expect(namesIn(stdout).at(-1)).toBe('sequential/test-net-three.js');
  });

  it('runs the suites that it is told to', async () => {
    const folder = folderOfAll();
    const users = await runScript(folder, ['--suite', 'net-users']);
    expect([users.code, namesIn(users.stdout)]).toEqual([0, ['parallel/test-pipe-some.js']]);
    const some = await runScript(folder, ['--suite', 'net-users', '--suite', 'http']);
    expect(namesIn(some.stdout).sort()).toEqual([
      'parallel/test-http-some.mjs',
      'parallel/test-pipe-some.js',
    ]);
  });

  it('runs the tests that it is told to', async () => {
    const { code, stdout } = await runScript(folderOfAll(), ['--only', 'net-(one|two)']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 0 failed, 1 skipped');
  });

  it('fails when nothing passed', async () => {
    const { code, stdout } = await runScript(folderOfAll(), ['--only', 'net-two']);
    expect(code).toBe(1);
    expect(stdout).toContain('0 passed, 0 failed, 1 skipped');
  });

  it.each([
    [['--suite', 'all'], '--suite is one of net, net-users, http, https, http2, tls, not all'],
    [['--net', 'mine'], '--net is one of proactor, node, not mine'],
    [['--dispatch', 'loop'], '--dispatch is for --net proactor'],
    [['--jobs', '0'], '--jobs: 0 is no such number'],
    [['--timeout', 'x'], '--timeout: x is no such number'],
    [['--only', '('], '--only: Invalid regular expression'],
    [['--only', 'nothing'], 'no test of net is called so'],
    [['--exceptions', 'none.json'], 'none.json: ENOENT'],
    [['--wrong'], "Unknown option '--wrong'"],
    [['another'], 'CHECKOUT is needed'],
  ])('refuses %j', async (args, problem) => {
    const { code, stderr } = await runScript(folderOfAll(), args);
    expect(code).toBe(1);
    expect(stderr).toContain(problem);
  });

  it('refuses a folder that is no checkout', async () => {
    const { code, stderr } = await runScript(temporaryFolder());
    expect(code).toBe(1);
    expect(stderr).toContain('it is no checkout');
  });
});
