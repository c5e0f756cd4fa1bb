// Runs a function in a process of its own: for what ends a process, keeps it alive or needs its limits.
import { spawn } from 'node:child_process';
import { patient } from './pace';
import { root } from './sources';

type Package = typeof import('proactor');

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What the function gave to `report`, in order. */
  readonly reports: readonly unknown[];
  readonly stderr: string;
  readonly runMs: number;
}

export interface ChildOptions {
  readonly limitMs?: number;
  /** `ulimit -n`. */
  readonly descriptors?: number;
  readonly nodeArgs?: readonly string[];
}

type Report = (value: unknown) => void;

/**
 * Calls `body(package, report, ...args)` in a child and waits for its exit. The function's text is what
 * runs: it may use nothing from around it but `require`.
 */
export function inChild<A extends readonly (string | number | boolean)[]>(
  body: (proactor: Package, report: Report, ...args: A) => unknown,
  args: A,
  { limitMs = 10_000, descriptors, nodeArgs = [] }: ChildOptions = {},
): Promise<ChildResult> {
  const parameters = args.map((arg) => `, ${JSON.stringify(arg)}`).join('');
  // Reports are written at once, so that none is lost when the process ends.
  const program = `
    const report = (value) => require('node:fs').writeSync(1, JSON.stringify(value) + '\\n');
    Promise.resolve((${body})(require('proactor'), report${parameters}));`;
  const command = [process.execPath, ...nodeArgs, '-e', program];
  if (descriptors !== undefined) command.unshift('prlimit', `--nofile=${descriptors}`);
  const startMs = Date.now();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), patient(limitMs));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      const lines = stdout.split('\n').filter((line) => line !== '');
      const reports = lines.map((line) => JSON.parse(line) as unknown);
      resolve({ code, signal, reports, stderr, runMs: Date.now() - startMs });
    });
  });
}
