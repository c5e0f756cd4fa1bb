// The load generator's process: it stays connected to its server for all rounds, and each trial leaves nothing
// outstanding, so that the server's counters stand still between trials.
import { Child, pinned, yielding } from './child.js';
import type { EchoOptions } from './options.js';

const connectTimeoutMs = 30_000;
const trialGraceMs = 20_000; // the generator itself gives up 10 s after a trial's end

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One trial as the load generator prints it. */
export interface TrialResult {
  /** Messages that came back within the trial's time. */
  readonly messages: number;
  /** All messages of the trial: those that were outstanding at its end as well. */
  readonly messagesWithDrain: number;
  readonly seconds: number;
  readonly secondsWithDrain: number;
  readonly messagesPerSecond: number;
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
    messages: result?.messages,
    messagesWithDrain: result?.messagesWithDrain,
    seconds: result?.seconds,
    secondsWithDrain: result?.secondsWithDrain,
    messagesPerSecond: result?.messagesPerSecond,
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

export class LoadGenerator {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Connects to the server; resolves when all connections stand. */
  static async connect(
    program: string,
    target: { readonly host: string; readonly port: number },
    load: Pick<EchoOptions, 'connections' | 'size' | 'depth' | 'verify' | 'sharedCore'>,
    cpu: number,
  ): Promise<LoadGenerator> {
    const command = [
      ...[program, '--interactive', '--host', target.host, '--port', `${target.port}`],
      ...['--connections', `${load.connections}`, '--size', `${load.size}`],
      ...['--depth', `${load.depth}`, ...(load.verify ? ['--verify'] : [])],
    ];
    // On the server's core it must give way to the server, or it would answer all its connections before the
    // server runs, and no wake-up would bring few messages.
    const child = new Child(
      'load generator',
      pinned(load.sharedCore ? yielding(command) : command, [cpu]),
    );
    await child.nextLine(connectTimeoutMs);
    return new LoadGenerator(child);
  }

  /** Rejects when the server lost, changed or reordered a byte, or closed a connection. */
  async trial(seconds: number): Promise<TrialResult> {
    this.#child.writeLine(`${seconds}`);
    const line = await this.#child.nextLine(seconds * 1000 + trialGraceMs);
    const result = parseTrialResult(line);
    if (result.errors > 0) throw new Error(`${result.errors} errors, first: ${result.firstError}`);
    if (result.messages === 0) throw new Error('no message came back in the time of the trial');
    return result;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
