// The bulk workload: bytes in one direction, as many as go through.
import {
  type CommonValues,
  checkPlacement,
  commonOptions,
  placementWord,
  type RoundValues,
  roundConditions,
  roundOptions,
  runContest,
  selectDrivers,
} from '../contest.js';
import { driversFor } from '../drivers/index.js';
import { flag, helpOf, integer, oneOf, parseCommand, UsageError } from '../options.js';
import { bytesWord } from '../words.js';
import type { Workload } from '../workload.js';

const drivers = driversFor(['sink', 'source']);
const mebibyte = 1024 * 1024;
const bytesPerUnit = 1024;

const directions = ['upload', 'download'] as const;
type Direction = (typeof directions)[number];

const table = {
  direction: oneOf("as the load sees it, so that an upload is the server's to read", directions),
  connections: integer('TCP connections', 1, 1, 4096),
  depth: integer('MiB that a connection keeps outstanding', 2, 1, 64),
  chunk: integer("bytes of a server's write, a power of two", 65_536, 1024, mebibyte),
  verify: flag('compare every byte of a download'),
  ...roundOptions(),
  ...commonOptions(drivers),
};

export interface BulkOptions extends CommonValues, RoundValues {
  readonly direction: Direction;
  readonly connections: number;
  readonly depth: number;
  readonly chunk: number;
  readonly verify: boolean;
}

const summary = 'Bulk transfer in one direction.';

/** An upload's row does not depend on the chunk, which only a server that sends has. */
function shapeWord({ direction, connections, chunk }: BulkOptions): string {
  return `${connections}${direction === 'download' ? `x${bytesWord(chunk)}` : ''}`;
}

export const bulk: Workload<BulkOptions> = {
  name: 'bulk',
  summary,
  helpText: helpOf('bulk', summary, table),
  parse(argv) {
    const options = parseCommand(table, argv);
    if (options === 'help') return options;
    checkPlacement(options);
    if (!Number.isInteger(Math.log2(options.chunk))) {
      throw new UsageError(`--chunk must be a power of two, not ${options.chunk}`);
    }
    return options;
  },
  rowId(options) {
    return `bulk/${options.direction}/${shapeWord(options)}/${placementWord(options)}`;
  },
  async run(options) {
    const { direction, connections, depth, chunk, verify } = options;
    const shape = ['--connections', `${connections}`, '--depth', `${depth}`, '--chunk', `${chunk}`];
    const isUpload = direction === 'upload';
    const result = await runContest(
      {
        drivers: selectDrivers(drivers, options.drivers),
        task: {
          mode: isUpload ? 'sink' : 'source',
          connections,
          bytesOutstanding: depth * mebibyte,
          chunkBytes: chunk,
        },
        load: {
          program: 'bulk_load',
          args: ['--direction', direction, ...shape, ...(verify ? ['--verify'] : [])],
        },
        unit: 'Kibibyte',
        figures: (trial) => ({ bytesPerSecond: (trial.units * bytesPerUnit) / trial.seconds }),
      },
      options,
    );
    const chunkWords = isUpload ? '' : `, written in ${bytesWord(chunk)}`;
    return {
      id: bulk.rowId(options),
      workload: 'bulk',
      title: `Bulk ${direction}, ${connections} connection${connections === 1 ? '' : 's'}${chunkWords}`,
      conditions: { direction, connections, depth, chunk, verify, ...roundConditions(options) },
      headline: 'bytesPerSecond',
      higherIsBetter: true,
      ...result,
    };
  },
};
