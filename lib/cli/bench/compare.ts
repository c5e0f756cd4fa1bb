// Runs a comparison: all servers at once, one of them loaded at a time, in rounds whose order rotates.
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTENDERS, type Contender, type Load } from './messages';
import { LoadProcess, type Placement, ServerProcess } from './processes';
import { median, medianOfRatios } from './statistics';

const SETTLE_MS = 5; // the server's way into its sleep after its last reply
const WARM_UP_SECONDS_MAX = 1;
const REFERENCE: Contender = 'node-net';

export interface CompareOptions extends Load {
  /** Of each server in each round. */
  readonly seconds: number;
  readonly rounds: number;
}

export interface Round {
  readonly messagesPerSecond: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the server, all its threads, in nanoseconds; null where the kernel does not count it. */
  readonly cpuNsPerMessage: number | null;
}

/** Medians over the rounds. `ratio` is the median of the rounds' ratios to node:net. */
export interface Summary extends Round {
  readonly ratio: number | null;
}

export interface ContenderResult {
  readonly name: Contender;
  /** What went wrong, then its later rounds are missing; '' where nothing did. */
  failure: string;
  readonly rounds: Round[];
  summary: Summary | null;
}

/** Never rejects for what a contender does wrong. `progress` is told of every trial. */
export async function compare(
  options: CompareOptions,
  placement: Placement | null,
  progress: (what: string) => void,
): Promise<readonly ContenderResult[]> {
  const results: ContenderResult[] = CONTENDERS.map((name) => ({
    name,
    failure: '',
    rounds: [],
    summary: null,
  }));
  const servers = new Map<Contender, ServerProcess>();
  const { connections, size, depth, seconds, rounds } = options;
  const load = new LoadProcess({ connections, size, depth }, placement?.loadCpu);
  const attempt = async (result: ContenderResult, work: () => Promise<unknown>): Promise<void> => {
    if (result.failure !== '') return;
    try {
      await work();
    } catch (error) {
      result.failure = error instanceof Error ? error.message : String(error);
    }
  };
  try {
    for (const result of results) {
      progress(`warm-up: ${result.name}`);
      await attempt(result, async () => {
        const server = await ServerProcess.start(result.name, placement?.serverCpu);
        servers.set(result.name, server);
        await load.connect(result.name, server.port);
        await load.trial(result.name, Math.min(WARM_UP_SECONDS_MAX, seconds * 2));
      });
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < results.length; turn++) {
        const result = results[(round + turn) % results.length]!;
        progress(`round ${round + 1} of ${rounds}: ${result.name}`);
        await attempt(result, async () => {
          result.rounds.push(await measure(servers.get(result.name)!, load, result.name, seconds));
        });
      }
    }
  } finally {
    await load.stop();
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
  summarize(results);
  return results;
}

async function measure(
  server: ServerProcess,
  load: LoadProcess,
  contender: Contender,
  seconds: number,
): Promise<Round> {
  await sleep(SETTLE_MS);
  const before = server.cpuTimeNs();
  const { messages, messagesPerSecond, p50, p99 } = await load.trial(contender, seconds);
  await sleep(SETTLE_MS);
  const after = server.cpuTimeNs();
  const cpuNsPerMessage =
    before === undefined || after === undefined ? null : (after - before) / messages;
  return { messagesPerSecond, p50, p99, cpuNsPerMessage };
}

/** Fills in the summaries; a contender that failed has none. */
export function summarize(results: readonly ContenderResult[]): void {
  const speeds = (name: Contender): number[] =>
    (results.find((result) => result.name === name && result.failure === '')?.rounds ?? []).map(
      ({ messagesPerSecond }) => messagesPerSecond,
    );
  for (const result of results) {
    if (result.failure !== '' || result.rounds.length === 0) continue;
    const middle = (value: (round: Round) => number): number =>
      median(result.rounds.map(value)) ?? Number.NaN;
    const hasCpu = result.rounds.every(({ cpuNsPerMessage }) => cpuNsPerMessage !== null);
    result.summary = {
      messagesPerSecond: middle((round) => round.messagesPerSecond),
      ratio: medianOfRatios(speeds(result.name), speeds(REFERENCE)) ?? null,
      p50: middle((round) => round.p50),
      p99: middle((round) => round.p99),
      cpuNsPerMessage: hasCpu ? middle((round) => round.cpuNsPerMessage ?? 0) : null,
    };
  }
}
