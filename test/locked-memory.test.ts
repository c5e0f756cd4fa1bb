// Where the limit on locked memory is too low for a ring: what probe() and the constructor say. Only some kernels count
// rings (before 5.12, and newer ones again); on others every proactor here is made.
import { describe, expect } from '@jest/globals';
import type { ProactorOptions, ProbeReport } from 'proactor';
import { describeEach } from './support/dispatchers';
import { itUnprivileged, runUnprivileged } from './support/unprivileged';

interface Outcome {
  readonly probe: ProbeReport;
  readonly made: boolean;
  readonly error: { readonly code?: string; readonly message?: string; readonly cause?: object };
}

/** Asks probe(), then makes a proactor, with so much memory that can be locked. */
async function attempt(lockedBytes: number, options: ProactorOptions): Promise<Outcome> {
  const ended = await runUnprivileged(lockedBytes, (folder) => [
    '-e',
    `const { Proactor } = require(${JSON.stringify(folder)});
    const outcome = { probe: Proactor.probe(), made: true, error: {} };
    try {
      void new Proactor(${JSON.stringify(options)}).dispose();
    } catch ({ code, message, cause }) {
      Object.assign(outcome, { made: false, error: { code, message, cause } });
    }
    console.log(JSON.stringify(outcome));`,
  ]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as Outcome;
}

const REMEDIES = [/RLIMIT_MEMLOCK/, /ulimit -l/, /LimitMEMLOCK/, /--ulimit memlock/];

describeEach('a limit that is enough for the probe and not for a ring', ({ options }) => {
  itUnprivileged('is named by the error, with what helps', async () => {
    const { probe, made, error } = await attempt(65536, options);
    expect(probe).toMatchObject({ available: true, reason: '' });
    if (made) return;
    expect(error.code).toBe('ERR_IO_URING_UNAVAILABLE');
    expect(error.cause).toMatchObject({ code: 'ENOMEM', syscall: 'io_uring_setup' });
    for (const remedy of REMEDIES) expect(error.message).toMatch(remedy);
    expect(error.message).toContain('64 KiB');
    expect(error.message).toContain('fewer "entries"');
  });

  itUnprivileged('is enough for fewer entries', async () => {
    expect(await attempt(65536, { ...options, entries: 64 })).toMatchObject({ made: true });
  });
});

describe('a limit that is not enough for the probe', () => {
  itUnprivileged('is not taken for a lack of the kernel', async () => {
    for (const lockedBytes of [4096, 8192]) {
      const { probe, made, error } = await attempt(lockedBytes, { dispatch: 'thread' });
      if (made) continue;
      expect(probe).toMatchObject({ available: false, reason: expect.stringContaining('ENOMEM') });
      expect(probe.hint).toContain(`${lockedBytes / 1024} KiB`);
      for (const remedy of REMEDIES) expect(probe.hint).toMatch(remedy);
      expect(error.code).toBe('ERR_IO_URING_UNAVAILABLE');
    }
  });
});
