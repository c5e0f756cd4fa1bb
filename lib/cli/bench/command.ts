// The command `proactor bench echo`: options, the comparison, and its table.
import { cpus } from 'node:os';
import { readRestrictions } from '../../host';
import { examine } from '../doctor/gather';
import type { ProbeFacts } from '../doctor/report';
import { manifest } from '../manifest';
import { decimal, integer, parse, UsageError } from '../usage';
import { type CompareOptions, type ContenderResult, compare } from './compare';
import { type Placement, place } from './processes';

const PROBE_TIMEOUT_MS = 30_000;
const OUTSTANDING_BYTES_MAX = 16 * 1024 * 1024;

export const BENCH_HELP = `Usage: proactor bench echo [options]

Compares echo servers over TCP on this machine: this package on both dispatchers, and node:net. A server is a process
on one core, the load generator one on another; they take turns, round by round. Every byte is checked.

  --connections N     TCP connections to each server           (64)
  --size BYTES        bytes in a message                       (64)
  --depth N           messages a connection keeps outstanding  (1)
  --seconds S         length of a server's turn                (1)
  --rounds N          turns of each server                     (5)
  --json              print the result as JSON
  --help              show this

Exit status: 0 all servers were measured, 1 io_uring cannot be used or a server failed, 2 wrong usage, 3 the result
could not be written.
`;

const OPTIONS = {
  connections: { type: 'string', default: '64' },
  size: { type: 'string', default: '64' },
  depth: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '5' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What `proactor bench echo --json` prints. */
export interface BenchReport {
  /** Of this shape. More members may come without another number. */
  readonly format: 1;
  readonly version: string;
  readonly workload: 'echo';
  readonly conditions: CompareOptions;
  readonly machine: { readonly kernel: string; readonly cpu: string; readonly node: string };
  /** The cores of servers and load; null where they could not be told where to run. */
  readonly placement: Placement | null;
  readonly contenders: readonly ContenderResult[];
}

export function parseBench(args: readonly string[]): 'help' | (CompareOptions & { json: boolean }) {
  const { values, positionals } = parse({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  if (values.help) return 'help';
  const [workload, surplus] = positionals;
  if (workload === undefined) throw new UsageError("bench of what? There is 'bench echo'");
  if (workload !== 'echo') throw new UsageError(`unknown workload '${workload}': there is 'echo'`);
  if (surplus !== undefined) throw new UsageError(`unexpected argument '${surplus}'`);
  const size = integer('--size', values.size, 1, 1024 * 1024);
  const depth = integer('--depth', values.depth, 1, 1024);
  if (size * depth > OUTSTANDING_BYTES_MAX) {
    throw new UsageError(
      `--size times --depth must not be above ${OUTSTANDING_BYTES_MAX}, it is ${size * depth}`,
    );
  }
  return {
    connections: integer('--connections', values.connections, 1, 4096),
    ...{ size, depth },
    seconds: decimal('--seconds', values.seconds, 0.05, 60),
    rounds: integer('--rounds', values.rounds, 1, 100),
    json: values.json,
  };
}

/** Returns the exit status. */
export async function bench(args: readonly string[]): Promise<number> {
  const options = parseBench(args);
  if (options === 'help') {
    process.stdout.write(BENCH_HELP);
    return 0;
  }
  const { value: probe, failure } = await examine<ProbeFacts>('probe', PROBE_TIMEOUT_MS);
  if (!probe?.available) {
    const what =
      probe === undefined
        ? `it could not be found out whether io_uring can be used here: ${failure}`
        : `io_uring cannot be used here: ${probe.reason}`;
    process.stderr.write(`proactor: ${what}\n'proactor doctor' says what to do\n`);
    return 1;
  }
  const { json, ...conditions } = options;
  const placement = place('/');
  const contenders = await compare(conditions, placement, showProgress);
  showProgress('');
  const report: BenchReport = {
    ...{
      format: 1,
      version: manifest.version,
      workload: 'echo',
      conditions,
      placement,
      contenders,
    },
    machine: {
      kernel: readRestrictions('/').kernel,
      cpu: cpus()[0]?.model ?? '',
      node: process.versions.node,
    },
  };
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : table(report));
  return contenders.every((contender) => contender.failure === '') ? 0 : 1;
}

/** One line that is written over; nothing where it would be lines of a file. */
function showProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

const HEADER = ['server', 'msg/s', '× node-net', 'p50 µs', 'p99 µs', 'CPU ns/msg'];

export function table({ conditions, machine, placement, contenders }: BenchReport): string {
  const { connections, size, depth, seconds, rounds } = conditions;
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  const rows = contenders.map(({ name, summary }) =>
    summary === null
      ? [name, 'failed', '', '', '', '']
      : [
          name,
          whole(summary.messagesPerSecond),
          summary.ratio?.toFixed(2) ?? 'n/a',
          whole(summary.p50),
          whole(summary.p99),
          summary.cpuNsPerMessage === null ? 'n/a' : whole(summary.cpuNsPerMessage),
        ],
  );
  const failures = contenders.flatMap(({ name, failure }) =>
    failure === '' ? [] : [`${name} failed: ${failure}`],
  );
  return [
    `Echo: ${connections} connections × ${size} B, depth ${depth}; ${rounds} rounds of ${seconds} s; medians`,
    `${machine.cpu}, Linux ${machine.kernel}, Node.js ${machine.node}; ${placementText(placement)}`,
    '',
    ...align([HEADER, ...rows]),
    '',
    ...failures,
    'The load generator is JavaScript as well: where it is busy all the time, servers are faster than they look here.',
    'Then CPU time for each message tells more than messages. Compare ratios, and run nothing else meanwhile. The full',
    "benchmark, with a load generator in C++ and more servers, is in the package's repository: bench/README.md.",
    '',
  ].join('\n');
}

function placementText(placement: Placement | null): string {
  if (placement === null) return 'on any core (taskset cannot be used)';
  const { serverCpu, loadCpu } = placement;
  if (serverCpu === loadCpu)
    return `servers and load on one core, ${serverCpu}, for there is no other`;
  return `servers on core ${serverCpu}, load on core ${loadCpu}`;
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADER.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
