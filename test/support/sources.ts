// Reads this repository's own sources for tidy.test.ts: imports, function lengths, C++ constants and structs. By
// regular expressions, which is enough for formatted code.
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

export const root = path.dirname(require.resolve('proactor/package.json'));

/** Files below a folder of the repository, relative to the repository. */
export function filesOf(folder: string, suffixes: readonly string[]): string[] {
  const names = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => suffixes.some((suffix) => name.endsWith(suffix)))
    .map((name) => `${folder}/${name}`)
    .sort();
}

const texts = new Map<string, string>();

export function textOf(file: string): string {
  let text = texts.get(file);
  if (text === undefined) {
    text = readFileSync(path.join(root, file), 'utf8');
    texts.set(file, text);
  }
  return text;
}

export const linesOf = (file: string): string[] => textOf(file).replace(/\n$/, '').split('\n');

export const libraryFiles = filesOf('lib', ['.ts']);
export const nativeFiles = filesOf('native', ['.cc', '.h']);

/**
 * The files of lib/ that a file of lib/ imports, or runs as a program (`require.resolve`); with `valuesOnly`, without
 * imports of types.
 */
export function importsOf(file: string, valuesOnly = false): string[] {
  const found = textOf(file).matchAll(
    /^(?:import|export)\s+(type\s)?[^;'"]*?from\s+'(\.[^']+)'|\brequire(?:\.resolve)?\('(\.[^']+)'\)/gm,
  );
  const imported: string[] = [];
  for (const [, typeOnly, from, required] of found) {
    if (valuesOnly && typeOnly) continue;
    const name = (from ?? required ?? '').replace(/\.js$/, '');
    const target = path.posix.join(path.posix.dirname(file), name);
    const candidates = [`${target}.ts`, `${target}/index.ts`];
    const existing = candidates.find((candidate) => libraryFiles.includes(candidate));
    imported.push(existing ?? `${target} (missing)`);
  }
  return imported;
}

const indentationOf = (line: string): number => line.length - line.trimStart().length;

// The last line of a function's header. What opens other blocks and namespaces is excluded by its first word.
const HEADER = /(\)|=>|\)\s*:\s*[^=]+|\)\s*(const|noexcept|override)+)\s*\{$/;
const OTHER_BLOCK =
  /^\s*(\}|if|for|while|switch|do|else|return|namespace|struct|class|enum|union|extern|describe|\/\/|\*|#)(?!\w)/;

/** `FILE:LINE` and length of each function with more lines than `limit`. */
export function functionsLongerThan(limit: number, file: string): string[] {
  const lines = linesOf(file);
  const long: string[] = [];
  lines.forEach((line, last) => {
    if (!HEADER.test(line)) return;
    // The header may have begun some lines earlier: after a blank line or the end of a statement, block or comment.
    let first = last;
    while (first > 0 && !/^\s*(\/\/.*|\*.*)?$|[;{}:]\s*(\/\/.*)?$/.test(lines[first - 1] ?? ''))
      first--;
    const header = lines[first] ?? '';
    if (OTHER_BLOCK.test(header)) return;
    const end = lines.findIndex(
      (other, index) =>
        index > last &&
        other.trimStart().startsWith('}') &&
        indentationOf(other) <= indentationOf(header),
    );
    if (end - first > limit) long.push(`${file}:${first + 1}: ${end - first + 1} lines`);
  });
  return long;
}

/** Integer constants of a C++ header by name: `constexpr uint32_t kName = 1u << 3;`. */
export function constantsOf(file: string): Map<string, number> {
  const constants = new Map<string, number>();
  const found = textOf(file).matchAll(/^constexpr u?int\d+_t (\w+) = ([^;]+);/gm);
  for (const [, name = '', value = ''] of found) {
    const shift = /^(\d+)u? << (\d+)$/.exec(value);
    constants.set(name, shift ? Number(shift[1]) * 2 ** Number(shift[2]) : Number(value));
  }
  return constants;
}

/** The byte offset of each member of a C++ struct made of fixed-width integers. */
export function memberOffsets(file: string, struct: string): Map<string, number> {
  const definition = new RegExp(`^struct ${struct} \\{\\n([^}]*)^\\};`, 'm').exec(textOf(file));
  const offsets = new Map<string, number>();
  let offset = 0;
  for (const [, bits, names = ''] of (definition?.[1] ?? '').matchAll(
    /^\s*u?int(\d+)_t ([\w, ]+);/gm,
  )) {
    for (const name of names.split(', ')) {
      offsets.set(name, offset);
      offset += Number(bits) / 8;
    }
  }
  return offsets;
}

/** kSubmissionTail -> SUBMISSION_TAIL */
export const screamingCase = (name: string): string =>
  name
    .slice(1)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase();
