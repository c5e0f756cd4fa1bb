// What is noise: how far figures of the same code differ, as the files themselves show it by their rounds and passes.
import { driftOf } from '../passes.js';
import {
  type Metric,
  measuredDriver,
  metricOf,
  type RowResult,
  type SuiteResult,
} from '../result.js';
import { quantile, quartiles, ratiosOfPairs } from '../statistics.js';

const changeMin = 0.02; // smaller ones are not worth a word, however steady the rounds are
const roundsForQuartiles = 3;
const toleranceOfTime = 0.1; // with too few rounds to show their own spread
const toleranceOfInstructions = 0.03;
// The part of all drivers and rows whose passes lie no further apart than the suite's drift. Not the largest: that is one
// accident, and a floor of its height would hide every change. A higher part than this is of few figures in short suites.
const driftPart = 0.95;

/** A metric, or its ratio to another driver within the rounds. */
export interface Figure {
  readonly metric: string;
  readonly relativeTo: string | undefined;
}

/** How far the passes of a figure lie apart, over all drivers and rows, as logarithms of ratios. */
export interface SuiteDrift {
  /** The 95th percentile. */
  readonly usual: number;
  readonly largest: number;
}

/** The rounds of a driver's figure; undefined where the driver was not measured, or the other one. */
export function figureOf(
  row: RowResult,
  driver: string,
  { metric, relativeTo }: Figure,
): Metric | undefined {
  const own = measuredDriver(row, driver)?.metrics[metric];
  if (relativeTo === undefined || own === undefined) return own;
  const other = measuredDriver(row, relativeTo)?.metrics[metric];
  return relativeTo === driver || other === undefined
    ? undefined
    : metricOf(ratiosOfPairs(own.rounds, other.rounds));
}

/** The drift between the passes of the files that are compared. */
export class Drift {
  readonly #rows: readonly RowResult[];
  readonly #known = new Map<string, SuiteDrift | undefined>();

  constructor(suites: readonly SuiteResult[]) {
    this.#rows = suites.flatMap(({ rows }) => rows);
  }

  /** Undefined where no file has passes of the figure. */
  ofSuite(figure: Figure): SuiteDrift | undefined {
    const key = `${figure.metric} ${figure.relativeTo}`;
    if (!this.#known.has(key)) {
      const all = this.#rows.flatMap((row) => driftsIn(row, figure));
      const usual = quantile(all, driftPart);
      this.#known.set(key, usual === undefined ? undefined : { usual, largest: Math.max(...all) });
    }
    return this.#known.get(key);
  }

  /**
   * What a change in that row has to exceed: the largest drift of a driver in it, but no less than the suite's, since a
   * row may have had two quiet passes by luck. 0 where none is known.
   */
  ofRow(id: string, figure: Figure): number {
    const rows = this.#rows.filter((row) => row.id === id);
    const all = rows.flatMap((row) => driftsIn(row, figure));
    return Math.max(this.ofSuite(figure)?.usual ?? 0, ...all);
  }
}

function driftsIn(row: RowResult, figure: Figure): readonly number[] {
  return row.drivers.flatMap(({ name }) => {
    const measured = figureOf(row, name, figure);
    return (measured && driftOf(measured, row.passes)) ?? [];
  });
}

/** Whether a change is no more than noise, given how far passes of the same code lie apart. */
export function isNoise(metric: string, a: Metric, b: Metric, drift: number): boolean {
  const ratio = b.median / a.median;
  const tolerance = metric.includes('nstructions') ? toleranceOfInstructions : toleranceOfTime;
  return (
    Math.abs(ratio - 1) < changeMin ||
    Math.abs(Math.log(ratio)) <= drift ||
    overlap(a, b, tolerance)
  );
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
