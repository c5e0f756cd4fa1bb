// Where a driver of this package is behind one that is not, and the reasons that people wrote down for it.
import { existsSync, readFileSync } from 'node:fs';
import { metricDefinition } from '../metrics.js';
import { driftOf } from '../passes.js';
import { isOwn, measuredDriver, metricOf, type RowResult, type SuiteResult } from '../result.js';
import { quartiles, ratiosOfPairs } from '../statistics.js';
import { matchesPattern } from './pattern.js';
import { ResultsFileError } from './results-file.js';

const level = 0.995; // what would be shown as 1.00 is no loss

export interface Loss {
  readonly row: string;
  readonly driver: string;
  readonly peer: string;
  readonly metric: string;
  /** How good the driver is compared with the peer, below 1 whichever way is better. */
  readonly score: number;
  /** The upper quarter of the rounds is not behind, or the passes lie as far apart as these two drivers. */
  readonly isWithinNoise: boolean;
}

/** Patterns, in which `*` stands for anything. The first reason that fits a loss is its reason. */
export interface Reason {
  readonly rows: string;
  readonly drivers: string;
  readonly peers: string;
  /** Markdown. */
  readonly reason: string;
}

export interface ExplainedLosses {
  readonly explained: readonly { readonly reason: Reason; readonly losses: readonly Loss[] }[];
  readonly withinNoise: readonly Loss[];
  readonly unexplained: readonly Loss[];
  /** Reasons of nothing. */
  readonly unused: readonly Reason[];
}

/** In the row's first metric, of every pair that was measured. */
export function lossesOf({ rows }: SuiteResult): readonly Loss[] {
  return rows.flatMap((row) => {
    const measured = row.drivers.filter(({ status }) => status === 'ok').map(({ name }) => name);
    const peers = measured.filter((name) => !isOwn(name));
    return measured
      .filter(isOwn)
      .flatMap((driver) => peers.flatMap((peer) => lossBetween(row, driver, peer) ?? []));
  });
}

function lossBetween(row: RowResult, driver: string, peer: string): Loss | undefined {
  const rounds = (name: string) => measuredDriver(row, name)?.metrics[row.headline]?.rounds ?? [];
  const scores = row.higherIsBetter
    ? ratiosOfPairs(rounds(driver), rounds(peer))
    : ratiosOfPairs(rounds(peer), rounds(driver));
  const measured = metricOf(scores);
  if (measured === undefined || measured.median >= level) return undefined;
  const score = measured.median;
  // This pair's drift and no other's: a loss is not to be taken for noise since some other driver was unsteady.
  const drift = driftOf(measured, row.passes) ?? 0;
  const isWithinNoise = (quartiles(scores)?.upper ?? score) >= 1 || -Math.log(score) <= drift;
  return {
    row: row.id,
    driver,
    peer,
    metric: metricDefinition(row.headline).title,
    score,
    isWithinNoise,
  };
}

export function explain(losses: readonly Loss[], reasons: readonly Reason[]): ExplainedLosses {
  const clear = losses.filter(({ isWithinNoise }) => !isWithinNoise);
  const reasonOf = new Map(clear.map((loss) => [loss, reasons.find((each) => fits(each, loss))]));
  const explained = reasons
    .map((reason) => ({ reason, losses: clear.filter((loss) => reasonOf.get(loss) === reason) }))
    .filter((each) => each.losses.length > 0);
  return {
    explained,
    withinNoise: losses.filter(({ isWithinNoise }) => isWithinNoise),
    unexplained: clear.filter((loss) => reasonOf.get(loss) === undefined),
    unused: reasons.filter((reason) => !explained.some((each) => each.reason === reason)),
  };
}

function fits({ rows, drivers, peers }: Reason, { row, driver, peer }: Loss): boolean {
  return (
    matchesPattern(row, rows) && matchesPattern(driver, drivers) && matchesPattern(peer, peers)
  );
}

/** None where there is no such file. Throws a ResultsFileError for one of another form. */
export function readReasons(file: string): readonly Reason[] {
  if (!existsSync(file)) return [];
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ResultsFileError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw new ResultsFileError(`${file} is no list of reasons`);
  for (const [index, entry] of (value as (Partial<Reason> | null)[]).entries()) {
    for (const name of ['rows', 'drivers', 'peers', 'reason'] as const) {
      if (typeof entry?.[name] === 'string' && entry[name] !== '') continue;
      throw new ResultsFileError(`${file}: entry ${index + 1} has no "${name}"`);
    }
  }
  return value as readonly Reason[];
}
