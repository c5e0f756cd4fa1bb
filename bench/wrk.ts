// The load of HTTP and HTTPS: wrk, a process for each trial, with connections of its own. It checks no body. So one response is
// read and compared before the first trial; of the others wrk says the status, and how many bytes they had in all.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.js';
import { responseBytes } from './http-response.js';
import {
  type ConnectLoad,
  type Latency,
  type Load,
  placed,
  requireNumbers,
  type TrialResult,
  trialGraceMs,
  urlOf,
  withoutErrors,
} from './load.js';
import { projectRoot } from './paths.js';

const script = path.join(projectRoot, 'bench/wrk.lua');
const errorWords = {
  connect: 'connections that could not be made',
  read: 'connections that broke while reading',
  write: 'connections that broke while writing',
  status: 'responses of a status of 400 or more',
  timeout: 'responses that came too late',
} as const;

type ErrorName = keyof typeof errorWords;

/** What wrk.lua prints. */
export interface WrkResult {
  readonly requests: number;
  /** All that came, of unfinished responses too. */
  readonly bytes: number;
  readonly microseconds: number;
  /** wrk's own. */
  readonly cpuSeconds: number;
  readonly latencyMicroseconds: Latency;
  readonly errors: Readonly<Record<ErrorName, number>>;
}

/** undefined where it can be used. */
export function whyWrkIsUnavailable(): string | undefined {
  const { error } = spawnSync('wrk', ['--version']);
  return error === undefined ? undefined : `wrk cannot be run (Debian: wrk): ${error.message}`;
}

/** Requests of `/`, each of which is to be answered with exactly this body. */
export function wrkLoad(connections: number, body: string, tls = false): ConnectLoad {
  return async (target, cpu, givesWay) => {
    const bytes = await responseBytes(target, body, tls);
    const place = (command: readonly string[]) => placed(command, cpu, givesWay);
    const secondsMin = tls ? handshakesSeconds(connections) : 0;
    return new WrkLoad(
      { connections, responseBytes: bytes, secondsMin },
      place,
      urlOf(target, tls),
    );
  };
}

/** Enough for as many handshakes, each of which a request of wrk has to wait for. */
function handshakesSeconds(connections: number): number {
  return 1 + connections * 0.01;
}

interface WrkTrials {
  readonly connections: number;
  readonly responseBytes: number;
  /** A trial is no shorter. */
  readonly secondsMin: number;
}

class WrkLoad implements Load {
  readonly #trials: WrkTrials;
  readonly #place: (command: readonly string[]) => readonly string[];
  readonly #url: string;

  constructor(
    trials: WrkTrials,
    place: (command: readonly string[]) => readonly string[],
    url: string,
  ) {
    this.#trials = trials;
    this.#place = place;
    this.#url = url;
  }

  async trial(wishedSeconds: number): Promise<TrialResult> {
    const { connections, responseBytes, secondsMin } = this.#trials;
    const seconds = Math.max(wishedSeconds, secondsMin);
    const size = ['--threads', '1', '--connections', `${connections}`];
    // Whole seconds are all that it can be told; the signal ends it before.
    const duration = ['--duration', `${Math.ceil(seconds) + 1}s`];
    const command = ['wrk', ...size, ...duration, '--script', script, this.#url];
    const child = new Child('wrk', this.#place(command));
    try {
      await child.lineOf('begins', trialGraceMs);
      await sleep(seconds * 1000);
      child.signal('SIGINT');
      const result = parseWrkResult(await child.lineOf('{', trialGraceMs));
      return withoutErrors(trialOf(result, connections, responseBytes));
    } finally {
      await child.stop();
    }
  }

  async stop(): Promise<void> {}
}

/** Throws an Error that names what is missing. */
export function parseWrkResult(line: string): WrkResult {
  const result = JSON.parse(line) as WrkResult;
  const { requests, bytes, microseconds, cpuSeconds, latencyMicroseconds, errors } = result;
  const { connect, read, write, status, timeout } = errors ?? {};
  const { p50, p90, p99, p999, max } = latencyMicroseconds ?? {};
  requireNumbers('wrk', {
    ...{ requests, bytes, microseconds, cpuSeconds, p50, p90, p99, p999, max },
    ...{ connect, read, write, status, timeout },
  });
  return result;
}

/** The result as a trial. Responses of another length than `responseBytes` are errors as well. */
export function trialOf(
  { requests, bytes, microseconds, cpuSeconds, latencyMicroseconds, errors }: WrkResult,
  connections: number,
  responseBytes: number,
): TrialResult {
  const seconds = microseconds / 1e6;
  const { p50, p90, p99, p999, max } = latencyMicroseconds;
  const firstKind = (Object.keys(errorWords) as ErrorName[]).find((name) => errors[name] > 0);
  const count = Object.values(errors).reduce((sum, errors) => sum + errors, 0);
  // At the end a response may have come in part on each connection.
  const least = requests * responseBytes;
  const isWhole = bytes >= least && bytes <= least + connections * responseBytes;
  const lengthError = `${requests} responses had ${bytes} bytes, which are not ${responseBytes} each`;
  return {
    units: requests,
    unitsWithDrain: requests,
    seconds,
    secondsWithDrain: seconds,
    latencyNs: { p50: p50 * 1e3, p90: p90 * 1e3, p99: p99 * 1e3, p999: p999 * 1e3, max: max * 1e3 },
    generatorCpuNs: cpuSeconds * 1e9,
    errors: count + (isWhole ? 0 : 1),
    firstError: firstKind !== undefined ? errorWords[firstKind] : isWhole ? '' : lengthError,
  };
}
