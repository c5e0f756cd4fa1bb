// The load generator's process: it stays connected to its server for all rounds, and each trial leaves nothing
// outstanding, so that the server's counters stand still between trials.
import { Child, pinned, yielding } from './child.js';
import { type NativeProgram, nativeProgram } from './paths.js';

const connectTimeoutMs = 60_000;
const trialGraceMs = 180_000; // the generator itself gives up when nothing came for 10 s

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One trial as a load generator prints it. Its units are messages, connections or KiB. */
export interface TrialResult {
  /** Units that were complete within the trial's time. */
  readonly units: number;
  /** All units of the trial: those that were outstanding at its end as well. */
  readonly unitsWithDrain: number;
  readonly seconds: number;
  readonly secondsWithDrain: number;
  readonly latencyNs: Latency;
  readonly generatorCpuNs: number;
  readonly errors: number;
  readonly firstError: string;
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
  const numbers: Record<string, unknown> = {
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
  };
  for (const [name, number] of Object.entries(numbers)) {
    if (typeof number !== 'number') throw new Error(`the load generator's result has no ${name}`);
  }
  return result;
}

/** Which load generator, and its options except for the server's address. */
export interface LoadCommand {
  readonly program: NativeProgram;
  readonly args: readonly string[];
}

export class LoadGenerator {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /**
   * Connects to the server; resolves when all connections stand. `givesWay`: the load is on the server's core and
   * must give way to it, or it would answer all its connections before the server runs, and no wake-up would
   * bring few messages.
   */
  static async connect(
    { program, args }: LoadCommand,
    target: { readonly host: string; readonly port: number },
    cpu: number,
    givesWay: boolean,
  ): Promise<LoadGenerator> {
    const address = ['--host', target.host, '--port', `${target.port}`];
    const command = [nativeProgram(program), '--interactive', ...address, ...args];
    const child = new Child(
      'load generator',
      pinned(givesWay ? yielding(command) : command, [cpu]),
    );
    try {
      await child.nextLine(connectTimeoutMs);
    } catch (error) {
      await child.stop();
      throw error;
    }
    return new LoadGenerator(child);
  }

  /**
   * Keeps the load up for that long; of 0 seconds, each connection gets what it keeps outstanding, once. Rejects
   * when the server lost, changed, added or reordered a byte, or closed a connection that it should not.
   */
  async trial(seconds: number): Promise<TrialResult> {
    this.#child.writeLine(`${seconds}`);
    const line = await this.#child.nextLine(seconds * 1000 + trialGraceMs);
    const result = parseTrialResult(line);
    if (result.errors > 0) throw new Error(`${result.errors} errors, first: ${result.firstError}`);
    if (result.unitsWithDrain === 0) throw new Error('nothing came back in the time of the trial');
    return result;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
