// The load of whole responses: h2load, of HTTP/2 and, for one that is long, of HTTP/1.1. It is told how many requests it
// makes, and all of them are counted, so that nothing is under way at the end of a trial. It checks no body. So one
// response is read and compared before the first trial; of the others h2load says the status, and how long all were.
import { spawnSync } from 'node:child_process';
import { Child } from './child.js';
import {
  type ConnectLoad,
  type Load,
  placed,
  type Target,
  type TrialResult,
  trialGraceMs,
  urlOf,
} from './load.js';

const silenceMax = '10s';
/** A trial is over when less than this part of its time is left. */
const restShare = 0.1;

/** What h2load prints of a run. */
export interface H2loadResult {
  readonly seconds: number;
  readonly succeeded: number;
  /** Of the responses' bodies. */
  readonly bytes: number;
}

export interface H2loadRequests {
  /** Default: `/`. */
  readonly path?: string;
  readonly tls: boolean;
  readonly connections: number;
  /** Requests that a connection has at a time. */
  readonly streams: number;
  /** More options of h2load. */
  readonly options?: readonly string[];
  /** Of the body of each response. */
  readonly responseBytes: number;
  /** What a response counts for in a trial's units. */
  readonly unitsPerResponse: number;
  /** Makes one request and rejects unless its response is exactly what it should be. */
  check(target: Target): Promise<void>;
}

/** undefined where it can be used. */
export function whyH2loadIsUnavailable(): string | undefined {
  const { error } = spawnSync('h2load', ['--version']);
  return error && `h2load cannot be run (Debian: nghttp2-client): ${error.message}`;
}

export function h2load(requests: H2loadRequests): ConnectLoad {
  return async (target, cpu, givesWay) => {
    await requests.check(target);
    const { path, tls, connections, streams, options = [] } = requests;
    const command = [
      ...['h2load', '--connection-inactivity-timeout', silenceMax, ...options],
      ...['--clients', `${connections}`, '--max-concurrent-streams', `${streams}`],
    ];
    const url = urlOf(target, tls, path);
    return new H2load(requests, (count) =>
      placed([...command, '--requests', `${count}`, url], cpu, givesWay),
    );
  };
}

class H2load implements Load {
  readonly #requests: H2loadRequests;
  readonly #command: (count: number) => readonly string[];
  #requestsPerSecond = 0;

  constructor(requests: H2loadRequests, command: (count: number) => readonly string[]) {
    this.#requests = requests;
    this.#command = command;
  }

  async trial(seconds: number): Promise<TrialResult> {
    const { connections, streams, unitsPerResponse } = this.#requests;
    let responses = 0;
    let elapsed = 0;
    do {
      const fitting = Math.round(this.#requestsPerSecond * (seconds - elapsed));
      const count = Math.max(fitting, connections * streams);
      const took = await this.#run(count, seconds);
      this.#requestsPerSecond = count / took;
      responses += count;
      elapsed += took;
    } while (seconds - elapsed > seconds * restShare);
    const units = responses * unitsPerResponse;
    return {
      ...{ units, unitsWithDrain: units, seconds: elapsed, secondsWithDrain: elapsed },
      ...{ errors: 0, firstError: '' },
    };
  }

  async stop(): Promise<void> {}

  /** The seconds that so many requests took. Rejects unless all were answered as they should be. */
  async #run(count: number, seconds: number): Promise<number> {
    const child = new Child('h2load', this.#command(count));
    try {
      const timeoutMs = seconds * 1000 + trialGraceMs;
      const lines: string[] = [];
      for (const beginning of ['finished in', 'status codes:', 'traffic:']) {
        lines.push(await child.lineOf(beginning, timeoutMs));
      }
      const result = parseH2loadResult(lines.join('\n'));
      checkResult(result, count, this.#requests.responseBytes);
      return result.seconds;
    } finally {
      await child.stop();
    }
  }
}

const secondsIn: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6 };

/** Throws an Error for what is none. */
export function parseH2loadResult(text: string): H2loadResult {
  const [, time, unit = ''] = /^finished in ([\d.]+)(s|ms|us),/m.exec(text) ?? [];
  const [, succeeded] = /^status codes: (\d+) 2xx,/m.exec(text) ?? [];
  const [, bytes] = /^traffic: .* \((\d+)\) data$/m.exec(text) ?? [];
  const result = {
    seconds: Number(time) * (secondsIn[unit] ?? Number.NaN),
    succeeded: Number(succeeded),
    bytes: Number(bytes),
  };
  if (Object.values(result).every(Number.isFinite)) return result;
  throw new Error(`h2load printed no result: ${text}`);
}

/** Throws an Error unless so many requests were answered with so many bytes each. */
export function checkResult(
  { succeeded, bytes }: H2loadResult,
  count: number,
  responseBytes: number,
): void {
  if (succeeded !== count) {
    throw new Error(`${count - succeeded} of ${count} requests were not answered with success`);
  }
  if (bytes !== count * responseBytes) {
    throw new Error(`${count} responses had ${bytes} bytes, which are not ${responseBytes} each`);
  }
}
