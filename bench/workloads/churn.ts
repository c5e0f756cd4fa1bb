// The churn workload: connections that live for one echo. What it costs to accept a connection and to end it.
import { latencies } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { nativeLoad } from '../load.js';
import { flag, integer } from '../options.js';
import { bytesWord } from '../words.js';

export const churn = contestWorkload({
  name: 'churn',
  summary: 'Short connections: connect, one echo, close.',
  drivers: driversFor(['echo']),
  shape: {
    connections: integer('connections that are open at a time', 64, 1, 4096),
    size: integer('bytes of the one message of a connection', 64, 1, 1024 * 1024),
    verify: flag('compare every byte that comes back'),
  },
  headline: 'connectionsPerSecond',
  idOf: ({ connections, size }) => `${connections}x${bytesWord(size)}`,
  titleOf: ({ connections, size }) =>
    `Connect, echo ${bytesWord(size)}, close; ${connections} at a time`,
  contestOf: ({ connections, size, verify }) => ({
    task: { mode: 'echo', connections, bytesOutstanding: size },
    load: nativeLoad('churn_load', [
      ...['--connections', `${connections}`, '--size', `${size}`],
      ...(verify ? ['--verify'] : []),
    ]),
    unit: 'Connection',
    figures: (trial) => ({
      connectionsPerSecond: trial.units / trial.seconds,
      ...latencies(trial),
    }),
  }),
});
