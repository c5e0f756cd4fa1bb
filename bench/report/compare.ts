// What changed between two runs. A change counts only beyond noise: what two runs of the same code differ by too.
import type { Machine } from '../machine.js';
import { metricDefinition } from '../metrics.js';
import { type DriverOutcome, isOwn, type RowResult, type SuiteResult } from '../result.js';
import { metricsIn } from './columns.js';
import { Drift, type Figure, figureOf, isNoise, type SuiteDrift } from './noise.js';

const reference = 'node-net';

/** 'level': within noise. A metric of which neither way is better is not compared. */
export type Verdict = 'better' | 'worse' | 'level';

/** Where it is relative to a driver, ratios within rounds are compared, which cancels what the machine did meanwhile. */
export interface Change extends Figure {
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

/** How many drivers and rows have a figure, and in how many it changed beyond noise. */
export interface FigureCount extends Figure {
  /** It is what rows are compared by first, or the ratio of that. */
  readonly isHeadline: boolean;
  readonly compared: number;
  readonly changed: number;
  /** Between the passes of either file; undefined where they have none. */
  readonly drift: SuiteDrift | undefined;
}

export interface Comparison {
  readonly machine: readonly string[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  readonly rows: readonly RowComparison[];
  readonly figures: readonly FigureCount[];
}

export function compareSuites(a: SuiteResult, b: SuiteResult): Comparison {
  const without = (rows: readonly RowResult[], others: readonly RowResult[]) =>
    rows.map(({ id }) => id).filter((id) => !others.some((other) => other.id === id));
  const drift = new Drift([a, b]);
  const rows = a.rows.flatMap((rowA) => {
    const rowB = b.rows.find(({ id }) => id === rowA.id);
    return rowB === undefined ? [] : [compareRows(rowA, rowB, drift)];
  });
  return {
    machine: differences(measuredOn(a.machine), measuredOn(b.machine)),
    onlyInA: without(a.rows, b.rows),
    onlyInB: without(b.rows, a.rows),
    rows,
    figures: countFigures(rows, drift),
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

function compareRows(a: RowResult, b: RowResult, drift: Drift): RowComparison {
  const conditions = [
    ...differences(a.conditions, b.conditions),
    ...differences({ placement: a.placement }, { placement: b.placement }),
    ...differences({ passes: a.passes?.length ?? 1 }, { passes: b.passes?.length ?? 1 }),
  ];
  const names = new Set([...a.drivers, ...b.drivers].map(({ name }) => name));
  const drivers = [...names].map((name) => compareDrivers(name, a, b, drift));
  return { id: a.id, title: a.title, headline: a.headline, conditions, drivers };
}

function compareDrivers(
  name: string,
  rowA: RowResult,
  rowB: RowResult,
  drift: Drift,
): DriverComparison {
  const find = (row: RowResult) => row.drivers.find((driver) => driver.name === name);
  const a = find(rowA);
  const b = find(rowB);
  const isComparable = a?.status === 'ok' && b?.status === 'ok';
  return {
    name,
    note: isComparable ? undefined : noteOn(a, b),
    broke: a?.status === 'ok' && b?.status === 'failed',
    changes: isComparable ? changesOf(name, rowA, rowB, drift) : [],
  };
}

function noteOn(a: DriverOutcome | undefined, b: DriverOutcome | undefined): string {
  if (a === undefined) return 'only in B';
  if (b === undefined) return 'only in A';
  const reason = b.reason ?? a.reason;
  return `${a.status} → ${b.status}${reason === undefined ? '' : ` (${reason})`}`;
}

/** The headline, its ratio to the reference, and every other metric that a table shows and that can be better. */
function changesOf(name: string, a: RowResult, b: RowResult, drift: Drift): Change[] {
  const others = metricsIn(b)
    .filter(({ better, table }) => better !== undefined && table !== 'hidden')
    .map((metric) => metric.name)
    .filter((metric) => metric !== b.headline);
  const figures = [
    { metric: b.headline, relativeTo: undefined },
    { metric: b.headline, relativeTo: reference },
    ...others.map((metric) => ({ metric, relativeTo: undefined })),
  ];
  return figures.flatMap((figure) => changeOf(figure, name, a, b, drift) ?? []);
}

function changeOf(
  figure: Figure,
  driver: string,
  rowA: RowResult,
  rowB: RowResult,
  drift: Drift,
): Change | undefined {
  const [a, b] = [figureOf(rowA, driver, figure), figureOf(rowB, driver, figure)];
  if (a === undefined || b === undefined || a.median === 0) return undefined;
  const { metric } = figure;
  const ratio = b.median / a.median;
  const higherIsBetter =
    metric === rowB.headline ? rowB.higherIsBetter : metricDefinition(metric).better === 'higher';
  const isLevel = isNoise(metric, a, b, drift.ofRow(rowB.id, figure));
  const verdict = isLevel ? 'level' : ratio > 1 === higherIsBetter ? 'better' : 'worse';
  return { ...figure, a: a.median, b: b.median, ratio, verdict };
}

/** Of every figure, over all rows and drivers. */
function countFigures(rows: readonly RowComparison[], drift: Drift): readonly FigureCount[] {
  const counts = new Map<string, FigureCount>();
  for (const { headline, drivers } of rows) {
    for (const { metric, relativeTo, verdict } of drivers.flatMap(({ changes }) => changes)) {
      const key = `${metric} ${relativeTo}`;
      const figure = { metric, relativeTo };
      const isHeadline = metric === headline;
      const { compared, changed } = counts.get(key) ?? { compared: 0, changed: 0 };
      counts.set(key, {
        ...figure,
        isHeadline,
        compared: compared + 1,
        changed: changed + (verdict === 'level' ? 0 : 1),
        drift: drift.ofSuite(figure),
      });
    }
  }
  return [...counts.values()];
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
