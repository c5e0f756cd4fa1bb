// Runs the rows of a suite one after another, and that as often as they have passes. What has been measured is handed
// over after each row, so that nothing is lost when the run is interrupted, and a row that fails leaves the rest running.
import type { Machine } from './machine.js';
import { asPass, withPass } from './passes.js';
import { type RowResult, resultFormat, type SuiteResult } from './result.js';
import { optionsOf, type SuiteRow } from './suites.js';

export interface SuiteRun {
  readonly rows: readonly SuiteRow[];
  readonly machine: Machine;
  /** Results that rows are added to; a row measured again takes the place of its old result. */
  readonly existing: SuiteResult | undefined;
  /** Measure only the rows and passes that `existing` lacks. Default: all of them. */
  readonly missingOnly?: boolean;
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
  const { machine, existing } = run;
  const startedMs = performance.now();
  const failures = new Map<string, string>();
  const turns = turnsOf(run);
  let suite: SuiteResult = existing ?? emptySuite(machine);
  for (const [index, turn] of turns.entries()) {
    const { id } = turn.row;
    if (failures.has(id)) continue; // what it would be added to is not there
    const left = timeLeft(performance.now() - startedMs, index, turns.length);
    run.onProgress(`[${index + 1}/${turns.length}] ${id}${passWords(turn)}${left}`);
    try {
      const before = suite.rows.find((row) => row.id === id);
      const row = await measure(turn, before);
      suite = withRow(suite, machine, row);
      run.onRow(row, suite);
    } catch (error) {
      failures.set(id, `${id}: ${error instanceof Error ? error.message : String(error)}`);
      run.onProgress(`failed: ${failures.get(id)}`);
    }
  }
  return { suite, failures: [...failures.values()] };
}

/** One pass of one row, counted from 0. */
interface Turn {
  readonly row: SuiteRow;
  readonly pass: number;
}

/** The first pass of every row, then the second of every row, and so on. */
function turnsOf(run: SuiteRun): readonly Turn[] {
  const count = Math.max(0, ...run.rows.map(({ passes }) => passes.length));
  return Array.from({ length: count }, (_, pass) =>
    run.rows
      .filter((row) => pass >= passesDone(run, row) && pass < row.passes.length)
      .map((row) => ({ row, pass })),
  ).flat();
}

/** A row that another commit began is begun again: its passes would not be of the same code. */
function passesDone({ existing, missingOnly, machine }: SuiteRun, row: SuiteRow): number {
  const before = missingOnly ? existing?.rows.find(({ id }) => id === row.id) : undefined;
  if (existing === undefined || before === undefined) return 0;
  const done = before.passes?.length ?? row.passes.length; // without passes it was measured as a whole
  const isSameCode = (before.gitCommit ?? existing.machine.gitCommit) === machine.gitCommit;
  return done >= row.passes.length || isSameCode ? done : 0;
}

function passWords({ row, pass }: Turn): string {
  return row.passes.length === 1 ? '' : `, pass ${pass + 1} of ${row.passes.length}`;
}

/** The row with what the pass has measured. The first pass replaces what was there `before`. */
async function measure({ row, pass }: Turn, before: RowResult | undefined): Promise<RowResult> {
  const startedAt = new Date().toISOString();
  const options = optionsOf(row.workload, row.passes[pass] ?? []);
  const measured = asPass(await row.workload.run(options), startedAt);
  return pass === 0 || before === undefined ? measured : withPass(before, measured);
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
