// Runs the rows of a suite one after another. What has been measured is handed over after each row, so that nothing
// is lost when the run is interrupted, and a row that fails leaves the rest running.
import type { Machine } from './machine.js';
import { type RowResult, resultFormat, type SuiteResult } from './result.js';
import { optionsOf, type SuiteRow } from './suites.js';

export interface SuiteRun {
  readonly rows: readonly SuiteRow[];
  readonly machine: Machine;
  /** Results that rows are added to; a row measured again takes the place of its old result. */
  readonly existing: SuiteResult | undefined;
  /** Called after each row, with it and with everything so far. */
  onRow(row: RowResult, suite: SuiteResult): void;
  /** A line for people. */
  onProgress(line: string): void;
}

export interface SuiteOutcome {
  readonly suite: SuiteResult;
  /** The rows whose workload failed as a whole, in words. */
  readonly failures: readonly string[];
}

export async function runSuite(run: SuiteRun): Promise<SuiteOutcome> {
  const { rows, machine, existing } = run;
  const startedMs = performance.now();
  const failures: string[] = [];
  let suite: SuiteResult = existing ?? emptySuite(machine);
  for (const [index, { id, workload, args }] of rows.entries()) {
    const left = timeLeft(performance.now() - startedMs, index, rows.length);
    run.onProgress(`[${index + 1}/${rows.length}] ${id}${left}`);
    try {
      const row = await workload.run(optionsOf(workload, args));
      suite = withRow(suite, machine, row);
      run.onRow(row, suite);
    } catch (error) {
      failures.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      run.onProgress(`failed: ${failures.at(-1)}`);
    }
  }
  return { suite, failures };
}

function emptySuite(machine: Machine): SuiteResult {
  const now = new Date().toISOString();
  return { format: resultFormat, startedAt: now, finishedAt: now, machine, rows: [] };
}

/** Rows of another commit than the file's say so themselves. */
function withRow(suite: SuiteResult, { gitCommit }: Machine, measured: RowResult): SuiteResult {
  const isOther = gitCommit !== undefined && gitCommit !== suite.machine.gitCommit;
  const row = isOther ? { ...measured, gitCommit } : measured;
  const place = suite.rows.findIndex(({ id }) => id === row.id);
  const rows = place < 0 ? [...suite.rows, row] : suite.rows.with(place, row);
  return { ...suite, finishedAt: new Date().toISOString(), rows };
}

/** Rows take about the same time each; before the first is done there is nothing to say. */
function timeLeft(elapsedMs: number, done: number, all: number): string {
  if (done === 0) return '';
  const minutes = ((elapsedMs / done) * (all - done)) / 60_000;
  return minutes < 1 ? ', less than a minute left' : `, about ${Math.ceil(minutes)} min left`;
}

/** The rows in the order of the suite, whatever order they were measured in. */
export function inSuiteOrder(suite: SuiteResult, ids: readonly string[]): SuiteResult {
  const place = ({ id }: RowResult) => {
    const index = ids.indexOf(id);
    return index < 0 ? ids.length : index;
  };
  return { ...suite, rows: [...suite.rows].sort((a, b) => place(a) - place(b)) };
}

/** Why rows of this machine cannot be added to results that were measured before; undefined when they can. */
export function whyNotAdd(existing: SuiteResult, machine: Machine): string | undefined {
  const ours: Record<string, unknown> = { ...machine };
  const theirs: Record<string, unknown> = { ...existing.machine };
  const differing = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter((name) => name !== 'gitCommit' && ours[name] !== theirs[name])
    .map((name) => `${name} was ${theirs[name]} and is ${ours[name]}`);
  return differing.length === 0
    ? undefined
    : `they are of another machine: ${differing.join(', ')}`;
}
