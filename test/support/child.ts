// Programs that have to run in a process of their own: because they end it, or because it has to be seen ending.
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import type * as proactorModule from 'proactor';
import { atEnd } from './cleanup';
import type { Dispatcher } from './dispatchers';
import { patient } from './pace';

export const root = path.dirname(require.resolve('proactor/package.json'));

/** What a program is given. It is sent as text, so it sees nothing else of the test's file. */
export interface ProgramScope {
  readonly Proactor: typeof proactorModule.Proactor;
  readonly constants: typeof proactorModule.constants;
  readonly channels: typeof proactorModule.channels;
  /** Makes a proactor on the dispatcher under test. */
  readonly open: (options?: proactorModule.ProactorOptions) => proactorModule.Proactor;
  readonly require: NodeJS.Require;
}

export type Program = (scope: ProgramScope) => unknown;

export interface Ended {
  /** The exit status, or null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It had to be killed. */
  readonly timedOut: boolean;
}

export interface RunOptions {
  readonly nodeOptions?: readonly string[];
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** The JavaScript that runs `program` in a new process or worker. */
export function sourceOf(program: Program, options: proactorModule.ProactorOptions): string {
  return `
    const { Proactor, constants, channels } = require(${JSON.stringify(root)});
    const open = (more) => new Proactor({ ...${JSON.stringify(options)}, ...more });
    (${program.toString()})({ Proactor, constants, channels, open, require });
  `;
}

/** Runs a command to its end, and kills it when that takes too long. */
export function runCommand(
  command: string,
  args: readonly string[],
  { timeoutMs = 10_000, env, cwd = root }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  atEnd(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, patient(timeoutMs));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, timedOut });
    });
  });
}

/** Runs `program` in a Node of its own. */
export function runProgram(
  dispatcher: Dispatcher,
  program: Program,
  options: RunOptions = {},
): Promise<Ended> {
  const source = sourceOf(program, dispatcher.options);
  return runCommand(process.execPath, [...(options.nodeOptions ?? []), '-e', source], options);
}
