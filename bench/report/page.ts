// The page of results beside the results file: everything that was measured, as tables and charts, and where this
// package loses. It is made of the results and the reasons alone, so that it can be made again and compared.
import { formatMetric } from '../metrics.js';
import { measuredDriver, type RowResult, ratioBetween, type SuiteResult } from '../result.js';
import { type Chart, driverNamesOf } from './charts.js';
import { type Column, columnsOf, formatRatio } from './columns.js';
import type { ExplainedLosses, Loss } from './losses.js';
import { markdownTable } from './markdown.js';
import { describeMeasuring, disturbances, shortCommit, troubles } from './notes.js';

const reference = 'node-net';

export interface PageParts {
  readonly suite: SuiteResult;
  readonly charts: readonly Chart[];
  readonly losses: ExplainedLosses;
  /** The file of results, for the reader to open. */
  readonly resultsFile: string;
}

export function resultsPage({ suite, charts, losses, resultsFile }: PageParts): string {
  return [
    '# Results of the benchmark',
    '',
    `<!-- Made from ${resultsFile} and reasons.json by \`npm run bench -- charts\`. Changes by hand are lost. -->`,
    '',
    ...machineSection(suite, resultsFile),
    '## Summary',
    '',
    ...summarySection(suite),
    ...chartSection(charts),
    '## Drivers',
    '',
    driverTable(suite),
    '',
    '## Where a driver of this package loses',
    '',
    ...lossSection(losses),
    '## Every row',
    '',
    ...suite.rows.flatMap(rowSection),
  ]
    .join('\n')
    .replace(/\n*$/, '\n');
}

/** Day, machine and commit in one sentence, for whoever quotes a figure. */
export function describeOrigin({ machine, startedAt }: SuiteResult): string {
  const { cpuCount, cpuModel, kernel, memoryBytes, nodeVersion, gitCommit = 'unknown' } = machine;
  const cores = `${cpuCount} × ${cpuModel}${machine.isVirtual ? ' (a virtual machine)' : ''}`;
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  const day = startedAt.slice(0, 10);
  return `on ${day}: ${cores}, ${memory}, ${kernel}, Node ${nodeVersion}, commit ${shortCommit(gitCommit)}`;
}

function machineSection(suite: SuiteResult, resultsFile: string): readonly string[] {
  const minutes = (Date.parse(suite.finishedAt) - Date.parse(suite.startedAt)) / 60_000;
  return [
    `Measured ${describeOrigin(suite)};`,
    `${suite.rows.length} rows in ${Math.round(minutes)} minutes. Every round of`,
    `every driver is in [${resultsFile}](${resultsFile}). [bench/README.md](../README.md) says how it is measured, what the`,
    'columns mean and how to repeat it.',
    '',
  ];
}

function summarySection(suite: SuiteResult): readonly string[] {
  const drivers = driverNamesOf(suite.rows).filter((name) => name !== reference);
  const rows = suite.rows.map((row) => [
    row.id,
    ...drivers.map((name) => headlineRatio(row, name)),
  ]);
  return [
    `The first figure of each row, × ${reference}: the median over the rounds of the ratio within a round. More is better;`,
    'in the rows marked with ↓ it is less.',
    '',
    markdownTable(
      ['row', ...drivers],
      rows.map(([id = '', ...cells], index) => [markedId(id, suite.rows[index]), ...cells]),
    ),
    '',
  ];
}

function markedId(id: string, row: RowResult | undefined): string {
  return row?.higherIsBetter === false ? `${id} ↓` : id;
}

/** `failed` or `–` where there is none: the reason stands at the row itself. */
export function headlineRatio(row: RowResult, name: string): string {
  const driver = row.drivers.find((each) => each.name === name);
  if (driver === undefined || driver.status === 'unavailable') return '–';
  if (driver.status === 'failed') return 'failed';
  return formatRatio(ratioBetween(row, row.headline, name, reference));
}

function chartSection(charts: readonly Chart[]): readonly string[] {
  return charts.flatMap(({ file, title }) => [`![${title}](${file})`, '']);
}

function driverTable({ rows }: SuiteResult): string {
  const seen = new Map(rows.flatMap(({ drivers }) => drivers.map((each) => [each.name, each])));
  const cells = [...seen.values()].map(({ name, description }) => [name, description]);
  return markdownTable(['driver', 'server'], cells, 2);
}

