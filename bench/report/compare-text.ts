// A comparison of two runs for the terminal.

import { formatMetric, metricDefinition } from '../metrics.js';
import type { SuiteResult } from '../result.js';
import {
  type Change,
  type Comparison,
  type DriverComparison,
  describeChange,
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
    'B / A of medians; + better, − worse, nothing: within noise (the middle halves of the rounds overlap, or less than 2%).',
    changed.length === 0 ? 'No change beyond noise.' : 'Changes beyond noise:',
    ...changed,
  ].join('\n');
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

const keyOf = ({ metric, relativeTo }: Change) => `${metric}|${relativeTo ?? ''}`;

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
