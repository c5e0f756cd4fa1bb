// `npm run bench -- compare A.json B.json`: what changed between two runs.
import { parseArgs } from 'node:util';
import { UsageError } from '../options.js';
import { compareSuites, regressions } from '../report/compare.js';
import { describeRun, formatComparison } from '../report/compare-text.js';
import { readResults } from '../report/results-file.js';

export const compareSummary = 'what changed between two files of results';

const helpText = `Usage: npm run bench -- compare A.json B.json [options]

Shows B / A of every figure that both have, and marks what changed beyond noise.

  --fail-on-regression PERCENT   exit with 1 when a driver of this package fails in B, or is worse by more than that
                                 beyond noise: in the row's first figure, relative to node-net where that was
                                 measured, or in instructions
  --help                         show this
`;

interface CompareOptions {
  readonly files: readonly [string, string];
  /** 0.1 for 10%. */
  readonly failAbove: number | undefined;
}

/** Throws a UsageError for what it cannot follow. */
export function parseCompareOptions(argv: readonly string[]): CompareOptions | 'help' {
  const options = { 'fail-on-regression': { type: 'string' }, help: { type: 'boolean' } } as const;
  const { values, positionals } = parse(() =>
    parseArgs({ args: [...argv], options, allowPositionals: true }),
  );
  if (values.help) return 'help';
  const [a, b, ...surplus] = positionals;
  if (a === undefined || b === undefined || surplus.length > 0) {
    throw new UsageError(`compare takes two files, not ${positionals.length}`);
  }
  const percent = values['fail-on-regression'];
  return { files: [a, b], failAbove: percent === undefined ? undefined : fractionOf(percent) };
}

function parse<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function fractionOf(text: string): number {
  const percent = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (percent >= 0 && percent <= 100) return percent / 100;
  throw new UsageError(`--fail-on-regression must be a number from 0 to 100, not '${text}'`);
}

/** Returns the exit code. */
export function runCompare(argv: readonly string[]): number {
  const options = parseCompareOptions(argv);
  if (options === 'help') {
    console.log(helpText);
    return 0;
  }
  const [fileA, fileB] = options.files;
  const [a, b] = [readResults(fileA), readResults(fileB)];
  const comparison = compareSuites(a, b);
  console.log([describeRun('A', fileA, a), describeRun('B', fileB, b)].join('\n'));
  console.log(formatComparison(comparison));
  if (options.failAbove === undefined) return 0;
  const worse = regressions(comparison, options.failAbove);
  if (worse.length === 0) return 0;
  console.error(`Worse by more than ${options.failAbove * 100}%:\n  ${worse.join('\n  ')}`);
  return 1;
}
