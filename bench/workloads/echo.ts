// The echo workload: each connection keeps messages outstanding and sends the next when one has come back whole.
import { latencies } from '../contest.js';
import { type ContestOptions, contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { type ConnectLoad, nativeLoad, type TrialResult } from '../load.js';
import { flag, integer, type ValuesOf } from '../options.js';
import { bytesWord } from '../words.js';

/** The options of every load of echoes. */
export const echoShape = {
  connections: integer('TCP connections', 64, 1, 20_000),
  size: integer('bytes in a message', 64, 1, 16 * 1024 * 1024),
  depth: integer('messages a connection keeps outstanding', 1, 1, 1024),
};

const shape = { ...echoShape, verify: flag('compare every byte that comes back') };

export type EchoShape = ValuesOf<typeof echoShape>;
export type EchoOptions = ContestOptions<typeof shape>;

/** The load of echo. */
export function echoLoad({
  connections,
  size,
  depth,
  verify,
}: EchoShape & { readonly verify: boolean }): ConnectLoad {
  const args = ['--connections', `${connections}`, '--size', `${size}`, '--depth', `${depth}`];
  return nativeLoad('echo_load', [...args, ...(verify ? ['--verify'] : [])]);
}

/** As it stands in ids. */
export function echoWord({ connections, size, depth }: EchoShape): string {
  return `${connections}x${bytesWord(size)}/depth${depth}`;
}

/** As it stands in titles. */
export function echoTitle({ connections, size, depth }: EchoShape): string {
  return `${connections} connections × ${bytesWord(size)}, depth ${depth}`;
}

export function echoFigures(trial: TrialResult): Readonly<Record<string, number>> {
  return { messagesPerSecond: trial.units / trial.seconds, ...latencies(trial) };
}

export const echo = contestWorkload({
  name: 'echo',
  summary: 'TCP echo: every driver measured in turn, round by round.',
  drivers: driversFor(['echo']),
  shape,
  headline: 'messagesPerSecond',
  idOf: (values) => echoWord(values),
  titleOf: (values) => `TCP echo, ${echoTitle(values)}`,
  contestOf: (values) => ({
    task: {
      mode: 'echo',
      connections: values.connections,
      bytesOutstanding: values.size * values.depth,
    },
    load: echoLoad(values),
    unit: 'Message',
    figures: echoFigures,
  }),
});
