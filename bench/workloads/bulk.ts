// The bulk workload: bytes in one direction, as many as go through.
import type { Contest } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import type { Mode } from '../drivers/driver.js';
import { driversFor } from '../drivers/index.js';
import { nativeLoad } from '../load.js';
import { flag, integer, oneOf, UsageError, type ValuesOf } from '../options.js';
import type { NativeProgram } from '../paths.js';
import { bytesWord } from '../words.js';

const mebibyte = 1024 * 1024;
const bytesPerUnit = 1024;

export const bulkShape = {
  direction: oneOf("as the load sees it, so that an upload is the server's to read", [
    'upload',
    'download',
  ]),
  connections: integer('TCP connections', 1, 1, 4096),
  depth: integer('MiB that a connection keeps outstanding', 2, 1, 256),
  chunk: integer("bytes of a server's write, a power of two", 65_536, 1024, mebibyte),
  verify: flag('compare every byte of a download'),
};

type BulkShape = ValuesOf<typeof bulkShape>;

/** As it stands in ids. An upload's row does not depend on the chunk, which only a server that sends has. */
export function bulkWord({ direction, connections, chunk }: BulkShape): string {
  return `${direction}/${connections}${direction === 'download' ? `x${bytesWord(chunk)}` : ''}`;
}

/** As it stands in titles. */
export function bulkTitle({ direction, connections, chunk }: BulkShape): string {
  const chunkWords = direction === 'upload' ? '' : `, written in ${bytesWord(chunk)}`;
  return `Bulk ${direction}, ${connections} connection${connections === 1 ? '' : 's'}${chunkWords}`;
}

export function checkBulk({ chunk }: BulkShape): void {
  if (Number.isInteger(Math.log2(chunk))) return;
  throw new UsageError(`--chunk must be a power of two, not ${chunk}`);
}

function loadArguments({ direction, connections, depth, chunk, verify }: BulkShape) {
  const amount = ['--connections', `${connections}`, '--depth', `${depth}`, '--chunk', `${chunk}`];
  return ['--direction', direction, ...amount, ...(verify ? ['--verify'] : [])];
}

/** A transfer to a server in the mode `sink` or from one in the mode `source`. */
export function bulkContest(
  values: BulkShape,
  sink: Mode,
  source: Mode,
  program: NativeProgram = 'bulk_load',
): Omit<Contest, 'drivers'> {
  return {
    task: {
      mode: values.direction === 'upload' ? sink : source,
      connections: values.connections,
      bytesOutstanding: values.depth * mebibyte,
      chunkBytes: values.chunk,
    },
    load: nativeLoad(program, loadArguments(values)),
    unit: 'Kibibyte',
    figures: (trial) => ({ bytesPerSecond: (trial.units * bytesPerUnit) / trial.seconds }),
  };
}

export const bulk = contestWorkload({
  name: 'bulk',
  summary: 'Bulk transfer in one direction.',
  drivers: driversFor(['sink', 'source']),
  shape: bulkShape,
  headline: 'bytesPerSecond',
  check: checkBulk,
  idOf: bulkWord,
  titleOf: bulkTitle,
  contestOf: (values) => bulkContest(values, 'sink', 'source'),
});
