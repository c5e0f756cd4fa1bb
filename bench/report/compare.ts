// What changed between two runs. A change counts only beyond noise: what two runs of the same code differ by too.
import type { Machine } from '../machine.js';
import { metricDefinition } from '../metrics.js';
import {
  type DriverOutcome,
  isOwn,
  type Metric,
  metricOf,
  type RowResult,
  type SuiteResult,
} from '../result.js';
import { quartiles, ratiosOfPairs } from '../statistics.js';
import { metricsIn } from './columns.js';

const changeMin = 0.02; // smaller ones are not worth a word, however steady the rounds are
const roundsForQuartiles = 3;
const toleranceOfTime = 0.1; // with too few rounds to show their own spread
const toleranceOfInstructions = 0.03;
const reference = 'node-net';

/** 'level': within noise. A metric of which neither way is better is not compared. */
export type Verdict = 'better' | 'worse' | 'level';

export interface Change {
  readonly metric: string;
  /** The ratio to this driver was compared, round by round, which cancels what the machine did meanwhile. */
  readonly relativeTo: string | undefined;
  readonly a: number;
  readonly b: number;
  /** b / a. */
  readonly ratio: number;
  readonly verdict: Verdict;
}

export interface DriverComparison {
  readonly name: string;
  /** Set where there is nothing to compare: `ok → failed (died)`, `only in A`. */
  readonly note: string | undefined;
  readonly broke: boolean;
  readonly changes: readonly Change[];
}

export interface RowComparison {
  readonly id: string;
  readonly title: string;
  readonly headline: string;
  /** `rounds: 5 → 12`. */
  readonly conditions: readonly string[];
  readonly drivers: readonly DriverComparison[];
}

