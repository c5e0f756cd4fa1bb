// Sandboxes that refuse io_uring's system calls, as container runtimes do: a launcher in C++, built once for a file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe } from '@jest/globals';
import { type Ended, type RunOptions, root, runCommand } from './child';

export type Call = 'setup' | 'enter' | 'register';
/** What becomes of the call: it fails with this errno, or kills the process. */
export type Refusal = number | 'kill';

/** Runs Node with `args` where io_uring_`call` is refused. */
export type RunRefused = (
  call: Call,
  refusal: Refusal,
  args: readonly string[],
  options?: RunOptions,
) => Promise<Ended>;

const compiler = process.env['CXX'] || 'c++';
const missing = spawnSync(compiler, ['--version']).error ? `no ${compiler}` : undefined;
const folder = mkdtempSync(path.join(tmpdir(), 'proactor-launcher-'));
const launcher = path.join(folder, 'refuse_io_uring');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function buildLauncher(): void {
  const source = path.join(root, 'test', 'native', 'refuse_io_uring.cc');
  const built = spawnSync(compiler, ['-std=c++17', '-Wall', '-Werror', '-o', launcher, source]);
  if (built.status !== 0) throw new Error(`the launcher does not compile: ${built.stderr}`);
}

if (missing === undefined) buildLauncher();

/**
 * Whether Node itself runs there: from Node 22 on, libuv has a ring of its own, and ends the process where it may set
 * that up but not enter it. True where it cannot be tried.
 */
export function nodeSurvives(call: Call, refusal: Refusal = constants.errno.EPERM): boolean {
  if (missing !== undefined) return true;
  const program = "require('node:child_process').exec('true', () => process.exit(7))";
  const args = [call, String(refusal), process.execPath, '-e', program];
  return spawnSync(launcher, args).status === 7;
}

/** A suite that needs such sandboxes; skipped, with the reason in its name, where none can be built. */
export function describeInSandbox(title: string, body: (run: RunRefused) => void): void {
  const describeOrSkip = missing === undefined ? describe : describe.skip;
  describeOrSkip(`${title}${missing ? ` (skipped: ${missing})` : ''}`, () => {
    body((call, refusal, args, options) =>
      runCommand(launcher, [call, String(refusal), process.execPath, ...args], options),
    );
  });
}
