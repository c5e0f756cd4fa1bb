// A proactor is made with few descriptors left, or none: each number at which that fails says the same, and nothing of
// it stays behind. So it is with threads, and with memory for the buffers.
import { describe, expect, it } from '@jest/globals';
import type { Proactor } from 'proactor';
import { runCommand, sourceOf } from './support/child';
import { describeEach } from './support/dispatchers';
import { itUnprivileged, runUnprivileged } from './support/unprivileged';

interface Attempt {
  readonly left: number;
  readonly code: string;
  readonly message: string;
  readonly cause: string;
}

interface Outcome {
  readonly attempts: readonly Attempt[];
  readonly descriptors: readonly [before: number, after: number];
  readonly threads: readonly [before: number, after: number];
  readonly mappedBytes: number;
}

type Scope = Parameters<Parameters<typeof sourceOf>[0]>[0];

/** Tries it with each number of descriptors from 0 up, and back, when the probe's answer is known. */
const attemptAll = async ({ open, require }: Scope): Promise<void> => {
  const { closeSync, openSync, readdirSync } = require('node:fs') as typeof import('node:fs');
  const LEFT_MAX = 40;
  const { addon } = require('#lib/ring/binding') as typeof import('#lib/ring/binding');
  const count = (what: string): number => readdirSync(`/proc/self/${what}`).length;
  const before = { fd: count('fd'), task: count('task') };
  const attempts: Attempt[] = [];
  const attempt = async (left: number): Promise<void> => {
    const held: number[] = [];
    let proactor: Proactor | undefined;
    try {
      for (;;) held.push(openSync('/dev/null', 'r'));
    } catch {}
    for (const fd of held.splice(held.length - left)) closeSync(fd);
    try {
      proactor = open();
      attempts.push({ left, code: '', message: '', cause: '' });
    } catch (error) {
      const { code = '', message, cause } = error as NodeJS.ErrnoException;
      const { code: errno, syscall } = (cause ?? {}) as NodeJS.ErrnoException;
      attempts.push({ left, code, message, cause: `${syscall} ${errno}` });
    }
    for (const fd of held) closeSync(fd);
    await proactor?.dispose();
  };
  for (let left = 0; left <= LEFT_MAX; left++) await attempt(left);
  for (let left = LEFT_MAX; left >= 0; left--) await attempt(left);
  // An I/O thread's end, and the collection of what was mapped, take their time.
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const outcome: Outcome = {
    attempts,
    descriptors: [before.fd, count('fd')],
    threads: [before.task, count('task')],
    mappedBytes: addon?.mappedBytes() ?? Number.NaN,
  };
  console.log(JSON.stringify(outcome));
};

describeEach('with few descriptors left', ({ options }) => {
  it('making a proactor says the same whatever call is refused, and leaves nothing behind', async () => {
    const source = sourceOf(attemptAll, options);
    const limited = ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath];
    const ended = await runCommand('sh', [...limited, '--expose-gc', '-e', source]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const { attempts, descriptors, threads, mappedBytes } = JSON.parse(ended.stdout) as Outcome;
    const failures = attempts.filter(({ code }) => code !== '');
    const calls = new Set(failures.map(({ cause }) => cause));
    expect([...calls].sort()).toEqual([
      'eventfd EMFILE',
      'io_uring_setup EMFILE',
      'socketpair EMFILE',
    ]);
    for (const { code, message, cause } of failures) {
      expect(code).toBe('ERR_IO_URING_UNAVAILABLE');
      expect(message).toBe(
        `io_uring cannot be used: ${cause.replace(' ', ' was refused with ')}. ` +
          'Remedy: raise RLIMIT_NOFILE (ulimit -n) or close descriptors',
      );
    }
    // The ring and an eventfd; and three for a moment, when it is not known yet what the kernel offers.
    expect(failures.map(({ left }) => left)).toEqual([0, 1, 2, 1, 0]);
    expect(descriptors[1]).toBe(descriptors[0]);
    expect(threads[1]).toBe(threads[0]);
    expect(mappedBytes).toBe(0);
  });
});

describe('without a thread to be had', () => {
  itUnprivileged('thread dispatch says so, and loop dispatch needs none', async () => {
    const ended = await runUnprivileged(1 << 20, (folder) => [
      '-e',
      `const { Proactor } = require(${JSON.stringify(folder)});
      const { readdirSync } = require('node:fs');
      const count = () => readdirSync('/proc/self/fd').length;
      Proactor.probe();
      const before = count();
      require('node:child_process').spawnSync('prlimit', ['--pid', process.pid, '--nproc=1:1']);
      try {
        new Proactor({ dispatch: 'thread' });
      } catch ({ code, message }) {
        console.log(JSON.stringify({ code, message, left: count() - before }));
      }
      new Proactor({ dispatch: 'loop' }).dispose();`,
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const { code, message, left } = JSON.parse(ended.stdout);
    expect(code).toBe('ERR_IO_URING_UNAVAILABLE');
    expect(message).toMatch(/pthread_create was refused with EAGAIN\. Remedy: raise RLIMIT_NPROC/);
    expect(left).toBe(0);
  });
});

describe('without memory for its buffers', () => {
  itUnprivileged('a proactor leaves no descriptor behind', async () => {
    const ended = await runUnprivileged(1 << 20, (folder) => [
      '-e',
      `const { Proactor } = require(${JSON.stringify(folder)});
      const { readdirSync, readFileSync } = require('node:fs');
      const count = () => readdirSync('/proc/self/fd').length;
      Proactor.probe();
      const before = count();
      // What Node has mapped already is more than a gigabyte, and is known once it runs.
      const [, mapped] = /VmSize:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status'));
      const limit = '--as=' + (Number(mapped) * 1024 + (512 << 20));
      require('node:child_process').spawnSync('prlimit', ['--pid', process.pid, limit]);
      try {
        new Proactor({ dispatch: 'loop', buffers: { count: 2048, size: 524288 } });
      } catch ({ code, syscall }) {
        console.log(code, syscall, count() - before);
      }`,
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'ENOMEM mmap 0\n' });
  });
});
