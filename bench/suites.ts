// The rows of `npm run bench -- all`: a workload and its options each, so that any row can be repeated by itself. They
// cover every value of every dimension, not every combination.
import type { CommonOptions, Workload } from './workload.js';
import { workloads } from './workloads/index.js';

/** How long a row is measured. Many short rounds rather than a few long ones: see bench/README.md. */
export type Length = 'full' | 'quick';

export interface SuiteRow {
  readonly id: string;
  readonly workload: Workload;
  /** For each pass the command line behind the workload's name. */
  readonly passes: readonly (readonly string[])[];
}

/** The options of each pass: why there are several, see passes.ts. */
type Timing = Readonly<Record<Length, readonly string[]>>;

interface RowDefinition {
  readonly workload: string;
  readonly load: string;
  /** Unless it is that of rounds of load. */
  readonly timing?: Timing;
}

const loadTiming = timedRounds(0.8);
// After 0.8 s the runtimes of JavaScript were still up to 1.5 times faster in the third round than in the first.
const bulkTiming = timedRounds(2);

// node:http is more code than the servers above, and takes longer until it is compiled.
const httpTiming = timedRounds(2);

// Each round begins with a handshake on each connection, which is not to be what is measured.
const httpsTiming = timedRounds(2, 2);
// A round consists of whole responses, of up to some tenths of a second each.
const longResponseTiming = timedRounds(2, 1);

function timedRounds(warmUpSeconds: number, seconds = 0.4): Timing {
  const full = `--rounds 3 --seconds ${seconds} --warm-up ${warmUpSeconds}`;
  return {
    // Instructions do not drift: they are counted in one pass.
    full: [`${full} --count-rounds 2`, `${full} --count-rounds 0`],
    quick: ['--rounds 3 --seconds 0.15 --warm-up 0.3 --count-rounds 1'],
  };
}

function echo(connections: number, size: number, depth: number, more = ''): RowDefinition {
  const load = `--connections ${connections} --size ${size} --depth ${depth} ${more}`;
  return { workload: 'echo', load };
}

function churn(connections: number, more = ''): RowDefinition {
  return { workload: 'churn', load: `--connections ${connections} ${more}` };
}

function bulk(
  direction: 'upload' | 'download',
  connections: number,
  more = '',
  workload: 'bulk' | 'pipe' | 'tls-bulk' = 'bulk',
): RowDefinition {
  return {
    workload,
    load: `--direction ${direction} --connections ${connections} ${more}`,
    timing: bulkTiming,
  };
}

function http(body: 'hello' | '10KiB', more = ''): RowDefinition {
  return { workload: 'http', load: `--body ${body} --connections 64 ${more}`, timing: httpTiming };
}

function https(body: 'hello' | '10KiB'): RowDefinition {
  return { workload: 'https', load: `--body ${body} --connections 64`, timing: httpsTiming };
}

function http2(more = ''): RowDefinition {
  const load = `--body hello --connections 8 --streams 8 ${more}`;
  return { workload: 'http2', load, timing: httpTiming };
}

function stream(workload: 'http2-stream' | 'grpc', size: number): RowDefinition {
  return { workload, load: `--messages 20000 --size ${size}`, timing: longResponseTiming };
}

const file: RowDefinition = {
  workload: 'file',
  load: '--mebibytes 256',
  timing: longResponseTiming,
};

const tlsChurn: RowDefinition = {
  workload: 'tls-churn',
  load: '--connections 64',
  timing: httpTiming,
};

const idle: RowDefinition = {
  workload: 'idle',
  load: '--connections 4000',
  timing: {
    full: ['--rounds 2 --seconds 1', '--rounds 2 --seconds 1'],
    quick: ['--rounds 1 --seconds 0.2'],
  },
};

const busy: RowDefinition = { workload: 'busy', load: '--microseconds 20 --connections 64' };

const kib = 1024;

const definitions: readonly RowDefinition[] = [
  ...[1, 64, 512, 4096].map((connections) => echo(connections, 64, 1)),
  ...[kib, 16 * kib, 256 * kib].map((size) => echo(64, size, 1)),
  ...[kib, 16 * kib, 256 * kib].map((size) => echo(1, size, 1)),
  ...[1, 64, 512].map((connections) => echo(connections, 64, 16)),
  echo(64, 16 * kib, 16),
  ...[1, 64, 512].map((connections) => echo(connections, 64, 1, '--shared-core')),
  echo(64, 16 * kib, 1, '--shared-core'),
  echo(64, 64, 16, '--shared-core'),
  ...[1, 64, 512].map((connections) => churn(connections)),
  churn(64, '--shared-core'),
  ...[1, 64].map((connections) => bulk('upload', connections)),
  ...[1, 64].map((connections) => bulk('download', connections)),
  bulk('download', 1, `--chunk ${16 * kib}`),
  bulk('upload', 4, '--shared-core'),
  bulk('download', 4, '--shared-core'),
  ...[1, 64].map((connections) => bulk('upload', connections, '', 'pipe')),
  ...[1, 64].map((connections) => bulk('download', connections, '', 'pipe')),
  idle,
  busy,
  http('hello'),
  http('10KiB'),
  http('hello', '--shared-core'),
  http('10KiB', '--shared-core'),
  https('hello'),
  https('10KiB'),
  http2(),
  http2('--tls'),
  stream('http2-stream', kib),
  stream('http2-stream', 100),
  stream('grpc', kib),
  file,
  bulk('upload', 1, '--depth 200', 'tls-bulk'),
  bulk('download', 1, '--depth 200', 'tls-bulk'),
  tlsChurn,
];

/** Every row. Throws a UsageError where a definition is none that its workload accepts. */
export function suiteRows(length: Length, more: readonly string[] = []): readonly SuiteRow[] {
  return definitions.map(({ workload: name, load, timing = loadTiming }) => {
    const workload = workloads.find((each) => each.name === name);
    if (workload === undefined) throw new Error(`the suite names a workload '${name}'`);
    const passes = timing[length].map((pass) => [
      ...`${load} ${pass}`.split(' ').filter(Boolean),
      ...more,
    ]);
    return { id: workload.rowId(optionsOf(workload, passes[0] ?? [])), workload, passes };
  });
}

export function optionsOf(workload: Workload, args: readonly string[]): CommonOptions {
  const options = workload.parse(args);
  if (options === 'help') throw new Error('a row of the suite asks for help');
  return options;
}
