// A comparison of two runs for the terminal.

import { formatMetric, metricDefinition } from '../metrics.js';
import type { SuiteResult } from '../result.js';
import {
  type Change,
  type Comparison,
  type DriverComparison,
  describeChange,
  type FigureCount,
  type RowComparison,
} from './compare.js';
import { shortCommit } from './notes.js';
import { plainTable } from './terminal.js';

const marks = { better: ' +', worse: ' −', level: '  ' } as const;

/** A run's name, time and commit. */
export function describeRun(
  label: string,
  file: string,
  { startedAt, machine }: SuiteResult,
): string {
  const words = shortCommit(machine.gitCommit ?? 'unknown');
  return `${label}: ${file}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC, commit ${words}`;
}

export function formatComparison(comparison: Comparison): string {
  const { machine, onlyInA, onlyInB, rows } = comparison;
  const changed = rows.flatMap((row) =>
    row.drivers.flatMap(({ name, changes }) =>
      changes
        .filter(({ verdict }) => verdict !== 'level')
        .map((change) => `  ${row.id}: ${name}: ${describeChange(change)}`),
    ),
  );
  return [
    ...(machine.length > 0 ? ['Measured on different machines:', ...indented(machine)] : []),
    ...onlyInA.map((id) => `Only in A: ${id}`),
    ...onlyInB.map((id) => `Only in B: ${id}`),
    ...(rows.length === 0 ? ['The files have no row in common.'] : []),
    ...rows.map(formatRow),
    '',
    'B / A of medians; + better, − worse, nothing: within noise (the middle halves of the rounds overlap, or less than 2%, or',
    'no more than the passes of that row, or of 19 in 20 rows and drivers, lie apart).',
    changed.length === 0 ? 'No change beyond noise.' : 'Changes beyond noise:',
    ...changed,
    ...(rows.length === 0 ? [] : ['', ...countsOf(comparison.figures)]),
  ].join('\n');
}

/** How many figures changed beyond noise, and how far apart the passes of either file lie. */
function countsOf(figures: readonly FigureCount[]): string[] {
  const share = (chosen: readonly FigureCount[]) => {
    const sum = (count: 'changed' | 'compared') =>
      chosen.reduce((total, figure) => total + figure[count], 0);
    return `${sum('changed')} of ${sum('compared')}`;
  };
  const first = figures.filter(({ isHeadline }) => isHeadline);
  const absolute = share(first.filter(({ relativeTo }) => relativeTo === undefined));
  const relative = share(first.filter(({ relativeTo }) => relativeTo !== undefined));
  const table = plainTable(['figure', 'changed', 'of', 'passes apart (95%)', 'at most']);
  const apart = (logarithm?: number) =>
    logarithm === undefined ? 'n/a' : `× ${Math.exp(logarithm).toFixed(2)}`;
  for (const { changed, compared, drift, ...figure } of figures) {
    const title = titleOf(keyOf(figure));
    table.push([title, changed, compared, apart(drift?.usual), apart(drift?.largest)]);
  }
  return [
    `Beyond noise: ${absolute} first figures of a row, ${relative} of their ratios, ${share(figures)} figures in all.`,
    table.toString(),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function formatRow(row: RowComparison): string {
  const keys = columnKeys(row);
  const head = keys.map(titleOf);
  const headline = metricDefinition(row.headline).title;
  const table = plainTable(['driver', `A ${headline}`, `B ${headline}`, ...head]);
  for (const driver of row.drivers) {
    if (driver.note === undefined) {
      table.push([driver.name, ...values(row, driver), ...cells(driver, keys)]);
    } else {
      const rest = { colSpan: keys.length + 2, hAlign: 'left', content: driver.note } as const;
      table.push([driver.name, rest]);
    }
  }
  const conditions = row.conditions.length === 0 ? [] : ['Under different conditions:'];
  return ['', `${row.id}: ${row.title}`, ...conditions, ...indented(row.conditions), table].join(
    '\n',
  );
}

const keyOf = ({ metric, relativeTo }: Pick<Change, 'metric' | 'relativeTo'>) =>
  `${metric}|${relativeTo ?? ''}`;

function columnKeys({ drivers }: RowComparison): readonly string[] {
  return [...new Set(drivers.flatMap(({ changes }) => changes.map(keyOf)))];
}

function titleOf(key: string): string {
  const [metric = '', relativeTo] = key.split('|');
  return `${metricDefinition(metric).title}${relativeTo ? ` × ${relativeTo}` : ''}`;
}

function values({ headline }: RowComparison, { changes }: DriverComparison): string[] {
  const own = changes.find(({ metric, relativeTo }) => metric === headline && !relativeTo);
  return [formatMetric(headline, own?.a), formatMetric(headline, own?.b)];
}

function cells({ changes }: DriverComparison, keys: readonly string[]): string[] {
  return keys.map((key) => {
    const change = changes.find((each) => keyOf(each) === key);
    return change === undefined ? 'n/a' : `${change.ratio.toFixed(2)}${marks[change.verdict]}`;
  });
}
