// A program of this package in a process of its own, with an end to the time it may take.
import { fork } from 'node:child_process';
import type { Obstacle } from './doctor/report';

export interface ChildEnd {
  readonly stdout: string;
  /** How it went wrong, in words; '' where it ended well. */
  readonly failure: string;
  /** What hindered it, where that is known. */
  readonly obstacle: Obstacle | null;
}

const WORDS_MAX = 300;
const OBSTACLES: Readonly<Record<string, Obstacle>> = {
  ERR_ACCESS_DENIED: 'permissions',
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  EAGAIN: 'processes',
};

/** Of Node's options those that decide what a process may do: a child that examines it has to have the same. */
export function decisiveOptions(execArgv: readonly string[]): readonly string[] {
  return execArgv.flatMap((option, index) => {
    if (!/^--(no-addons$|(experimental-)?permission$|allow-)/.test(option)) return [];
    const next = execArgv[index + 1];
    // `--allow-fs-read /tmp` is two arguments, and `--allow-addons` is one.
    const hasValue = /^--allow-fs-/.test(option) && !option.includes('=') && next !== undefined;
    return hasValue ? [option, next] : [option];
  });
}

/** Runs a file with Node to its end, and kills it when that takes too long. Never rejects. */
export function runChild(
  file: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<ChildEnd> {
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    let isLate = false;
    let child: ReturnType<typeof fork>;
    const notStarted = ({ message, code }: NodeJS.ErrnoException): ChildEnd => ({
      stdout,
      failure: `no process could be started: ${message}`,
      obstacle: OBSTACLES[code ?? ''] ?? null,
    });
    try {
      // Not all of our own options: an inspector's port can be used once.
      const execArgv = [...decisiveOptions(process.execArgv)];
      child = fork(file, args, { execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    } catch (error) {
      resolve(notStarted(error as Error));
      return;
    }
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (ended: ChildEnd): void => {
      clearTimeout(timer);
      resolve(ended);
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error) => end(notStarted(error)));
    child.once('close', (code, signal) => {
      const obstacle = isLate ? 'time' : null;
      let failure = '';
      if (isLate) failure = `no answer within ${timeoutMs / 1000} s`;
      else if (signal !== null) failure = `the process was killed by ${signal}`;
      else if (code !== 0) failure = `the process ended with ${code}${said(stderr)}`;
      end({ stdout, failure, obstacle });
    });
  });
}

// Of Node and of the system's loader.
const TELLING = /^(\w*Error\b|FATAL ERROR)|Assertion failed|error while loading/;

/** ': ' and its own words; of an uncaught error the line that has the message, and not the place or the stack. */
export function said(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line = lines.find((each) => TELLING.test(each)) ?? lines.find((each) => each !== '');
  return line === undefined ? '' : `: ${line.slice(0, WORDS_MAX)}`;
}
