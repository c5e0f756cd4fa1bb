// Which charts there are, and what of the results goes into each. One whose figures were not measured is left out.
import { formatMetric, metricDefinition } from '../metrics.js';
import { measuredDriver, type RowResult, ratioBetween, type SuiteResult } from '../result.js';
import { drawBars, drawRatioGrid } from './draw.js';
import { describeMeasuring } from './notes.js';

export interface Chart {
  /** The name of its file. */
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

interface ChartDefinition {
  readonly file: string;
  readonly title: string;
  /** Undefined where the results have nothing for it. */
  draw(suite: SuiteResult, title: string): string | undefined;
}

const reference = 'node-net';
const mainRow = 'echo/64x64B/depth1/own';
const singleRow = 'echo/1x64B/depth1/own';

const workloadTitles: Readonly<Record<string, string>> = {
  churn: 'Connection churn: connect, one echo, close',
  bulk: 'Bulk transfer, one way',
  pipe: "Bulk transfer, one way, through the pipe() of Node's streams",
  idle: 'Memory of an idle connection',
  busy: 'A busy JavaScript thread: each message also costs JavaScript',
  http: 'node:http, 64 connections',
  https: 'node:https, 64 connections',
  http2: 'node:http2, 8 connections × 8 streams',
  'http2-stream': 'One stream of node:http2',
  grpc: 'One server stream of gRPC',
  file: 'A file piped into a response of node:http',
  'tls-bulk': 'Bulk transfer over TLS, one way',
  'tls-churn': 'Connection churn over TLS: connect, resume the session, one echo, close',
};

const definitions: readonly ChartDefinition[] = [
  {
    file: 'throughput.svg',
    title: 'Throughput × node-net',
    draw: (suite, title) =>
      gridOf(suite, title, true, (row) => (row.higherIsBetter ? row.headline : undefined)),
  },
  {
    file: 'cpu-time.svg',
    title: 'CPU time per message, connection, KiB or request × node-net',
    draw: (suite, title) => gridOf(suite, title, false, cpuMetricOf),
  },
  {
    file: 'cpu-time-echo.svg',
    title: 'CPU time per echoed message',
    draw: (suite, title) => {
      const metrics = { main: 'mainThreadCpuNsPerMessage', all: 'cpuNsPerMessage' };
      return partsOf(suite, title, mainRow, metrics, ['main thread', 'other threads']);
    },
  },
  {
    file: 'instructions-echo.svg',
    title: 'Instructions per echoed message',
    draw: (suite, title) => {
      const metrics = { main: 'userInstructions', all: 'instructions' };
      return partsOf(suite, title, mainRow, metrics, ['user space', 'kernel']);
    },
  },
  {
    file: 'latency-one-connection.svg',
    title: 'Latency with one connection',
    draw: (suite, title) =>
      metricsOfRow(suite, title, singleRow, {
        axis: 'µs, from queueing a message to its last byte back',
        metrics: ['latencyP50Ns', 'latencyP99Ns'],
      }),
  },
  ...Object.entries(workloadTitles).map(workloadChart),
];

function workloadChart([workload, title]: readonly [string, string]): ChartDefinition {
  return {
    file: `${workload}.svg`,
    title,
    draw: (suite, title) => headlinesOf(suite, title, workload),
  };
}

export const chartFiles: readonly string[] = definitions.map(({ file }) => file);

export function drawCharts(suite: SuiteResult): readonly Chart[] {
  return definitions.flatMap(({ file, title, draw }) => {
    const svg = draw(suite, title);
    return svg === undefined ? [] : [{ file, title, svg }];
  });
}

/** Every driver that was measured somewhere, in the order in which rows have them. */
export function driverNamesOf(rows: readonly RowResult[]): readonly string[] {
  const measured = rows.flatMap(({ drivers }) => drivers.filter(({ status }) => status === 'ok'));
  return [...new Set(measured.map(({ name }) => name))];
}

export function cpuMetricOf({ drivers }: RowResult): string | undefined {
  const names = drivers.flatMap(({ metrics }) => Object.keys(metrics));
  return names.find((name) => name.startsWith('cpuNsPer'));
}

function machineLine({ machine }: SuiteResult): string {
  return `${machine.cpuModel} × ${machine.cpuCount}, ${machine.kernel}, Node ${machine.nodeVersion}`;
}

function gridOf(
  suite: SuiteResult,
  title: string,
  higherIsBetter: boolean,
  metricOf: (row: RowResult) => string | undefined,
): string | undefined {
  const drivers = driverNamesOf(suite.rows).filter((name) => name !== reference);
  const rows = suite.rows.flatMap((row) => {
    const metric = metricOf(row);
    if (metric === undefined) return [];
    const ratios = drivers.map((name) => ratioBetween(row, metric, name, reference));
    return ratios.every((ratio) => ratio === undefined) ? [] : [{ id: row.id, ratios }];
  });
  if (rows.length === 0) return undefined;
  const way = higherIsBetter ? 'more' : 'less';
  return drawRatioGrid({
    title,
    subtitle: `1 = as node-net, blue = better (${way}), medians of the ratios within rounds. ${machineLine(suite)}`,
    rows: rows.map(({ id }) => id),
    drivers,
    ratios: rows.map(({ ratios }) => ratios),
    higherIsBetter,
  });
}

function findRow({ rows }: SuiteResult, id: string): RowResult | undefined {
  return rows.find((row) => row.id === id);
}

function medians(row: RowResult, drivers: readonly string[], metric: string) {
  return drivers.map((name) => measuredDriver(row, name)?.metrics[metric]?.median);
}

/** A bar of two parts: a metric that is part of another, and the rest of that. */
function partsOf(
  suite: SuiteResult,
  title: string,
  id: string,
  metrics: { readonly main: string; readonly all: string },
  names: readonly [string, string],
): string | undefined {
  const row = findRow(suite, id);
  if (row === undefined) return undefined;
  const measured = row.drivers.filter(
    ({ status, metrics: all }) => status === 'ok' && all[metrics.all],
  );
  const drivers = measured.map(({ name }) => name);
  if (drivers.length === 0) return undefined;
  const all = medians(row, drivers, metrics.all);
  const main = medians(row, drivers, metrics.main).map((value, place) => value ?? all[place]);
  const rest = all.map((value, place) => Math.max(0, (value ?? 0) - (main[place] ?? 0)));
  return drawBars({
    title,
    subtitle: subtitleOf(suite, row),
    axis: metricDefinition(metrics.all).label,
    drivers,
    series: [
      { name: names[0], values: main },
      { name: names[1], values: rest },
    ],
    isStacked: true,
    label: (value) => formatMetric(metrics.all, value),
  });
}

function subtitleOf(suite: SuiteResult, row: RowResult): string {
  return `${row.title}; ${describeMeasuring(row)}\n${machineLine(suite)}`;
}

function metricsOfRow(
  suite: SuiteResult,
  title: string,
  id: string,
  { axis, metrics }: { readonly axis: string; readonly metrics: readonly string[] },
): string | undefined {
  const row = findRow(suite, id);
  const drivers = row === undefined ? [] : driverNamesOf([row]);
  if (row === undefined || drivers.length === 0) return undefined;
  const scaled = (metric: string) =>
    medians(row, drivers, metric).map((value) =>
      value === undefined ? undefined : value * metricDefinition(metric).scale,
    );
  return drawBars({
    title,
    subtitle: subtitleOf(suite, row),
    axis,
    drivers,
    series: metrics.map((metric) => ({
      name: metricDefinition(metric).title,
      values: scaled(metric),
    })),
    isStacked: false,
    label: (value) => value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 }),
  });
}

/** The headline of every row of a workload, a bar for each row. */
function headlinesOf(suite: SuiteResult, title: string, workload: string): string | undefined {
  const rows = suite.rows.filter((row) => row.workload === workload);
  const [first] = rows;
  const drivers = driverNamesOf(rows);
  if (first === undefined || drivers.length === 0) return undefined;
  const { label } = metricDefinition(first.headline);
  const way = first.higherIsBetter ? 'more is better' : 'less is better';
  return drawBars({
    title,
    subtitle: rows.length === 1 ? subtitleOf(suite, first) : machineLine(suite),
    axis: `${label}; ${way}`,
    drivers,
    series: rows.map((row) => ({ name: row.title, values: medians(row, drivers, row.headline) })),
    isStacked: false,
    label: (value) => formatMetric(first.headline, value),
  });
}
