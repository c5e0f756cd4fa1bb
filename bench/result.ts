// What a measurement is, whatever was measured: the report, the JSON, the charts and the comparison know only this.
import type { Placement } from './cpus.js';
import type { Machine } from './machine.js';
import { median, medianOfRatios } from './statistics.js';

/** Raised when a file written before could not be read as one written now. */
export const resultFormat = 1;

/** One figure of one driver: a value a round, in the order of the rounds, and their median. */
export interface Metric {
  readonly median: number;
  readonly rounds: readonly number[];
}

/**
 * 'unavailable': it could not be started here, `reason` has its own words. 'failed': it started and then did
 * something wrong; the metrics of the rounds before that are kept, but nothing is compared with them.
 */
export type DriverStatus = 'ok' | 'unavailable' | 'failed';

export interface DriverOutcome {
  readonly name: string;
  readonly description: string;
  readonly status: DriverStatus;
  readonly reason?: string;
  readonly command: readonly string[];
  /** Threads of the server's process while it was measured, or 0 where it never ran. */
  readonly threads: number;
  /** By name, see metrics.ts. A metric that was not measured is absent, never 0 or NaN. */
  readonly metrics: Readonly<Record<string, Metric>>;
}

/** Rounds of a row that followed each other, with fresh servers. */
export interface Pass {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** How many rounds of each driver. Metrics have the rounds of all passes, one pass behind the other. */
  readonly rounds: number;
}

/** Every driver under one load. */
export interface RowResult {
  /** Unique in a suite and the same in every run of it, such as `echo/64x64B/depth1/own`. */
  readonly id: string;
  readonly workload: string;
  /** For people: `TCP echo, 64 connections × 64 B, depth 1`. */
  readonly title: string;
  /** What was asked for: the load, its placement, the length and number of rounds in a pass. */
  readonly conditions: Readonly<Record<string, string | number | boolean>>;
  /** The metric that drivers are compared by first. */
  readonly headline: string;
  readonly higherIsBetter: boolean;
  readonly placement: Placement;
  /** Why instructions were not counted; absent where they were. */
  readonly perfUnavailable?: string;
  readonly drivers: readonly DriverOutcome[];
  /** Absent where a workload was measured by itself, which is one pass. */
  readonly passes?: readonly Pass[];
  /** The commit that was measured, where the row was added to results of another commit. */
  readonly gitCommit?: string;
  /** How long measuring the row took, warm-up included. */
  readonly seconds: number;
}

/** Everything that one run of the command measured, as it is written to a file. */
export interface SuiteResult {
  readonly format: typeof resultFormat;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly machine: Machine;
  readonly rows: readonly RowResult[];
}

/** A metric of these rounds; undefined of none, so that it is left out. */
export function metricOf(rounds: readonly number[]): Metric | undefined {
  const middle = median(rounds);
  return middle === undefined ? undefined : { median: middle, rounds };
}

/** The metrics that have at least a round. */
export function metricsOf(
  rounds: Readonly<Record<string, readonly number[]>>,
): Readonly<Record<string, Metric>> {
  const metrics: Record<string, Metric> = {};
  for (const [name, values] of Object.entries(rounds)) {
    const metric = metricOf(values);
    if (metric !== undefined) metrics[name] = metric;
  }
  return metrics;
}

/** A driver of this package. */
export function isOwn(driver: string): boolean {
  return driver.startsWith('proactor-');
}

/** The driver of that name, if it was measured without failing. */
export function measuredDriver(row: RowResult, name: string): DriverOutcome | undefined {
  return row.drivers.find((driver) => driver.name === name && driver.status === 'ok');
}

/** The median over the rounds of the ratio within a round; undefined where either driver lacks the metric. */
export function ratioBetween(
  row: RowResult,
  metric: string,
  driver: string,
  reference: string,
): number | undefined {
  const own = measuredDriver(row, driver)?.metrics[metric];
  const other = measuredDriver(row, reference)?.metrics[metric];
  return own && other && medianOfRatios(own.rounds, other.rounds);
}

/** 0 unless a driver failed or none could be measured. */
export function exitCodeOf(rows: readonly RowResult[]): 0 | 1 {
  const isGood = ({ drivers }: RowResult) =>
    drivers.some(({ status }) => status === 'ok') &&
    drivers.every(({ status }) => status !== 'failed');
  return rows.every(isGood) ? 0 : 1;
}
