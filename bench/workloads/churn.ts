// The churn workload: connections that live for one echo. What it costs to accept a connection and to end it.
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
  connections: integer('connections that are open at a time', 64, 1, 4096),
  size: integer('bytes of the one message of a connection', 64, 1, 1024 * 1024),
  verify: flag('compare every byte that comes back'),
  ...roundOptions(),
  ...commonOptions(drivers),
};

export interface ChurnOptions extends CommonValues, RoundValues {
  readonly connections: number;
  readonly size: number;
  readonly verify: boolean;
}

const summary = 'Short connections: connect, one echo, close.';

export const churn: Workload<ChurnOptions> = {
  name: 'churn',
  summary,
  helpText: helpOf('churn', summary, table),
  parse(argv) {
    const options = parseCommand(table, argv);
    if (options !== 'help') checkPlacement(options);
    return options;
  },
  rowId(options) {
    const { connections, size } = options;
    return `churn/${connections}x${bytesWord(size)}/${placementWord(options)}`;
  },
  async run(options) {
    const { connections, size, verify } = options;
    const load = ['--connections', `${connections}`, '--size', `${size}`];
    const result = await runContest(
      {
        drivers: selectDrivers(drivers, options.drivers),
        task: { mode: 'echo', connections, bytesOutstanding: size },
        load: { program: 'churn_load', args: [...load, ...(verify ? ['--verify'] : [])] },
        unit: 'Connection',
        figures: (trial) => ({
          connectionsPerSecond: trial.units / trial.seconds,
          ...latencies(trial),
        }),
      },
      options,
    );
    return {
      id: churn.rowId(options),
      workload: 'churn',
      title: `Connect, echo ${bytesWord(size)}, close; ${connections} at a time`,
      conditions: { connections, size, verify, ...roundConditions(options) },
      headline: 'connectionsPerSecond',
      higherIsBetter: true,
      ...result,
    };
  },
};
