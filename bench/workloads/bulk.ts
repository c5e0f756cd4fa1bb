// The bulk workload: bytes in one direction, as many as go through.
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { flag, integer, oneOf, UsageError, type ValuesOf } from '../options.js';
import { bytesWord } from '../words.js';

const mebibyte = 1024 * 1024;
const bytesPerUnit = 1024;

const shape = {
  direction: oneOf("as the load sees it, so that an upload is the server's to read", [
    'upload',
    'download',
  ]),
  connections: integer('TCP connections', 1, 1, 4096),
  depth: integer('MiB that a connection keeps outstanding', 2, 1, 64),
  chunk: integer("bytes of a server's write, a power of two", 65_536, 1024, mebibyte),
  verify: flag('compare every byte of a download'),
};

type BulkShape = ValuesOf<typeof shape>;

/** An upload's row does not depend on the chunk, which only a server that sends has. */
function shapeWord({ direction, connections, chunk }: BulkShape): string {
  return `${connections}${direction === 'download' ? `x${bytesWord(chunk)}` : ''}`;
}

function title({ direction, connections, chunk }: BulkShape): string {
  const chunkWords = direction === 'upload' ? '' : `, written in ${bytesWord(chunk)}`;
  return `Bulk ${direction}, ${connections} connection${connections === 1 ? '' : 's'}${chunkWords}`;
}

function loadArguments({ direction, connections, depth, chunk, verify }: BulkShape) {
  const amount = ['--connections', `${connections}`, '--depth', `${depth}`, '--chunk', `${chunk}`];
  return ['--direction', direction, ...amount, ...(verify ? ['--verify'] : [])];
}

export const bulk = contestWorkload({
  name: 'bulk',
  summary: 'Bulk transfer in one direction.',
  drivers: driversFor(['sink', 'source']),
  shape,
  headline: 'bytesPerSecond',
  check({ chunk }) {
    if (Number.isInteger(Math.log2(chunk))) return;
    throw new UsageError(`--chunk must be a power of two, not ${chunk}`);
  },
  idOf: (values) => `${values.direction}/${shapeWord(values)}`,
  titleOf: title,
  contestOf: (values) => ({
    task: {
      mode: values.direction === 'upload' ? 'sink' : 'source',
      connections: values.connections,
      bytesOutstanding: values.depth * mebibyte,
      chunkBytes: values.chunk,
    },
    load: { program: 'bulk_load', args: loadArguments(values) },
    unit: 'Kibibyte',
    figures: (trial) => ({ bytesPerSecond: (trial.units * bytesPerUnit) / trial.seconds }),
  }),
});
