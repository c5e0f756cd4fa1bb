// Instructions of a process or of one of its threads, counted by `perf stat`.
import { spawnSync } from 'node:child_process';
import { Child, errorLineOf } from './child.js';

const events = ['instructions:u', 'instructions:k'] as const;
const controlTimeoutMs = 10_000;

export interface Instructions {
  readonly user: number;
  readonly kernel: number;
}

/** Why instructions cannot be counted here, or undefined when they can. */
export function whyPerfIsUnavailable(): string | undefined {
  const probe = spawnSync('perf', ['stat', '-x', ',', '-e', events.join(','), '--', 'true'], {
    encoding: 'utf8',
  });
  if (probe.error) return 'perf is not installed';
  if (probe.status !== 0) return `perf stat failed: ${errorLineOf(probe.stderr.trim())}`;
  try {
    parsePerfOutput(probe.stderr);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Reads the comma-separated output of `perf stat -x ,`. Throws an Error where an event was not counted. */
export function parsePerfOutput(text: string): Instructions {
  const [user, kernel] = events.map((event) => {
    const fields = text.split('\n').map((line) => line.split(','));
    const value = fields.find((field) => field[2] === event)?.[0];
    if (value === undefined) throw new Error(`perf printed no line for ${event}`);
    if (!/^\d+$/.test(value)) {
      throw new Error(`perf cannot count ${event} on this machine: it prints ${value}`);
    }
    return Number(value);
  });
  return { user: user ?? 0, kernel: kernel ?? 0 };
}

/** The arguments that attach perf to the target with counting off, controlled through stdin and stdout. */
function attachCommand(target: { readonly pid: number } | { readonly tid: number }) {
  const attach = 'pid' in target ? ['-p', `${target.pid}`] : ['-t', `${target.tid}`];
  const control = ['--delay', '-1', '--control', 'fd:0,1'];
  return ['perf', 'stat', '-x', ',', '-e', events.join(','), ...control, ...attach];
}

/** Counts the target's instructions while `work` runs. */
export async function countInstructions(
  target: { readonly pid: number } | { readonly tid: number },
  work: () => Promise<void>,
): Promise<Instructions> {
  const perf = new Child('perf', attachCommand(target));
  try {
    await control(perf, 'enable');
    await work();
    await control(perf, 'disable');
  } finally {
    await perf.stop('SIGINT');
  }
  return parsePerfOutput(perf.stderr);
}

async function control(perf: Child, command: 'enable' | 'disable'): Promise<void> {
  perf.writeLine(command);
  await perf.nextLine(controlTimeoutMs); // the acknowledgement
}
