// A server under measurement: its process, the address it listens on and the CPU time it has used.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, pinned } from './child.js';
import { heldBytes } from './memory.js';

const exitNoticeMs = 50; // from a lost connection to the news of the process's exit
const listenTimeoutMs = 15_000;
const collectTimeoutMs = 30_000;

export interface CpuTime {
  readonly processNs: number;
  readonly mainThreadNs: number;
  /** How long threads that could run waited for a core. */
  readonly waitNs: number;
}

/** The scheduler's own nanoseconds: on a core, and ready to run but waiting for one. */
export function parseSchedstat(text: string): { readonly cpuNs: number; readonly waitNs: number } {
  const match = /^(\d+) (\d+) \d+$/.exec(text.trim());
  if (!match) throw new Error(`unexpected schedstat '${text.trim()}'`);
  return { cpuNs: Number(match[1]), waitNs: Number(match[2]) };
}

/** `listening on HOST:PORT`, with an IPv6 host in brackets. */
export function parseListeningLine(line: string): { host: string; port: number } {
  const match = /^listening on (?:\[(.+)\]|(.+)):(\d+)$/.exec(line.trim());
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error(`expected 'listening on HOST:PORT', not '${line}'`);
  return { host, port: Number(match?.[3]) };
}

export class Server {
  readonly host: string;
  readonly port: number;
  readonly #child: Child;
  /** As last read: what a thread used before it ended stays in the sum. */
  readonly #threadTimes = new Map<number, ReturnType<typeof parseSchedstat>>();

  private constructor(child: Child, address: { host: string; port: number }) {
    this.#child = child;
    this.host = address.host;
    this.port = address.port;
  }

  /** Resolves when it listens; rejects with its own words when it does not. */
  static async start(command: readonly string[], cpus: readonly number[]): Promise<Server> {
    const child = new Child('server', pinned(command, cpus));
    try {
      return new Server(child, parseListeningLine(await child.nextLine(listenTimeoutMs)));
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Why something that needed the server failed: the server's own end, if it has ended, else the error that was
   * seen from outside.
   */
  async reasonFor(error: unknown): Promise<unknown> {
    await sleep(exitNoticeMs);
    return this.#child.endError ?? error;
  }

  threadCount(): number {
    return readdirSync(`/proc/${this.pid}/task`).length;
  }

  /** The memory that it holds, see memory.ts. */
  heldBytes(): number {
    return heldBytes(this.pid);
  }

  /** Exact while the server sleeps; a running thread's time may lag by a scheduler tick. */
  cpuTime(): CpuTime {
    for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
      const file = `/proc/${this.pid}/task/${thread}/schedstat`;
      this.#threadTimes.set(Number(thread), parseSchedstat(readFileSync(file, 'utf8')));
    }
    const times = [...this.#threadTimes.values()];
    return {
      processNs: times.reduce((sum, { cpuNs }) => sum + cpuNs, 0),
      mainThreadNs: this.#threadTimes.get(this.pid)?.cpuNs ?? 0,
      waitNs: times.reduce((sum, { waitNs }) => sum + waitNs, 0),
    };
  }

  /** The server collects its garbage. Rejects where it does not say that it has. */
  async collectGarbage(): Promise<void> {
    this.#child.signal('SIGUSR2');
    const line = await this.#child.nextLine(collectTimeoutMs);
    if (line !== 'collected')
      throw new Error(`expected the server to say 'collected', not '${line}'`);
  }

  /** Keeps an idle server from using its core while another is measured there. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  /** Ends it; false when it had to be killed. */
  stop(): Promise<boolean> {
    return this.#child.stop();
  }
}