export interface Comparison {
  readonly machine: readonly string[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  readonly rows: readonly RowComparison[];
}

export function compareSuites(a: SuiteResult, b: SuiteResult): Comparison {
  const without = (rows: readonly RowResult[], others: readonly RowResult[]) =>
    rows.map(({ id }) => id).filter((id) => !others.some((other) => other.id === id));
  return {
    machine: differences(measuredOn(a.machine), measuredOn(b.machine)),
    onlyInA: without(a.rows, b.rows),
    onlyInB: without(b.rows, a.rows),
    rows: a.rows.flatMap((rowA) => {
      const rowB = b.rows.find(({ id }) => id === rowA.id);
      return rowB === undefined ? [] : [compareRows(rowA, rowB)];
    }),
  };
}

/** Two commits are what is compared; everything else should be the same. */
function measuredOn({ gitCommit: _, ...rest }: Machine): Record<string, unknown> {
  return rest;
}

function differences(a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
    .map((name) => `${name}: ${wordOf(a[name])} → ${wordOf(b[name])}`);
}

function wordOf(value: unknown): string {
  if (value === undefined) return 'not given';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function compareRows(a: RowResult, b: RowResult): RowComparison {
  const conditions = [
    ...differences(a.conditions, b.conditions),
    ...differences({ placement: a.placement }, { placement: b.placement }),
  ];
  const names = new Set([...a.drivers, ...b.drivers].map(({ name }) => name));
  const drivers = [...names].map((name) => compareDrivers(name, a, b));
  return { id: a.id, title: a.title, headline: a.headline, conditions, drivers };
}

function compareDrivers(name: string, rowA: RowResult, rowB: RowResult): DriverComparison {
  const find = (row: RowResult) => row.drivers.find((driver) => driver.name === name);
  const a = find(rowA);
  const b = find(rowB);
  const isComparable = a?.status === 'ok' && b?.status === 'ok';
  return {
    name,
    note: isComparable ? undefined : noteOn(a, b),
    broke: a?.status === 'ok' && b?.status === 'failed',
    changes: isComparable ? changesOf(name, rowA, rowB) : [],
  };
}

function noteOn(a: DriverOutcome | undefined, b: DriverOutcome | undefined): string {
  if (a === undefined) return 'only in B';
  if (b === undefined) return 'only in A';
  const reason = b.reason ?? a.reason;
  return `${a.status} → ${b.status}${reason === undefined ? '' : ` (${reason})`}`;
}

/** The headline, its ratio to the reference, and every other metric that a table shows and that can be better. */
function changesOf(name: string, a: RowResult, b: RowResult): Change[] {
  const others = metricsIn(b)
    .filter(({ better, table }) => better !== undefined && table !== 'hidden')
    .map((metric) => metric.name)
    .filter((metric) => metric !== b.headline);
  return [
    changeOf(
      b.headline,
      undefined,
      metricIn(a, name, b.headline),
      metricIn(b, name, b.headline),
      b,
    ),
    changeOf(
      b.headline,
      reference,
      relative(a, name, b.headline),
      relative(b, name, b.headline),
      b,
    ),
    ...others.map((metric) =>
      changeOf(metric, undefined, metricIn(a, name, metric), metricIn(b, name, metric), b),
    ),
  ].filter((change) => change !== undefined);
}

function metricIn(row: RowResult, driver: string, metric: string): Metric | undefined {
  return row.drivers.find(({ name }) => name === driver)?.metrics[metric];
}

function relative(row: RowResult, driver: string, metric: string): Metric | undefined {
  const own = metricIn(row, driver, metric);
  const isMeasured = row.drivers.some(({ name, status }) => name === reference && status === 'ok');
  const other = isMeasured && driver !== reference ? metricIn(row, reference, metric) : undefined;
  return own && other && metricOf(ratiosOfPairs(own.rounds, other.rounds));
}

function changeOf(
  metric: string,
  relativeTo: string | undefined,
  a: Metric | undefined,
  b: Metric | undefined,
  row: RowResult,
): Change | undefined {
  if (a === undefined || b === undefined || a.median === 0) return undefined;
  const ratio = b.median / a.median;
  const higherIsBetter =
    metric === row.headline ? row.higherIsBetter : metricDefinition(metric).better === 'higher';
  const tolerance = metric.includes('nstructions') ? toleranceOfInstructions : toleranceOfTime;
  const isNoise = Math.abs(ratio - 1) < changeMin || overlap(a, b, tolerance);
  const verdict = isNoise ? 'level' : ratio > 1 === higherIsBetter ? 'better' : 'worse';
  return { metric, relativeTo, a: a.median, b: b.median, ratio, verdict };
}

/** Whether the middle halves of the rounds overlap; of few rounds, the median give or take the tolerance. */
function overlap(a: Metric, b: Metric, tolerance: number): boolean {
  const [rangeA, rangeB] = [rangeOf(a, tolerance), rangeOf(b, tolerance)];
  return rangeA.lower <= rangeB.upper && rangeB.lower <= rangeA.upper;
}

function rangeOf({ median, rounds }: Metric, tolerance: number) {
  const few = { lower: median * (1 - tolerance / 2), upper: median * (1 + tolerance / 2) };
  return rounds.length < roundsForQuartiles ? few : (quartiles(rounds) ?? few);
}

/**
 * What is worse by more than `fraction`, in words: of this package's drivers, the headline (relative to node-net
 * where that was measured, so that a slower machine is no regression), instructions, and a driver that fails now.
 */
export function regressions({ rows }: Comparison, fraction: number): readonly string[] {
  return rows.flatMap((row) =>
    row.drivers
      .filter(({ name }) => isOwn(name))
      .flatMap(({ name, broke, note, changes }) => {
        const isRelative = changes.some(({ relativeTo }) => relativeTo !== undefined);
        const gating = changes.filter(
          ({ metric, relativeTo }) =>
            metric === 'instructions' ||
            (metric === row.headline && (relativeTo !== undefined) === isRelative),
        );
        const worse = gating.filter(
          ({ ratio, verdict }) => verdict === 'worse' && lossOf(ratio) > fraction,
        );
        return [
          ...(broke ? [`${row.id}: ${name}: ${note}`] : []),
          ...worse.map((change) => `${row.id}: ${name}: ${describeChange(change)}`),
        ];
      }),
  );
}

/** 0.2 for both a fifth less of what should be high and a quarter more of what should be low. */
function lossOf(ratio: number): number {
  return ratio < 1 ? 1 - ratio : 1 - 1 / ratio;
}

export function describeChange({ metric, relativeTo, a, b, ratio, verdict }: Change): string {
  const { title, scale, digits } = metricDefinition(metric);
  const shown = (value: number) =>
    relativeTo === undefined
      ? (value * scale).toLocaleString('en-US', { maximumFractionDigits: digits })
      : value.toFixed(2);
  const name = relativeTo === undefined ? title : `${title} × ${relativeTo}`;
  return `${name} ${shown(a)} → ${shown(b)}, × ${ratio.toFixed(2)}, ${verdict}`;
}
