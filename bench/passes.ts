// Passes: a suite measures each of its rows in several, a whole suite apart in time, since a machine's speed drifts by
// the half hour and rounds that follow each other do not see that. How passes become one row, and how far apart they lie.
import {
  type DriverOutcome,
  type DriverStatus,
  type Metric,
  metricsOf,
  type Pass,
  type RowResult,
} from './result.js';
import { median } from './statistics.js';

/** A row as its workload has just measured it, as a pass of which others may follow. */
export function asPass(row: RowResult, startedAt: string): RowResult {
  const counts = row.drivers.map(({ metrics }) => metrics[row.headline]?.rounds.length ?? 0);
  return { ...row, passes: [{ startedAt, rounds: Math.max(0, ...counts) }] };
}

/** The row with one pass more. Throws an Error where that was measured otherwise. */
export function withPass(row: RowResult, pass: RowResult): RowResult {
  if (sameness(row) !== sameness(pass)) {
    throw new Error('the passes before were measured under other conditions: measure it anew');
  }
  const inPass = new Map(pass.drivers.map((driver) => [driver.name, driver]));
  return {
    ...row,
    drivers: row.drivers.flatMap((driver) => {
      const other = inPass.get(driver.name);
      return other === undefined ? [] : [mergeDriver(driver, other)];
    }),
    passes: [...(row.passes ?? []), ...(pass.passes ?? [])],
    seconds: row.seconds + pass.seconds,
  };
}

/** What all passes of a row have in common. */
function sameness({ id, conditions, placement, drivers }: RowResult): string {
  return JSON.stringify([id, conditions, placement, drivers.map(({ name }) => name)]);
}

function mergeDriver(driver: DriverOutcome, pass: DriverOutcome): DriverOutcome {
  const status = mergedStatus(driver.status, pass.status);
  const reason = driver.reason ?? pass.reason;
  const names = new Set([...Object.keys(driver.metrics), ...Object.keys(pass.metrics)]);
  const rounds = [...names].map((name): [string, readonly number[]] => [
    name,
    [driver, pass].flatMap(({ metrics }) => metrics[name]?.rounds ?? []),
  ]);
  return {
    ...driver,
    status,
    ...(reason === undefined ? {} : { reason }),
    command: driver.command.length > 0 ? driver.command : pass.command,
    threads: Math.max(driver.threads, pass.threads),
    metrics: metricsOf(Object.fromEntries(rounds)),
  };
}

/** Who could be started in one pass and not in another has failed too. */
function mergedStatus(a: DriverStatus, b: DriverStatus): DriverStatus {
  return a === b ? a : 'failed';
}

/**
 * How far apart the medians of the passes lie: the logarithm of the largest by the smallest. Undefined where that cannot
 * be known: of one pass, and of figures that not every pass has, such as counts of instructions.
 */
export function driftOf(
  { rounds }: Metric,
  passes: readonly Pass[] | undefined,
): number | undefined {
  if (passes === undefined || passes.length < 2) return undefined;
  let place = 0;
  const medians = passes.map((pass) => {
    const from = place;
    place += pass.rounds;
    return median(rounds.slice(from, place)) ?? 0;
  });
  if (place !== rounds.length || !medians.every((middle) => middle > 0)) return undefined;
  return Math.log(Math.max(...medians) / Math.min(...medians));
}
