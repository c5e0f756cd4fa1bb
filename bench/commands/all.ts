// `npm run bench -- all`: every row of the suite, into a file of results.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from '../machine.js';
import { buildNativePrograms } from '../native.js';
import { UsageError } from '../options.js';
import { projectRoot } from '../paths.js';
import { matchesPattern } from '../report/pattern.js';
import { readResults, writeResults } from '../report/results-file.js';
import { formatRow } from '../report/terminal.js';
import { exitCodeOf, type SuiteResult } from '../result.js';
import { inSuiteOrder, runSuite, whyNotAdd } from '../suite-run.js';
import { type SuiteRow, suiteRows } from '../suites.js';
import { writeMade } from './charts.js';

export const allSummary = 'every row of the suite, with tables and charts';
export const resultsFileName = 'all.json';

const fullFolder = path.join(projectRoot, 'bench/results');
const quickFolder = path.join(projectRoot, 'build/bench-results');

const helpText = `Usage: npm run bench -- all [options]

Measures every row of the suite and writes DIR/${resultsFileName} after each. All rows are measured in a first pass, then all
in a second, so that what the machine's speed does in between shows; with --quick there is one pass.

  --list          show the rows and how to repeat each, and measure nothing
  --rows PATTERN  only rows whose id matches; * stands for anything
  --quick         short rounds: minutes instead of most of an hour, and too noisy to quote
  --out DIR       where to (bench/results; with --quick build/bench-results, so that it replaces no real results)
  --resume        measure only the rows and passes that DIR/${resultsFileName} does not have
  --merge         measure rows again, with all their passes, and leave the others of DIR/${resultsFileName} as they are
  --bun PATH, --deno PATH    as for a workload
  --help          show this
`;

const optionTypes = {
  list: { type: 'boolean', default: false },
  rows: { type: 'string', default: '*' },
  quick: { type: 'boolean', default: false },
  out: { type: 'string' },
  resume: { type: 'boolean', default: false },
  merge: { type: 'boolean', default: false },
  bun: { type: 'string' },
  deno: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

export interface AllOptions {
  readonly rows: readonly SuiteRow[];
  /** The ids of the whole suite, in order. */
  readonly ids: readonly string[];
  readonly list: boolean;
  readonly folder: string;
  readonly resume: boolean;
  readonly merge: boolean;
}

/** Throws a UsageError for what it cannot follow. */
export function parseAllOptions(argv: readonly string[]): AllOptions | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const { list, quick, resume, merge } = values;
  if (resume && merge) throw new UsageError('--resume and --merge exclude each other');
  const runtimes = (['bun', 'deno'] as const).flatMap((name) => {
    const given = values[name];
    return given === undefined ? [] : [`--${name}`, given];
  });
  const all = suiteRows(quick ? 'quick' : 'full', runtimes);
  const rows = all.filter(({ id }) => matchesPattern(id, values.rows));
  if (rows.length === 0) throw new UsageError(`no row matches '${values.rows}': see --list`);
  const folder = values.out ?? (quick ? quickFolder : fullFolder);
  return { rows, ids: all.map(({ id }) => id), list, folder, resume, merge };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: optionTypes }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Resolves to the exit code. */
export async function runAll(argv: readonly string[]): Promise<number> {
  const options = parseAllOptions(argv);
  if (options === 'help') {
    console.log(helpText);
    return 0;
  }
  if (options.list) {
    for (const row of options.rows) console.log(describeRow(row));
    return 0;
  }
  return measure(options);
}

function describeRow({ id, workload, passes: [first = [], ...more] }: SuiteRow): string {
  const often = more.length === 0 ? '' : `    # ${more.length + 1} passes`;
  return `${id.padEnd(36)} npm run bench -- ${workload.name} ${first.join(' ')}${often}`;
}

async function measure(options: AllOptions): Promise<number> {
  const machine = describeMachine();
  mkdirSync(options.folder, { recursive: true });
  const file = path.join(options.folder, resultsFileName);
  const existing = existingResults(options, machine, file);
  buildNativePrograms();
  const { suite, failures } = await runSuite({
    rows: options.rows,
    machine,
    existing,
    missingOnly: options.resume,
    onRow: (row, soFar) => {
      writeResults(file, inSuiteOrder(soFar, options.ids));
      console.log(`\n${formatRow(machine, row)}\n`);
    },
    onProgress: (line) => console.error(line),
  });
  console.log(`${path.relative(process.cwd(), file)}: ${suite.rows.length} rows`);
  for (const failure of failures) console.error(`failed: ${failure}`);
  // Reasons for what is lost are written once the figures are known: that they are missing is no failure here.
  writeMade(path.resolve(file));
  return failures.length > 0 ? 1 : exitCodeOf(suite.rows);
}

function existingResults(
  { resume, merge }: AllOptions,
  machine: Machine,
  file: string,
): SuiteResult | undefined {
  if (!(resume || merge) || !existsSync(file)) return undefined;
  const existing = readResults(file);
  const problem = whyNotAdd(existing, machine);
  if (problem !== undefined) throw new Error(`cannot add rows to ${file}: ${problem}`);
  return existing;
}
