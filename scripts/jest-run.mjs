// Runs jest as a child and reads its results. A process that lives on after the results are written has a handle left
// open by some test: a failure, whose file is then looked for.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './common.mjs';
import { readJest, readJestFiles, sumResults } from './test-results.mjs';

const LIMIT_MS = 11 * 60_000;
const EXIT_MS = 10_000;

/** Arguments of jest for the tests whose outcome depends on the runtime that they run on. */
export const runtimeTests = [
  '--testPathPatterns=build/test/(handlers|event-loop|lifetime|operations|deferred|diagnostics|tcp-stream|tcp-resizable|several|invalid|net-|http-(attach|clients|shutdown)|compat/(contexts|destroying|resetting|unix-sockets))',
];

const failure = (text) => ({ passed: 0, failed: [text], skipped: [] });

/** Runs jest once. `outcome` is 'ended', 'left open' (a handle) or 'not finished'. */
async function runOnce({ output, args, env, node }) {
  rmSync(output, { force: true });
  mkdirSync(path.dirname(output), { recursive: true });
  const child = spawn(
    node,
    ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${output}`, ...args],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } },
  );
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const startMs = Date.now();
  let writtenMs;
  for (;;) {
    const code = await Promise.race([exited, delay(250)]);
    if (code !== undefined) return { outcome: 'ended', code };
    if (existsSync(output)) writtenMs ??= Date.now();
    const isLeftOpen = writtenMs !== undefined && Date.now() - writtenMs > EXIT_MS;
    if (isLeftOpen || Date.now() - startMs > LIMIT_MS) {
      child.kill('SIGKILL');
      await exited;
      return { outcome: isLeftOpen ? 'left open' : 'not finished' };
    }
  }
}

/** The test files that, each run alone, keep the process alive. */
async function filesThatLeaveHandles(run) {
  const found = [];
  for (const file of readJestFiles(run.output)) {
    const args = [...run.args.filter((arg) => arg.startsWith('-')), '--runTestsByPath', file];
    const { outcome } = await runOnce({ ...run, args, output: `${run.output}.alone` });
    if (outcome === 'left open') found.push(path.relative(root, file));
  }
  return found;
}

/** Runs jest with `args` and returns { passed, failed, skipped }. `output` is the file for its JSON. */
export async function runJest({ name, output, args = [], env = {}, node = process.execPath }) {
  const run = { output, args, env, node };
  const { outcome, code } = await runOnce(run);
  const result = existsSync(output) || outcome === 'ended' ? readJest(output) : failure(name);
  if (outcome === 'ended') {
    const isUnexplained = code !== 0 && result.failed.length === 0;
    return isUnexplained ? sumResults([result, failure(`${name} ended with ${code}`)]) : result;
  }
  if (outcome === 'not finished') {
    return sumResults([
      result,
      failure(`${name}: not finished after ${LIMIT_MS / 60_000} minutes`),
    ]);
  }
  console.log(`${name} did not exit; looking for the test that left a handle open`);
  const files = await filesThatLeaveHandles(run);
  const culprits = files.length > 0 ? files.join(', ') : 'no file alone, only together';
  return sumResults([result, failure(`${name}: a handle was left open by ${culprits}`)]);
}
