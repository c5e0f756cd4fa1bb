// Results as a file: what is written, and what is accepted when it is read again.
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { projectRoot } from '../paths.js';
import { type DriverOutcome, type RowResult, resultFormat, type SuiteResult } from '../result.js';

const significantDigits = 7; // more than any clock here resolves, and half the bytes

/** A file that holds no results that this version can read. The message names the file. */
export class ResultsFileError extends Error {
  override readonly name = 'ResultsFileError';
}

/** The text of a results file. Folders of this machine become relative, since results are committed. */
export function serializeResults(suite: SuiteResult): string {
  const text = JSON.stringify(
    suite,
    (_key, value: unknown) => {
      if (typeof value === 'string') return withoutFolders(value);
      if (typeof value !== 'number' || Number.isInteger(value)) return value;
      return Number(value.toPrecision(significantDigits));
    },
    1,
  );
  // A metric in one line: its rounds are read side by side.
  const compact = text
    .replace(/\[\s+(-?[\d.][^[\]{}"]*?)\s+\]/g, (_match, numbers: string) => {
      return `[${numbers.replace(/\s+/g, ' ')}]`;
    })
    .replace(/\{\s+("median": [^{}[\]]*)\s+("rounds": \[[^\]]*\])\s+\}/g, '{ $1 $2 }');
  return `${compact}\n`;
}

function withoutFolders(text: string): string {
  return text
    .replaceAll(`${projectRoot}/`, '')
    .replaceAll(process.execPath, 'node')
    .replaceAll(`${os.homedir()}/`, '~/');
}

export function writeResults(file: string, suite: SuiteResult): void {
  writeFileSync(file, serializeResults(suite));
}

/** Throws a ResultsFileError that says what is wrong with the file. */
export function readResults(file: string): SuiteResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ResultsFileError(`cannot read ${file}: ${(error as Error).message}`);
  }
  return parseResults(file, text);
}

/** `file` is only for the words of the error. */
export function parseResults(file: string, text: string): SuiteResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ResultsFileError(`${file} is not JSON: ${(error as Error).message}`);
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw new ResultsFileError(`${file} ${problem}`);
  return value as SuiteResult;
}

function problemOf(value: unknown): string | undefined {
  if (!isRecord(value) || value['format'] === undefined) {
    return 'holds no benchmark results: it has no "format"';
  }
  if (value['format'] !== resultFormat) {
    return `has results of format ${value['format']}, and this version reads format ${resultFormat}: measure again`;
  }
  if (!isRecord(value['machine'])) return 'does not say which machine it was measured on';
  if (!Array.isArray(value['rows'])) return 'has no list of rows';
  const ids = new Set<string>();
  for (const [index, row] of value['rows'].entries()) {
    const problem = problemOfRow(row);
    if (problem !== undefined) return `has a row ${index + 1} that ${problem}`;
    const { id } = row as RowResult;
    if (ids.has(id)) return `has the row ${id} twice`;
    ids.add(id);
  }
  return undefined;
}

function problemOfRow(row: unknown): string | undefined {
  if (!isRecord(row) || typeof row['id'] !== 'string') return 'has no id';
  for (const name of ['workload', 'title', 'headline']) {
    if (typeof row[name] !== 'string') return `has no ${name}`;
  }
  if (!isRecord(row['conditions'])) return 'has no conditions';
  if (!isRecord(row['placement']) || !Array.isArray(row['placement']['serverCpus'])) {
    return 'has no placement';
  }
  if (!Array.isArray(row['drivers'])) return 'has no drivers';
  if (row['passes'] !== undefined && !arePasses(row['passes'])) return 'has no proper passes';
  for (const driver of row['drivers'] as unknown[]) {
    if (!isRecord(driver) || typeof driver['name'] !== 'string') return 'has a driver without name';
    const isWhole = isRecord(driver['metrics']) && Object.values(driver['metrics']).every(isMetric);
    if (!isWhole) return `has no proper metrics of ${driver['name']}`;
    const statuses: readonly unknown[] = ['ok', 'unavailable', 'failed'];
    const { status } = driver as unknown as DriverOutcome;
    if (!statuses.includes(status)) return `has a driver ${driver['name']} of status ${status}`;
  }
  return undefined;
}

function arePasses(value: unknown): boolean {
  const isPass = (pass: unknown) =>
    isRecord(pass) && typeof pass['startedAt'] === 'string' && Number.isInteger(pass['rounds']);
  return Array.isArray(value) && value.every(isPass);
}

function isMetric(value: unknown): boolean {
  if (!isRecord(value) || !Array.isArray(value['rounds'])) return false;
  return [value['median'], ...value['rounds']].every((number) => typeof number === 'number');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
