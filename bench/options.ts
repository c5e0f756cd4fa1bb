// The benchmark's command lines: a workload declares its options in a table, which gives the parser, the checks and
// the text of --help.
import { parseArgs } from 'node:util';
import { parseCpuList } from './cpus.js';

/** A command line that cannot be followed. The message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One option. A flag has no placeholder and takes no value. */
export interface Option<Value> {
  readonly placeholder: string | undefined;
  readonly help: string;
  /** What stands for it where it is not given; undefined where there is nothing that would. */
  readonly fallback: string | undefined;
  /** What --help shows as the default, where that is not the fallback. */
  readonly fallbackWords?: string;
  /** `text` is undefined only where the option was not given and there is no fallback. */
  readonly read: (flag: string, text: string | undefined) => Value;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

export type ValuesOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never;
};

/** 'countRounds' as '--count-rounds'. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The values of a table's options, or 'help'. Throws a UsageError for anything else. */
export function parseCommand<Table extends OptionTable>(
  table: Table,
  argv: readonly string[],
): ValuesOf<Table> | 'help' {
  const given = parse(table, argv);
  if (given['help'] === true) return 'help';
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const flag = flagOf(name);
    const text = given[flag.slice(2)];
    if (Array.isArray(text)) throw new UsageError(`${flag} was given more than once`);
    values[name] = option.read(flag, text === undefined ? option.fallback : `${text}`);
  }
  return values as ValuesOf<Table>;
}

function parse(table: OptionTable, argv: readonly string[]): Record<string, unknown> {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = {};
  for (const [name, { placeholder }] of Object.entries(table)) {
    const type = placeholder === undefined ? 'boolean' : 'string';
    // Collected, so that one that was given twice is noticed rather than half ignored.
    options[flagOf(name).slice(2)] = { type, multiple: true };
  }
  options['help'] = { type: 'boolean', multiple: false };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (positionals.length === 0) return unwrapped(values);
    throw new UsageError(`unexpected argument '${positionals.join(' ')}'`);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function unwrapped(values: Record<string, unknown>): Record<string, unknown> {
  const single = (value: unknown) =>
    Array.isArray(value) && value.length === 1 ? value[0] : value;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, single(value)]));
}

/** The text of --help. */
export function helpOf(name: string, summary: string, table: OptionTable): string {
  const lines = Object.entries(table).map(([option, { placeholder, help, ...rest }]) => {
    const left = `  ${flagOf(option)}${placeholder === undefined ? '' : ` ${placeholder}`}`;
    const words = rest.fallbackWords ?? rest.fallback;
    return `${left.padEnd(22)} ${help}${words === undefined ? '' : ` (${words})`}`;
  });
  return [
    `Usage: npm run bench -- ${name} [options]`,
    '',
    summary,
    '',
    ...lines,
    `${'  --help'.padEnd(22)} show this`,
    '',
  ].join('\n');
}

export function integer(
  help: string,
  fallback: number,
  minimum: number,
  maximum: number,
): Option<number> {
  return {
    placeholder: 'N',
    help,
    fallback: `${fallback}`,
    read: (flag, text = '') => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= minimum && value <= maximum) return value;
      throw new UsageError(
        `${flag} must be an integer from ${minimum} to ${maximum}, not '${text}'`,
      );
    },
  };
}

export function decimal(
  help: string,
  fallback: number,
  minimum: number,
  maximum: number,
): Option<number> {
  return {
    placeholder: 'X',
    help,
    fallback: `${fallback}`,
    read: (flag, text = '') => {
      const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= minimum && value <= maximum) return value;
      throw new UsageError(`${flag} must be a number from ${minimum} to ${maximum}, not '${text}'`);
    },
  };
}

export function flag(help: string): Option<boolean> {
  return {
    placeholder: undefined,
    help,
    fallback: undefined,
    read: (_flag, text) => text !== undefined,
  };
}

export function oneOf<Word extends string>(help: string, words: readonly Word[]): Option<Word> {
  return {
    placeholder: 'WORD',
    help: `${help}: ${words.join(' or ')}`,
    fallback: words[0],
    read: (name, text) => {
      const word = words.find((each) => each === text);
      if (word !== undefined) return word;
      throw new UsageError(`${name} must be ${words.join(' or ')}, not '${text}'`);
    },
  };
}

export function text(placeholder: string, help: string): Option<string | undefined> {
  return {
    placeholder,
    help,
    fallback: undefined,
    read: (name, value) => {
      if (value === '') throw new UsageError(`${name} must not be empty`);
      return value;
    },
  };
}

/** Comma-separated names out of `known`; without a choice, `byDefault`. */
export function nameList(
  help: string,
  known: readonly string[],
  byDefault: readonly string[],
): Option<readonly string[]> {
  return {
    placeholder: 'LIST',
    help: `${help}: ${known.join(', ')}`,
    fallback: byDefault.join(','),
    fallbackWords:
      byDefault.length === known.length ? 'all' : `without a list: ${byDefault.join(', ')}`,
    read: (_flag, value = '') => {
      const names = [...new Set(value.split(',').map((name) => name.trim()))];
      const unknown = names.find((name) => !known.includes(name));
      if (unknown === undefined) return names;
      throw new UsageError(`unknown driver '${unknown}': there are ${known.join(', ')}`);
    },
  };
}

export function cpuList(help: string): Option<readonly number[] | undefined> {
  return {
    placeholder: 'LIST',
    help,
    fallback: undefined,
    read: (name, value) => {
      try {
        return value === undefined ? undefined : parseCpuList(value);
      } catch {
        throw new UsageError(`${name} must be a list such as 2,3 or 4-7, not '${value}'`);
      }
    },
  };
}
