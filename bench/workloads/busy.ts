// The busy workload: echo in which each message costs some microseconds of JavaScript as well. That is what an I/O thread
// is for: while JavaScript computes, it moves the bytes.
import { spawnSync } from 'node:child_process';
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
import { serverScript } from '../drivers/driver.js';
import { driversFor } from '../drivers/index.js';
import { decimal, helpOf, integer, parseCommand } from '../options.js';
import { bytesWord } from '../words.js';
import type { Workload } from '../workload.js';
import { echoLoad } from './echo.js';

const drivers = driversFor(['busy']);
// One for JavaScript and one for what else the server runs. Every driver gets both.
const serverCoreCount = 2;

const table = {
  microseconds: decimal('microseconds of JavaScript that a message costs', 20, 0.1, 100_000),
  connections: integer('TCP connections', 64, 1, 20_000),
  size: integer('bytes in a message', 64, 1, 16 * 1024 * 1024),
  depth: integer('messages a connection keeps outstanding', 1, 1, 1024),
  ...roundOptions(),
  ...commonOptions(drivers),
};

export interface BusyOptions extends CommonValues, RoundValues {
  readonly microseconds: number;
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
}

const summary = 'TCP echo in which each message also costs JavaScript.';

export const busy: Workload<BusyOptions> = {
  name: 'busy',
  summary,
  helpText: helpOf('busy', summary, table),
  parse(argv) {
    const options = parseCommand(table, argv);
    if (options !== 'help') checkPlacement(options);
    return options;
  },
  rowId(options) {
    const { microseconds, connections, size, depth } = options;
    const load = `${connections}x${bytesWord(size)}/depth${depth}`;
    return `busy/${microseconds}us/${load}/${placementWord(options)}`;
  },
  async run(options) {
    const { microseconds, connections, size, depth } = options;
    const result = await runContest(
      {
        drivers: selectDrivers(drivers, options.drivers),
        task: {
          mode: 'busy',
          connections,
          bytesOutstanding: size * depth,
          busy: { iterations: iterationsIn(microseconds), messageBytes: size },
        },
        load: echoLoad({ connections, size, depth, verify: false }),
        unit: 'Message',
        serverCoreCount,
        figures: (trial) => ({
          messagesPerSecond: trial.units / trial.seconds,
          ...latencies(trial),
        }),
      },
      options,
    );
    return {
      id: busy.rowId(options),
      workload: 'busy',
      title: `TCP echo and ${microseconds} µs of JavaScript a message, ${connections} connections × ${bytesWord(size)}, depth ${depth}`,
      conditions: { microseconds, connections, size, depth, ...roundConditions(options) },
      headline: 'messagesPerSecond',
      higherIsBetter: true,
      ...result,
    };
  },
};

/** The turns of the loop in servers/spin.mjs that take so long here. Throws an Error where it cannot be measured. */
function iterationsIn(microseconds: number): number {
  const command = [serverScript('spin.mjs'), `${microseconds}`];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const iterations = Number(stdout);
  if (iterations >= 1) return iterations;
  throw new Error(`servers/spin.mjs printed no number of turns: ${stdout}${stderr}`);
}
