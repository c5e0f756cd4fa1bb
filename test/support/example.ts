// Starts a program of examples/ as a user would, and stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach } from '@jest/globals';
import { root } from './sources';

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

export interface Example {
  readonly child: ChildProcess;
  readonly host: string;
  readonly port: number;
  /** Sends the signal and resolves to the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

function spawnExample(name: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join('examples', name), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  return child;
}

/** Starts an example on a free port and waits for `listening on HOST:PORT`. */
export async function startExample(name: string, args: readonly string[]): Promise<Example> {
  const child = spawnExample(name, args);
  child.stderr?.pipe(process.stderr);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let host = '';
  let port = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    const match = /^listening on (.+):(\d+)$/.exec(line);
    if (match === null) continue;
    host = match[1] ?? '';
    port = Number(match[2]);
    break;
  }
  if (port === 0) throw new Error(`${name} never said that it listens`);
  child.stdout?.resume();
  const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const [code] = await exited;
    running.delete(child);
    return code;
  };
  return { child, host, port, stop };
}

/** Runs an example that ends by itself. */
export async function runExample(
  name: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawnExample(name, args);
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  running.delete(child);
  return { code, output, errors };
}
