// Which columns a row's table has: the metrics that its drivers measured, with the ratios that belong to them.
import {
  formatMetric,
  type MetricDefinition,
  metricDefinition,
  metricDefinitions,
} from '../metrics.js';
import { type DriverOutcome, measuredDriver, type RowResult, ratioBetween } from '../result.js';

export interface Column {
  readonly head: string;
  cell(driver: DriverOutcome): string;
}

/** The metrics that at least one driver of the row has, in the order of metrics.ts, unknown ones last. */
export function metricsIn(row: RowResult): readonly MetricDefinition[] {
  const measured = row.drivers.filter(({ status }) => status === 'ok');
  const present = new Set(measured.flatMap(({ metrics }) => Object.keys(metrics)));
  const known = metricDefinitions.filter(({ name }) => present.delete(name));
  return [...known, ...[...present].map(metricDefinition)];
}

export function columnsOf(row: RowResult, table: MetricDefinition['table']): readonly Column[] {
  return metricsIn(row)
    .filter((metric) => metric.table === table)
    .flatMap((metric) => [valueColumn(metric), ...ratioColumns(row, metric)]);
}

function valueColumn({ name, title }: MetricDefinition): Column {
  return { head: title, cell: (driver) => formatMetric(name, driver.metrics[name]?.median) };
}

function ratioColumns(row: RowResult, { name, ratiosTo = [] }: MetricDefinition): Column[] {
  return ratiosTo
    .filter((reference) => measuredDriver(row, reference)?.metrics[name] !== undefined)
    .map((reference) => ({
      head: `× ${reference}`,
      cell: (driver) => formatRatio(ratioBetween(row, name, driver.name, reference)),
    }));
}

export function formatRatio(ratio: number | undefined): string {
  if (ratio === undefined) return 'n/a';
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}
