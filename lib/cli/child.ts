// A program of this package in a process of its own, with an end to the time it may take.
import { fork } from 'node:child_process';

export interface ChildEnd {
  readonly stdout: string;
  /** How it went wrong, in words; '' where it ended well. */
  readonly failure: string;
}

const WORDS_MAX = 300;

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
    try {
      // Without our own execArgv: an inspector's port can be used once.
      child = fork(file, args, { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    } catch (error) {
      resolve({ stdout, failure: `no process could be started: ${(error as Error).message}` });
      return;
    }
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (failure: string): void => {
      clearTimeout(timer);
      resolve({ stdout, failure });
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error) => end(`no process could be started: ${error.message}`));
    child.once('close', (code, signal) => {
      if (isLate) end(`no answer within ${timeoutMs / 1000} s`);
      else if (signal !== null) end(`the process was killed by ${signal}`);
      else if (code !== 0) end(`the process ended with ${code}${said(stderr)}`);
      else end('');
    });
  });
}

/** Its own words, or the line of an uncaught error without the stack. */
function said(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line = lines.find((each) => /^\w*Error\b/.test(each)) ?? lines.find((each) => each !== '');
  return line === undefined ? '' : `: ${line.slice(0, WORDS_MAX)}`;
}
