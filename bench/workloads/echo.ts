// The echo workload: each connection keeps messages outstanding and sends the next when one has come back whole.
import {
  type CommonValues,
  checkPlacement,
  commonOptions,
  latencies,
  placementWord,
  type RoundValues,
  roundConditions,
  roundOptions,
  runContest,
  selectDrivers,
} from '../contest.js';
import { driversFor } from '../drivers/index.js';
import { flag, helpOf, integer, parseCommand } from '../options.js';
import { bytesWord } from '../words.js';
import type { Workload } from '../workload.js';

const drivers = driversFor(['echo']);

const table = {
  connections: integer('TCP connections', 64, 1, 20_000),
  size: integer('bytes in a message', 64, 1, 16 * 1024 * 1024),
  depth: integer('messages a connection keeps outstanding', 1, 1, 1024),
  verify: flag('compare every byte that comes back'),
  ...roundOptions(),
  ...commonOptions(drivers),
};

export interface EchoOptions extends CommonValues, RoundValues {
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
  readonly verify: boolean;
}

const summary = 'TCP echo: every driver measured in turn, round by round.';

/** The load generator's options for echo. */
export function echoLoad({
  connections,
  size,
  depth,
  verify,
}: Omit<EchoOptions, keyof CommonValues | keyof RoundValues>) {
  const shape = ['--connections', `${connections}`, '--size', `${size}`, '--depth', `${depth}`];
  return { program: 'echo_load', args: [...shape, ...(verify ? ['--verify'] : [])] } as const;
}

export const echo: Workload<EchoOptions> = {
  name: 'echo',
  summary,
  helpText: helpOf('echo', summary, table),
  parse(argv) {
    const options = parseCommand(table, argv);
    if (options !== 'help') checkPlacement(options);
    return options;
  },
  rowId(options) {
    const { connections, size, depth } = options;
    return `echo/${connections}x${bytesWord(size)}/depth${depth}/${placementWord(options)}`;
  },
  async run(options) {
    const { connections, size, depth, verify } = options;
    const result = await runContest(
      {
        drivers: selectDrivers(drivers, options.drivers),
        task: { mode: 'echo', connections, bytesOutstanding: size * depth },
        load: echoLoad(options),
        unit: 'Message',
        figures: (trial) => ({
          messagesPerSecond: trial.units / trial.seconds,
          ...latencies(trial),
        }),
      },
      options,
    );
    return {
      id: echo.rowId(options),
      workload: 'echo',
      title: `TCP echo, ${connections} connections × ${bytesWord(size)}, depth ${depth}`,
      conditions: { connections, size, depth, verify, ...roundConditions(options) },
      headline: 'messagesPerSecond',
      higherIsBetter: true,
      ...result,
    };
  },
};
