// A server that does not echo what was sent must not be measured as if it did.
import * as path from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { runContest } from '../bench/contest.js';
import type { Driver } from '../bench/drivers/driver.js';
import { buildNativePrograms } from '../bench/native.js';
import type { DriverOutcome } from '../bench/result.js';
import { echoLoad } from '../bench/workloads/echo.js';
import { describeOrSkip, skipNote } from './support/bench-tools.js';

const server = path.join(__dirname, 'support/bad-echo-server.js');
const buildTimeoutMs = 120_000;
const silenceTimeoutMs = 60_000; // the load waits ten seconds for what does not come back

function driverWith(fault: string): Driver {
  return {
    name: fault,
    description: `an echo server that ${fault}`,
    modes: ['echo'],
    collectsGarbage: false,
    command: () => [process.execPath, server, fault],
  };
}

/** Echo of 64 bytes, in order with what `faults` names. */
async function measure(
  faults: readonly string[],
  { depth = 1, verify = false } = {},
): Promise<readonly DriverOutcome[]> {
  const connections = 2;
  const { drivers } = await runContest(
    {
      drivers: faults.map(driverWith),
      task: { mode: 'echo', connections, bytesOutstanding: 64 * depth },
      load: echoLoad({ connections, size: 64, depth, verify }),
      unit: 'Message',
      figures: ({ units, seconds }) => ({ messagesPerSecond: units / seconds }),
    },
    {
      ...{ seconds: 0.1, rounds: 1, warmUp: 0, countRounds: 0, sharedCore: false },
      ...{ drivers: [], serverCpus: undefined, bun: undefined, deno: undefined, json: undefined },
    },
  );
  return drivers;
}

const failed = (words: string) => ({ status: 'failed', reason: expect.stringContaining(words) });

describeOrSkip(`a driver in echo${skipNote}`, () => {
  beforeAll(() => {
    jest.spyOn(console, 'error').mockImplementation(() => {}); // the progress
    buildNativePrograms();
  }, buildTimeoutMs);
  afterAll(() => void jest.restoreAllMocks());

  it('fails when it changes, adds, reorders or loses bytes, or closes; and no other with it', async () => {
    const faults = ['changes', 'adds', 'swaps', 'closes', 'none'];
    expect(await measure(faults)).toMatchObject([
      failed('other bytes came back than were sent'),
      failed('more came back than was sent'),
      failed('other bytes came back than were sent'),
      failed('the server closed it'),
      { status: 'ok', metrics: { messagesPerSecond: { rounds: [expect.any(Number)] } } },
    ]);
  });

  it(
    'fails when a byte is lost, whether more comes behind it or nothing',
    async () => {
      expect(await measure(['loses'], { depth: 4 })).toMatchObject([
        failed('other bytes came back than were sent'),
      ]);
      expect(await measure(['swallows'])).toMatchObject([
        failed('messages did not come back: nothing came for 10 s'),
      ]);
    },
    silenceTimeoutMs,
  );

  it('fails for a byte within a message where every byte is compared', async () => {
    expect(await measure(['changes-within'])).toMatchObject([{ status: 'ok' }]);
    expect(await measure(['changes-within'], { verify: true })).toMatchObject([
      failed('other bytes came back than were sent'),
    ]);
  });
});