function lossSection({ explained, withinNoise, unexplained }: ExplainedLosses): readonly string[] {
  const parts = [
    ...explained.flatMap(({ reason, losses }) => [reason.reason, '', lossTable(losses), '']),
    ...lossPart('No reason has been found yet:', unexplained),
    ...lossPart(
      'Behind by the median, within noise (a quarter of the rounds or more are not behind, or two passes lie as far apart):',
      withinNoise,
    ),
  ];
  const words =
    'Every row and driver of this package whose first figure is behind that of another driver, as a fraction of it.';
  return parts.length === 0 ? ['Nowhere in these rows.', ''] : [words, '', ...parts];
}

function lossPart(words: string, losses: readonly Loss[]): readonly string[] {
  return losses.length === 0 ? [] : [words, '', lossTable(losses), ''];
}

/** A line for a row and driver, with all that it is behind of. */
function lossTable(losses: readonly Loss[]): string {
  const lines = new Map<string, Loss[]>();
  for (const loss of losses) {
    const key = `${loss.row} ${loss.driver}`;
    lines.set(key, [...(lines.get(key) ?? []), loss]);
  }
  const cells = [...lines.values()].map((group) => [
    group[0]?.row ?? '',
    group[0]?.driver ?? '',
    group.map(({ peer, score }) => `${peer} ${formatRatio(score)}`).join(', '),
  ]);
  return markdownTable(['row', 'driver', 'fraction of'], cells, 3);
}

function rowSection(row: RowResult): readonly string[] {
  const counted = columnsOf(row, 'instructions');
  const notes = [...disturbances(row), ...troubles(row)];
  const commit =
    row.gitCommit === undefined ? [] : [`Measured at commit ${shortCommit(row.gitCommit)}.`];
  return [
    `### ${row.id}`,
    '',
    `${row.title}; ${describeMeasuring(row)}.`,
    ...commit,
    '',
    metricTable(row, columnsOf(row, 'main')),
    '',
    ...(counted.length > 0 ? ['Instructions:', '', metricTable(row, counted), ''] : []),
    ...(counted.length === 0 && row.perfUnavailable !== undefined
      ? [`Instructions: n/a: ${row.perfUnavailable}.`, '']
      : []),
    ...notes.flatMap((note) => [`- ${note.replace(/\n/g, ' ')}`]),
    ...(notes.length > 0 ? [''] : []),
  ];
}

function metricTable(row: RowResult, columns: readonly Column[]): string {
  const measured = row.drivers.filter(({ name }) => measuredDriver(row, name) !== undefined);
  return markdownTable(
    ['driver', ...columns.map(({ head }) => head)],
    measured.map((driver) => [driver.name, ...columns.map((column) => column.cell(driver))]),
  );
}

const quotedRows = [
  ...['echo/64x64B/depth1/own', 'echo/1x64B/depth1/own', 'echo/512x64B/depth1/own'],
  ...['echo/4096x64B/depth1/own', 'echo/64x16KiB/depth1/own', 'echo/64x256KiB/depth1/own'],
  ...['echo/64x64B/depth16/own', 'echo/64x64B/depth1/shared'],
];
const mainRow = quotedRows[0];

/** What README.md quotes: the first row in full, and the others by their first figure. */
export function readmeFigures(suite: SuiteResult): string {
  const main = suite.rows.find(({ id }) => id === mainRow);
  const drivers = driverNamesOf(suite.rows).filter((name) => name !== reference);
  const quoted = suite.rows.filter(
    ({ id, workload }) => workload !== 'echo' || quotedRows.includes(id),
  );
  return [
    `Measured ${describeOrigin(suite)}.`,
    '',
    ...(main === undefined
      ? []
      : [`${main.title}; ${describeMeasuring(main)}:`, '', mainTable(main), '']),
    `Other loads: what ${reference} reached (messages, connections, MB or requests per second, or bytes per connection), and the`,
    'others × that. A row is named by connections × message size, by the messages each keeps in flight and by whether the',
    'server has a core of its own. ↓: less is better.',
    '',
    markdownTable(
      ['row', reference, ...drivers],
      quoted.map((row) => [
        markedId(row.id, row),
        `${formatMetric(row.headline, measuredDriver(row, reference)?.metrics[row.headline]?.median)}`,
        ...drivers.map((name) => headlineRatio(row, name)),
      ]),
    ),
    '',
    '![Throughput × node-net, by row and driver](bench/results/throughput.svg)',
  ].join('\n');
}

function mainTable(row: RowResult): string {
  const heads = [
    'msg/s',
    '× node-net',
    '× c-uring',
    'p50 µs',
    'p99 µs',
    'CPU ns/msg',
    'main ns/msg',
  ];
  const columns = columnsOf(row, 'main');
  // The ratios that come first are the throughput's.
  const chosen = heads.flatMap((head) => columns.find((column) => column.head === head) ?? []);
  return metricTable(row, chosen);
}
