// Every metric there is: how it is named, scaled and rounded wherever it is shown, and which way is better. A
// workload fills those that it measures; a metric of another name is shown raw.

export interface MetricDefinition {
  readonly name: string;
  /** The head of its column, with its unit. */
  readonly title: string;
  /** What it is, for an axis or a sentence: `CPU time per message (ns)`. */
  readonly label: string;
  /** Shown value = value × scale. */
  readonly scale: number;
  readonly digits: number;
  readonly suffix?: '%';
  /** Absent where neither way is better. */
  readonly better?: 'higher' | 'lower';
  /** Drivers to show the ratio to, behind it. */
  readonly ratiosTo?: readonly ('node-net' | 'c-uring')[];
  /** The table it stands in; 'hidden' is in the JSON alone. */
  readonly table: 'main' | 'instructions' | 'hidden';
}

const definitions: readonly MetricDefinition[] = [
  {
    name: 'messagesPerSecond',
    title: 'msg/s',
    label: 'Messages per second',
    scale: 1,
    digits: 0,
    better: 'higher',
    ratiosTo: ['node-net', 'c-uring'],
    table: 'main',
  },
  {
    name: 'connectionsPerSecond',
    title: 'conn/s',
    label: 'Connections per second',
    scale: 1,
    digits: 0,
    better: 'higher',
    ratiosTo: ['node-net', 'c-uring'],
    table: 'main',
  },
  {
    name: 'bytesPerSecond',
    title: 'MB/s',
    label: 'Megabytes per second',
    scale: 1e-6,
    digits: 0,
    better: 'higher',
    ratiosTo: ['node-net', 'c-uring'],
    table: 'main',
  },
  {
    name: 'requestsPerSecond',
    title: 'req/s',
    label: 'Requests per second',
    scale: 1,
    digits: 0,
    better: 'higher',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    name: 'secondsPerStream',
    title: 'ms/stream',
    label: 'Time of a stream (ms)',
    scale: 1e3,
    digits: 1,
    better: 'lower',
    table: 'main',
  },
  {
    name: 'bytesPerConnection',
    title: 'B/conn',
    label: "Memory per idle connection (bytes, the process's own)",
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['node-net', 'c-uring'],
    table: 'main',
  },
  {
    // What there is once, however many connections there are: the runtime, pools of buffers, rings.
    name: 'bytesAtStart',
    title: 'MB at start',
    label: 'Memory before the connections (MB)',
    scale: 1e-6,
    digits: 1,
    better: 'lower',
    table: 'main',
  },
  {
    name: 'idleCpuShare',
    title: 'idle CPU %',
    label: 'CPU time while idle (% of a core)',
    scale: 100,
    digits: 3,
    better: 'lower',
    table: 'main',
  },
  ...latency('P50', 'p50'),
  ...latency('P90', 'p90', 'hidden'),
  ...latency('P99', 'p99'),
  ...latency('P999', 'p99.9', 'hidden'),
  ...latency('Max', 'max', 'hidden'),
  {
    name: 'cpuNsPerMessage',
    title: 'CPU ns/msg',
    label: 'CPU time per message (ns)',
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['c-uring'],
    table: 'main',
  },
  {
    name: 'cpuNsPerConnection',
    title: 'CPU ns/conn',
    label: 'CPU time per connection (ns)',
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['c-uring'],
    table: 'main',
  },
  {
    name: 'cpuNsPerKibibyte',
    title: 'CPU ns/KiB',
    label: 'CPU time per KiB (ns)',
    scale: 1,
    digits: 1,
    better: 'lower',
    ratiosTo: ['c-uring'],
    table: 'main',
  },
  {
    name: 'cpuNsPerRequest',
    title: 'CPU ns/req',
    label: 'CPU time per request (ns)',
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    name: 'mainThreadCpuNsPerMessage',
    title: 'main ns/msg',
    label: "The main thread's CPU time per message (ns)",
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    name: 'mainThreadCpuNsPerConnection',
    title: 'main ns/conn',
    label: "The main thread's CPU time per connection (ns)",
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    name: 'mainThreadCpuNsPerKibibyte',
    title: 'main ns/KiB',
    label: "The main thread's CPU time per KiB (ns)",
    scale: 1,
    digits: 1,
    better: 'lower',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    name: 'mainThreadCpuNsPerRequest',
    title: 'main ns/req',
    label: "The main thread's CPU time per request (ns)",
    scale: 1,
    digits: 0,
    better: 'lower',
    ratiosTo: ['node-net'],
    table: 'main',
  },
  {
    // CPU time by the time of the round: below 100% of a core the load generator was what limited the server.
    name: 'coreUse',
    title: 'core use',
    label: 'CPU time (% of a core)',
    scale: 100,
    digits: 0,
    suffix: '%',
    table: 'main',
  },
  {
    // How long the server's threads could run but had no core, by the time of the round.
    name: 'waitShare',
    title: 'waited',
    label: 'Time spent waiting for a core (%)',
    scale: 100,
    digits: 1,
    suffix: '%',
    table: 'hidden',
  },
  generatorCpu('Message', 'msg', 'message', 0),
  generatorCpu('Connection', 'conn', 'connection', 0),
  generatorCpu('Kibibyte', 'KiB', 'KiB', 1),
  generatorCpu('Request', 'req', 'request', 0),
  instructions('userInstructions', 'user', 'Instructions in user space', []),
  instructions('kernelInstructions', 'kernel', 'Instructions in the kernel', []),
  instructions('instructions', 'total', 'Instructions', ['node-net', 'c-uring']),
  instructions('mainThreadInstructions', 'main thread', 'Instructions of the main thread', [
    'node-net',
  ]),
];

function latency(
  name: string,
  title: string,
  table: 'main' | 'hidden' = 'main',
): MetricDefinition[] {
  return [
    {
      name: `latency${name}Ns`,
      title: `${title} µs`,
      label: `Latency, ${title} (µs)`,
      scale: 1e-3,
      digits: 1,
      better: 'lower',
      table,
    },
  ];
}

function generatorCpu(unit: string, short: string, word: string, digits: number): MetricDefinition {
  const label = `The load generator's CPU time per ${word} (ns)`;
  const title = `load ns/${short}`;
  return { name: `generatorCpuNsPer${unit}`, title, label, scale: 1, digits, table: 'hidden' };
}

/** Per unit of the workload's headline: a message, a connection, a KiB, a request. */
function instructions(
  name: string,
  title: string,
  label: string,
  ratiosTo: readonly ('node-net' | 'c-uring')[],
): MetricDefinition {
  const rest = { scale: 1, digits: 0, better: 'lower', table: 'instructions' } as const;
  return { name, title, label, ratiosTo, ...rest };
}

export const metricDefinitions: readonly MetricDefinition[] = definitions;

const byName = new Map(definitions.map((definition) => [definition.name, definition]));

export function metricDefinition(name: string): MetricDefinition {
  const unknown = { name, title: name, label: name, scale: 1, digits: 2, table: 'main' } as const;
  return byName.get(name) ?? unknown;
}

/** The value as it stands in a table or a sentence. */
export function formatMetric(name: string, value: number | undefined): string {
  if (value === undefined) return 'n/a';
  const { scale, digits, suffix = '' } = metricDefinition(name);
  const digitsShown = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${(value * scale).toLocaleString('en-US', digitsShown)}${suffix}`;
}
