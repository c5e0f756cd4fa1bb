// The churn workload: connections that live for one echo. What it costs to accept a connection and to end it.
import { type Contest, latencies } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { nativeLoad } from '../load.js';
import { flag, integer, type ValuesOf } from '../options.js';
import type { NativeProgram } from '../paths.js';
import { bytesWord } from '../words.js';

export const churnShape = {
  connections: integer('connections that are open at a time', 64, 1, 4096),
  size: integer('bytes of the one message of a connection', 64, 1, 1024 * 1024),
  verify: flag('compare every byte that comes back'),
};

type ChurnShape = ValuesOf<typeof churnShape>;

/** As it stands in ids. */
export function churnWord({ connections, size }: ChurnShape): string {
  return `${connections}x${bytesWord(size)}`;
}

export function churnContest(
  { connections, size, verify }: ChurnShape,
  program: NativeProgram,
): Omit<Contest, 'drivers'> {
  return {
    task: { mode: 'echo', connections, bytesOutstanding: size },
    load: nativeLoad(program, [
      ...['--connections', `${connections}`, '--size', `${size}`],
      ...(verify ? ['--verify'] : []),
    ]),
    unit: 'Connection',
    figures: (trial) => ({
      connectionsPerSecond: trial.units / trial.seconds,
      ...latencies(trial),
    }),
  };
}

export const churn = contestWorkload({
  name: 'churn',
  summary: 'Short connections: connect, one echo, close.',
  drivers: driversFor(['echo']),
  shape: churnShape,
  headline: 'connectionsPerSecond',
  idOf: churnWord,
  titleOf: ({ connections, size }) =>
    `Connect, echo ${bytesWord(size)}, close; ${connections} at a time`,
  contestOf: (values) => churnContest(values, 'churn_load'),
});
