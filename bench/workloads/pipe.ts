// The pipe workload: bulk in which the server moves the bytes by the pipe() of Node's streams.
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { bulkContest, bulkShape, bulkTitle, bulkWord, checkBulk } from './bulk.js';

export const pipe = contestWorkload({
  name: 'pipe',
  summary: "Bulk transfer in one direction through the pipe() of Node's streams.",
  drivers: driversFor(['pipe-sink', 'pipe-source']),
  shape: bulkShape,
  headline: 'bytesPerSecond',
  check: checkBulk,
  idOf: bulkWord,
  titleOf: (values) => `${bulkTitle(values)}, through pipe()`,
  contestOf: (values) => bulkContest(values, 'pipe-sink', 'pipe-source'),
});
