// The load on a server, trial by trial: a trial leaves nothing outstanding, so that the server's counters stand still
// between trials. The native load generators are one process for all trials, which stays connected.
import { existsSync } from 'node:fs';
import { Child, pinned, yielding } from './child.js';
import { type NativeProgram, nativeProgram } from './paths.js';

const connectTimeoutMs = 60_000;
/** How much longer than its load a trial may take: the generators themselves give up when nothing came for 10 s. */
export const trialGraceMs = 180_000;

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One trial, as the native load generators print it. Its units are messages, connections, KiB or requests. */
export interface TrialResult {
  /** Units that were complete within the trial's time. */
  readonly units: number;
  /** All units of the trial: those that were outstanding at its end as well. */
  readonly unitsWithDrain: number;
  readonly seconds: number;
  readonly secondsWithDrain: number;
  /** Absent where the load does not tell; so is `generatorCpuNs`. The native generators tell both. */
  readonly latencyNs?: Latency;
  readonly generatorCpuNs?: number;
  readonly errors: number;
  readonly firstError: string;
}

/** Where a server listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The address of a path of a server of HTTP. */
export function urlOf({ host, port }: Target, tls: boolean, path = '/'): string {
  return `${tls ? 'https' : 'http'}://${host}:${port}${path}`;
}

export interface Load {
  /**
   * Keeps the load up for that long; of 0 seconds, each connection gets what it keeps outstanding, once. Rejects
   * when the server lost, changed, added or reordered a byte, or closed a connection that it should not.
   */
  trial(seconds: number): Promise<TrialResult>;
  stop(): Promise<void>;
}

/**
 * Connects a load on that core to a server. `givesWay`: the load is on the server's core and must give way to it, or
 * it would answer all its connections before the server runs, and no wake-up would bring few messages.
 */
export type ConnectLoad = (target: Target, cpu: number, givesWay: boolean) => Promise<Load>;

/** undefined where the build made the program; else what it lacked, `remedy`, is in the words. */
export function whyNativeLoadIsUnavailable(
  program: NativeProgram,
  remedy: string,
): string | undefined {
  return existsSync(nativeProgram(program)) ? undefined : `${program} was not built: ${remedy}`;
}

/** The load of a program of native/; `args` are its options except for the server's address. */
export function nativeLoad(program: NativeProgram, args: readonly string[]): ConnectLoad {
  return async (target, cpu, givesWay) => {
    const address = ['--host', target.host, '--port', `${target.port}`];
    const command = [nativeProgram(program), '--interactive', ...address, ...args];
    const child = new Child('load generator', placed(command, cpu, givesWay));
    try {
      await child.nextLine(connectTimeoutMs);
    } catch (error) {
      await child.stop();
      throw error;
    }
    return new LoadGenerator(child);
  };
}

/** The command of a load, on its core. */
export function placed(
  command: readonly string[],
  cpu: number,
  givesWay: boolean,
): readonly string[] {
  return pinned(givesWay ? yielding(command) : command, [cpu]);
}

class LoadGenerator implements Load {
  readonly #child: Child;

  constructor(child: Child) {
    this.#child = child;
  }

  async trial(seconds: number): Promise<TrialResult> {
    this.#child.writeLine(`${seconds}`);
    const line = await this.#child.nextLine(seconds * 1000 + trialGraceMs);
    return withoutErrors(parseTrialResult(line));
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** Throws where the server did something wrong. */
export function withoutErrors(result: TrialResult): TrialResult {
  if (result.errors > 0) throw new Error(`${result.errors} errors, first: ${result.firstError}`);
  return result;
}

/** Reads a result line. Throws an Error that names what is missing. */
export function parseTrialResult(line: string): TrialResult {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`the load generator printed no JSON: ${line}`);
  }
  const result = value as TrialResult;
  requireNumbers('the load generator', {
    units: result?.units,
    unitsWithDrain: result?.unitsWithDrain,
    seconds: result?.seconds,
    secondsWithDrain: result?.secondsWithDrain,
    p50: result?.latencyNs?.p50,
    p90: result?.latencyNs?.p90,
    p99: result?.latencyNs?.p99,
    p999: result?.latencyNs?.p999,
    max: result?.latencyNs?.max,
    generatorCpuNs: result?.generatorCpuNs,
    errors: result?.errors,
  });
  return result;
}

/** Throws an Error that names the first that is none. */
export function requireNumbers(who: string, numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, number] of Object.entries(numbers)) {
    if (typeof number !== 'number') throw new Error(`${who}'s result has no ${name}`);
  }
}
