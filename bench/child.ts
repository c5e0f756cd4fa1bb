// A child process that speaks in lines. Every child is registered, so that none outlives the benchmark.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

const stopTimeoutMs = 3000;
const stderrCharactersMax = 8192;

interface LineWaiter {
  resolve(line: string): void;
  reject(error: Error): void;
}

/** A command that runs on the given cores and, where util-linux can arrange it, dies with its parent. */
export function pinned(command: readonly string[], cpus: readonly number[]): readonly string[] {
  return [...diesWithParent(), 'taskset', '-c', cpus.join(','), ...command];
}

/** A command that runs only while nothing else wants its core (SCHED_IDLE): whoever it wakes goes first. */
export function yielding(command: readonly string[]): readonly string[] {
  return ['chrt', '--idle', '0', ...command];
}

let deathSignalPrefix: readonly string[] | undefined;

function diesWithParent(): readonly string[] {
  const prefix = ['setpriv', '--pdeathsig', 'KILL'];
  deathSignalPrefix ??=
    spawnSync('setpriv', [...prefix.slice(1), 'true']).status === 0 ? prefix : [];
  return deathSignalPrefix;
}

export class Child {
  static readonly #running = new Set<Child>();

  readonly #process: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #exited: Promise<void>;
  readonly #lines: string[] = [];
  #waiter: LineWaiter | undefined;
  #stderr = '';
  #end: string | undefined;

  constructor(name: string, command: readonly string[]) {
    const [file = '', ...args] = command;
    this.#name = name;
    this.#process = spawn(file, args, { stdio: 'pipe' });
    Child.#running.add(this);
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#onLine(line));
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharactersMax);
    });
    this.#process.stdin.on('error', () => {}); // EPIPE: the exit says more
    this.#exited = new Promise((resolve) => {
      const onEnd = (end: string) => {
        this.#end ??= end;
        Child.#running.delete(this);
        this.#waiter?.reject(this.#endError());
        this.#waiter = undefined;
        resolve();
      };
      this.#process.once('error', (error) => onEnd(`could not be started: ${error.message}`));
      this.#process.once('close', (code, signal) =>
        onEnd(`ended with ${signal ?? `code ${code}`}`),
      );
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** How it ended, with its last words; undefined while it runs. */
  get endError(): Error | undefined {
    return this.#end === undefined ? undefined : this.#endError();
  }

  writeLine(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The next line of stdout. Rejects when the process ends first, or when it takes too long. */
  async nextLine(timeoutMs: number): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    if (this.#end !== undefined) throw this.#endError();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#waiter = { resolve, reject };
        const error = new Error(`${this.#name} said nothing for ${timeoutMs} ms`);
        timer = setTimeout(() => reject(error), timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiter = undefined;
    }
  }

  /** The next line that begins so; those before it are passed over. Rejects as nextLine() does. */
  async lineOf(beginning: string, timeoutMs: number): Promise<string> {
    for (;;) {
      const line = await this.nextLine(timeoutMs);
      if (line.startsWith(beginning)) return line;
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#end === undefined) this.#process.kill(signal);
  }

  /** Ends the process and waits until it is gone; false when it had to be killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<boolean> {
    this.signal('SIGCONT');
    this.signal(signal);
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      this.signal('SIGKILL');
    }, stopTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
    return !killed;
  }

  static async killAll(): Promise<void> {
    const children = [...Child.#running];
    for (const child of children) child.signal('SIGKILL');
    await Promise.all(children.map((child) => child.#exited));
  }

  #onLine(line: string): void {
    if (this.#waiter === undefined) {
      this.#lines.push(line);
    } else {
      this.#waiter.resolve(line);
      this.#waiter = undefined;
    }
  }

  #endError(): Error {
    const words = this.#stderr.trim();
    return new Error(`${this.#name} ${this.#end}${words && `: ${errorLineOf(words)}`}`);
  }
}

/** The line that says what went wrong: Node prints the error between the source line and the stack. */
export function errorLineOf(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.find((line) => /^(\w*Error\b|Error:)/.test(line)) ?? lines.at(-1) ?? '';
}
