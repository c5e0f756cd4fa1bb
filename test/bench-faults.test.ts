// A server that does not echo what was sent, or answers other than it should, must not be measured as if it did.
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Contest, runContest } from '../bench/contest.js';
import type { Driver } from '../bench/drivers/driver.js';
import { h2load } from '../bench/h2load.js';
import { responseBytes } from '../bench/http-response.js';
import { identityFile } from '../bench/identity.js';
import { nativeLoad } from '../bench/load.js';
import { buildNativePrograms } from '../bench/native.js';
import type { DriverOutcome } from '../bench/result.js';
import { echoLoad } from '../bench/workloads/echo.js';
import { wrkLoad } from '../bench/wrk.js';
import { describeOrSkip, itWith, lacks, skipNote } from './support/bench-tools.js';

const server = path.join(__dirname, 'support/bad-echo-server.js');
const httpServer = path.join(__dirname, 'support/bad-http-server.js');
const buildTimeoutMs = 120_000;
const silenceTimeoutMs = 60_000; // the load waits ten seconds for what does not come back

function driverWith(script: string, fault: string, ...args: readonly string[]): Driver {
  return {
    name: fault,
    description: `a server that ${fault}`,
    modes: ['echo', 'http'],
    collectsGarbage: false,
    command: () => [process.execPath, script, fault, ...args],
  };
}

const timing = {
  ...{ seconds: 0.3, rounds: 1, warmUp: 0, countRounds: 0, sharedCore: false },
  ...{ drivers: [], serverCpus: undefined, bun: undefined, deno: undefined, json: undefined },
};

/** Echo of 64 bytes, in order with what `faults` names. */
async function measure(
  faults: readonly string[],
  { depth = 1, verify = false } = {},
): Promise<readonly DriverOutcome[]> {
  const connections = 2;
  const { drivers } = await runContest(
    {
      drivers: faults.map((fault) => driverWith(server, fault)),
      task: { mode: 'echo', connections, bytesOutstanding: 64 * depth },
      load: echoLoad({ connections, size: 64, depth, verify }),
      unit: 'Message',
      figures: ({ units, seconds }) => ({ messagesPerSecond: units / seconds }),
    },
    timing,
  );
  return drivers;
}

/** HTTP, answered with `hello`. */
async function measureHttp(
  faults: readonly string[],
  more: Partial<Contest> = {},
): Promise<readonly DriverOutcome[]> {
  const { drivers } = await runContest(
    {
      drivers: faults.map((fault) => driverWith(httpServer, fault)),
      task: { mode: 'http', connections: 2, bytesOutstanding: 5 },
      load: wrkLoad(2, 'hello'),
      unit: 'Request',
      figures: ({ units, seconds }) => ({ requestsPerSecond: units / seconds }),
      ...more,
    },
    timing,
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

  itWith('openssl', 'libssl')(
    'fails in churn over TLS when it does not resume the session of the connection before',
    async () => {
      const { drivers } = await runContest(
        {
          drivers: ['forgets', 'none'].map((fault) => driverWith(server, fault, identityFile())),
          task: { mode: 'echo', connections: 2, bytesOutstanding: 64, tls: true },
          load: nativeLoad('tls_churn_load', ['--connections', '2']),
          unit: 'Connection',
          figures: ({ units, seconds }) => ({ connectionsPerSecond: units / seconds }),
        },
        timing,
      );
      expect(drivers).toMatchObject([
        failed('the server did not resume the session'),
        { status: 'ok', metrics: { connectionsPerSecond: { rounds: [expect.any(Number)] } } },
      ]);
    },
  );

  it('fails for a byte within a message where every byte is compared', async () => {
    expect(await measure(['changes-within'])).toMatchObject([{ status: 'ok' }]);
    expect(await measure(['changes-within'], { verify: true })).toMatchObject([
      failed('other bytes came back than were sent'),
    ]);
  });
});

const { wrk: noWrk, h2load: noH2load } = lacks;
const describeHttp = noWrk === undefined ? describeOrSkip : describe.skip;
const describeH2load = noH2load === undefined ? describeOrSkip : describe.skip;

describeHttp(`a driver in http${noWrk === undefined ? skipNote : ` (skipped: ${noWrk})`}`, () => {
  beforeAll(() => void jest.spyOn(console, 'error').mockImplementation(() => {}));
  afterAll(() => void jest.restoreAllMocks());

  it('fails when its first response is another than was due', async () => {
    const faults = ['answers-404', 'answers-more', 'answers-other', 'has-no-length', 'closes'];
    expect(await measureHttp(faults)).toMatchObject([
      failed("the response begins 'HTTP/1.1 404 Not Found'"),
      failed('the response has another body than was due'),
      failed('the response has another body than was due'),
      failed('the response has no Content-Length'),
      failed('the server closed the connection before the response was whole'),
    ]);
  });

  it('fails when a later response is an error, shorter, longer or broken off; and no other with it', async () => {
    const faults = ['turns-500', 'turns-shorter', 'turns-longer', 'turns-broken', 'none'];
    expect(await measureHttp(faults)).toMatchObject([
      failed('responses of a status of 400 or more'),
      failed('bytes, which are not'),
      failed('bytes, which are not'),
      // wrk does not tell a connection that was closed early from one that broke, in some of its versions.
      {
        status: 'failed',
        reason: expect.stringMatching('broke while reading|bytes, which are not'),
      },
      { status: 'ok', metrics: { requestsPerSecond: { rounds: [expect.any(Number)] } } },
    ]);
  });
});

describeH2load(
  `a driver under h2load${noH2load === undefined ? skipNote : ` (skipped: ${noH2load})`}`,
  () => {
    beforeAll(() => void jest.spyOn(console, 'error').mockImplementation(() => {}));
    afterAll(() => void jest.restoreAllMocks());

    const load = h2load({
      ...{ tls: false, connections: 2, streams: 1, options: ['--h1'] },
      ...{ responseBytes: 5, unitsPerResponse: 1 },
      check: async (target) => void (await responseBytes(target, 'hello', false)),
    });

    it('fails when its first response is another than was due', async () => {
      expect(await measureHttp(['answers-other'], { load })).toMatchObject([
        failed('the response has another body than was due'),
      ]);
    });

    it('fails when a later response is an error, shorter, longer or broken off; and no other with it', async () => {
      const faults = ['turns-500', 'turns-shorter', 'turns-longer', 'turns-broken', 'none'];
      expect(await measureHttp(faults, { load })).toMatchObject([
        failed('were not answered with success'),
        failed('bytes, which are not 5 each'),
        failed('bytes, which are not 5 each'),
        failed('were not answered with success'),
        { status: 'ok', metrics: { requestsPerSecond: { rounds: [expect.any(Number)] } } },
      ]);
    });
  },
);

it('a driver is unavailable where there is no load, and its server is not started', async () => {
  jest.spyOn(console, 'error').mockImplementation(() => {});
  const outcomes = await measureHttp(['none'], { loadUnavailable: 'wrk is missing' });
  jest.restoreAllMocks();
  expect(outcomes).toMatchObject([
    { status: 'unavailable', reason: 'wrk is missing', threads: 0, command: [] },
  ]);
});
