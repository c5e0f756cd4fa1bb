// The processes of a comparison, as their parent sees them: where they run, what they say, and what CPU time they used.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readStatus, readText } from '../../host';
import { said } from '../child';
import type { Contender, Listening, Load, LoadReply, LoadRequest, Trial } from './messages';

const START_TIMEOUT_MS = 60_000;
const TRIAL_GRACE_MS = 20_000; // the load generator itself gives up after half of it
const STOP_TIMEOUT_MS = 2000;
const STDERR_LENGTH_MAX = 10_000;

/** The cores of a comparison; null where processes cannot be told where to run. */
export interface Placement {
  readonly serverCpu: number;
  readonly loadCpu: number;
}

/** '0,2-4' as [0, 2, 3, 4]. */
export function parseCpuList(text: string): readonly number[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first = '', last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i),
  );
}

/** Servers on the last core, the load on the one before: the first tend to have the machine's other work. */
export function place(root: string): Placement | null {
  const cpus = parseCpuList(readStatus(root, 'Cpus_allowed_list'));
  const serverCpu = cpus.at(-1);
  if (serverCpu === undefined) return null;
  const canPin = spawnSync('taskset', ['-c', String(serverCpu), 'true']).status === 0;
  return canPin ? { serverCpu, loadCpu: cpus.at(-2) ?? serverCpu } : null;
}

/** The CPU time of all threads of a process in nanoseconds; undefined where the kernel does not count it. */
export function cpuTimeNs(root: string, pid: number): number | undefined {
  let threads: string[];
  try {
    threads = readdirSync(`${root}/proc/${pid}/task`);
  } catch {
    return undefined;
  }
  let sum = 0;
  for (const thread of threads) {
    const match = /^(\d+) \d+ \d+$/.exec(readText(root, `proc/${pid}/task/${thread}/schedstat`));
    if (match === null) return undefined;
    sum += Number(match[1]);
  }
  return sum;
}

/** A program of this package that answers through Node's channel, one message at a time. */
class Worker {
  readonly #child: ChildProcess;
  readonly #name: string;
  #stderr = '';

  constructor(name: string, args: readonly string[], cpu: number | undefined) {
    const command = [process.execPath, ...args];
    const [file = '', ...rest] =
      cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command];
    this.#name = name;
    this.#child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child.on('error', () => {}); // told by reply()
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LENGTH_MAX);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  send(message: LoadRequest): void {
    this.#child.send(message, () => {}); // that it is gone is told by reply()
  }

  /** The next message; rejects when the process ends first, or does not answer in time. */
  reply<T>(timeoutMs: number): Promise<T> {
    const child = this.#child;
    return new Promise<T>((resolve, reject) => {
      const end = (error: Error | undefined, message?: T): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('close', onClose).off('error', onError);
        if (error === undefined) resolve(message as T);
        else reject(error);
      };
      const onMessage = (message: unknown): void => end(undefined, message as T);
      const onError = (error: Error): void =>
        end(new Error(`the ${this.#name} could not be started: ${error.message}`));
      const onClose = (): void => end(this.#endError());
      const timer = setTimeout(
        () => end(new Error(`the ${this.#name} did not answer within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      child.on('message', onMessage).on('close', onClose).on('error', onError);
      if (child.exitCode !== null || child.signalCode !== null) onClose();
    });
  }

  #endError(): Error {
    const { exitCode, signalCode } = this.#child;
    const end = signalCode === null ? `with ${exitCode}` : `by ${signalCode}`;
    return new Error(`the ${this.#name} ended ${end}${said(this.#stderr)}`);
  }

  /** Ends the process, which ends itself when the channel closes. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}

export class ServerProcess {
  readonly port: number;
  readonly #worker: Worker;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  static async start(contender: Contender, cpu: number | undefined): Promise<ServerProcess> {
    const args = [require.resolve('./server'), contender];
    const worker = new Worker(`server ${contender}`, args, cpu);
    try {
      const { port } = await worker.reply<Listening>(START_TIMEOUT_MS);
      return new ServerProcess(worker, port);
    } catch (error) {
      await worker.stop();
      throw error;
    }
  }

  cpuTimeNs(): number | undefined {
    return cpuTimeNs('/', this.#worker.pid);
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}

export class LoadProcess {
  readonly #worker: Worker;

  constructor(load: Load, cpu: number | undefined) {
    const args = [require.resolve('./load'), JSON.stringify(load)];
    this.#worker = new Worker('load generator', args, cpu);
  }

  async connect(contender: Contender, port: number): Promise<void> {
    await this.#ask({ kind: 'connect', contender, port }, START_TIMEOUT_MS);
  }

  async trial(contender: Contender, seconds: number): Promise<Trial> {
    const request = { kind: 'trial', contender, seconds } as const;
    const { trial } = await this.#ask(request, seconds * 1000 + TRIAL_GRACE_MS);
    if (trial === undefined || trial.messages === 0) throw new Error('no message came back');
    return trial;
  }

  async #ask(request: LoadRequest, timeoutMs: number): Promise<LoadReply> {
    this.#worker.send(request);
    const reply = await this.#worker.reply<LoadReply>(timeoutMs);
    if (reply.error !== '') throw new Error(reply.error);
    return reply;
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
