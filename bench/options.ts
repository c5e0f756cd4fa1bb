// The benchmark's command line: what may be given, what it means, and what is wrong with what was given.
import { parseArgs } from 'node:util';
import { parseCpuList } from './cpus.js';
import { driverNames } from './drivers/index.js';

export interface EchoOptions {
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly warmUp: number;
  readonly countRounds: number;
  readonly drivers: readonly string[];
  readonly sharedCore: boolean;
  readonly serverCpus: readonly number[] | undefined;
  readonly verify: boolean;
  readonly json: string | undefined;
}

/** A command line that cannot be followed. The message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const helpText = `Usage: npm run bench -- [echo] [options]

Runs an echo server of each driver and measures them in turn, round by round.

  --connections N     TCP connections                                  (64)
  --size BYTES        bytes in a message                               (64)
  --depth N           messages a connection keeps outstanding          (1)
  --seconds S         length of a round of one driver                  (0.5)
  --rounds N          rounds                                           (12)
  --warm-up S         load on each server before the first round       (1.5)
  --count-rounds N    rounds that count instructions, where perf can   (2)
  --drivers LIST      comma-separated                                  (all)
                      ${driverNames.join(', ')}
  --shared-core       server and load generator on one core
  --server-cpus LIST  the server's cores, such as 2,3 or 4-7           (one core)
  --verify            compare every byte that comes back
  --json FILE         write everything that was measured to FILE
  --help              show this
`;

const optionTypes = {
  connections: { type: 'string', default: '64' },
  size: { type: 'string', default: '64' },
  depth: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '0.5' },
  rounds: { type: 'string', default: '12' },
  'warm-up': { type: 'string', default: '1.5' },
  'count-rounds': { type: 'string', default: '2' },
  drivers: { type: 'string', default: driverNames.join(',') },
  'shared-core': { type: 'boolean', default: false },
  'server-cpus': { type: 'string' },
  verify: { type: 'boolean', default: false },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** The options, or 'help'. Throws a UsageError for anything else. */
export function parseOptions(argv: readonly string[]): EchoOptions | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  const [workload = 'echo', ...surplus] = positionals;
  if (workload !== 'echo') throw new UsageError(`unknown workload '${workload}': there is 'echo'`);
  if (surplus.length > 0) throw new UsageError(`unexpected argument '${surplus.join(' ')}'`);
  const serverCpus = values['server-cpus'];
  if (serverCpus !== undefined && values['shared-core']) {
    throw new UsageError('--shared-core and --server-cpus exclude each other');
  }
  return {
    connections: integer('--connections', values.connections, 1, 20_000),
    size: integer('--size', values.size, 1, 16 * 1024 * 1024),
    depth: integer('--depth', values.depth, 1, 1024),
    seconds: decimal('--seconds', values.seconds, 0.01, 600),
    rounds: integer('--rounds', values.rounds, 1, 1000),
    warmUp: decimal('--warm-up', values['warm-up'], 0, 600),
    countRounds: integer('--count-rounds', values['count-rounds'], 0, 100),
    drivers: driverList(values.drivers),
    sharedCore: values['shared-core'],
    serverCpus: serverCpus === undefined ? undefined : cpuList(serverCpus),
    verify: values.verify,
    json: values.json,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: optionTypes, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function integer(name: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw new UsageError(`${name} must be an integer from ${minimum} to ${maximum}, not '${text}'`);
}

function decimal(name: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw new UsageError(`${name} must be a number from ${minimum} to ${maximum}, not '${text}'`);
}

function driverList(text: string): readonly string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  const unknown = names.filter((name) => !driverNames.includes(name));
  if (unknown.length === 0) return names;
  throw new UsageError(`unknown driver '${unknown[0]}': there are ${driverNames.join(', ')}`);
}

function cpuList(text: string): readonly number[] {
  try {
    return parseCpuList(text);
  } catch {
    throw new UsageError(`--server-cpus must be a list such as 2,3 or 4-7, not '${text}'`);
  }
}
