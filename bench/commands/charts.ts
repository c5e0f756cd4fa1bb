// `npm run bench -- charts [FILE]`: charts, page and README's figures made again from a file of results.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../options.js';
import { projectRoot } from '../paths.js';
import { chartFiles, drawCharts } from '../report/charts.js';
import { type ExplainedLosses, explain, lossesOf, readReasons } from '../report/losses.js';
import { readmeFigures, resultsPage } from '../report/page.js';
import { ResultsFileError, readResults } from '../report/results-file.js';
import type { SuiteResult } from '../result.js';

export const chartsSummary = 'charts and tables again, from a file of results';
export const committedResults = path.join(projectRoot, 'bench/results/all.json');
export const readmeFile = path.join(projectRoot, 'README.md');

const helpText = `Usage: npm run bench -- charts [FILE]

Writes the charts and the page README.md beside FILE (bench/results/all.json), and where FILE is that one, the figures
in the project's README.md. Reasons for what is lost are taken from reasons.json beside FILE; the exit code is 1 while
one is missing.
`;

const readmeMarks = ['<!-- bench:begin -->', '<!-- bench:end -->'] as const;

/** A file's name and its text. */
export type MadeFiles = ReadonlyMap<string, string>;

/** All that stands beside a file of results, with the losses that are to be explained. */
export function madeFrom(
  file: string,
  suite: SuiteResult,
): { files: MadeFiles; losses: ExplainedLosses } {
  const charts = drawCharts(suite);
  const reasons = readReasons(path.join(path.dirname(file), 'reasons.json'));
  const losses = explain(lossesOf(suite), reasons);
  const page = resultsPage({ suite, charts, losses, resultsFile: path.basename(file) });
  const files = new Map([
    ['README.md', page],
    ...charts.map(({ file, svg }) => [file, svg] as const),
  ]);
  return { files, losses };
}

/** The text with the figures of the results between its marks. Throws where it has no marks. */
export function withFigures(text: string, suite: SuiteResult): string {
  const [begin, end] = readmeMarks;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new ResultsFileError(`README.md has no ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${readmeFigures(suite)}\n\n${text.slice(to)}`;
}

/** Returns the exit code. */
export function runCharts(argv: readonly string[]): number {
  if (argv.includes('--help')) {
    console.log(helpText);
    return 0;
  }
  const [given, ...surplus] = argv;
  if (surplus.length > 0 || given?.startsWith('-')) {
    throw new UsageError(`charts takes one file, not '${argv.join(' ')}'`);
  }
  return writeMade(path.resolve(given ?? committedResults));
}

/** Writes everything that is made from the file, and returns the exit code. */
export function writeMade(file: string): number {
  const suite = readResults(file);
  const folder = path.dirname(file);
  const { files, losses } = madeFrom(file, suite);
  for (const stale of chartFiles.filter((name) => !files.has(name))) {
    rmSync(path.join(folder, stale), { force: true });
  }
  for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
  if (file === committedResults && existsSync(readmeFile)) {
    writeFileSync(readmeFile, withFigures(readFileSync(readmeFile, 'utf8'), suite));
  }
  console.log(`written to ${folder}: ${[...files.keys()].join(', ')}`);
  for (const { rows, drivers, peers } of losses.unused) {
    console.error(`reasons.json: nothing is lost by ${drivers} against ${peers} in ${rows}`);
  }
  for (const { row, driver, peer, score } of losses.unexplained) {
    console.error(`no reason yet: ${row}: ${driver} has ${score.toFixed(2)} of ${peer}`);
  }
  return losses.unexplained.length > 0 ? 1 : 0;
}
