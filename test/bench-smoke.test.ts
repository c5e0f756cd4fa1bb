// The whole benchmark in short: its servers, its load and its report, as a user runs it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readResults } from '../bench/report/results-file.js';
import { type RowResult, ratioBetween } from '../bench/result.js';
import { describeOrSkip, itWith, skipNote } from './support/bench-tools.js';
import { patient } from './support/pace';

const root = path.dirname(require.resolve('proactor/package.json'));
const buildAndRunTimeoutMs = 120_000;

const netDrivers = ['proactor-net', 'proactor-net-thread', 'node-net'];
const download = ['--direction', 'download'];

/** Rows of the protocols on top of TCP: id, headline, what they need, the command. */
const protocolRows = [
  [
    'https/hello/4/own',
    'requestsPerSecond',
    ['wrk', 'openssl'],
    'https --body hello --connections 4',
  ],
  [
    'https/10KiB/4/own',
    'requestsPerSecond',
    ['wrk', 'openssl'],
    'https --body 10KiB --connections 4',
  ],
  [
    'http2/clear/hello/2x4/own',
    'requestsPerSecond',
    ['h2load'],
    'http2 --connections 2 --streams 4',
  ],
  [
    'http2/tls/10KiB/2x4/own',
    'requestsPerSecond',
    ['h2load', 'openssl'],
    'http2 --body 10KiB --connections 2 --streams 4 --tls',
  ],
  [
    'http2-stream/clear/500x1KiB/own',
    'messagesPerSecond',
    ['h2load'],
    'http2-stream --messages 500 --size 1024',
  ],
  [
    'http2-stream/tls/500x100B/own',
    'messagesPerSecond',
    ['h2load', 'openssl'],
    'http2-stream --messages 500 --size 100 --tls',
  ],
  ['grpc/500x1KiB/own', 'messagesPerSecond', ['h2load'], 'grpc --messages 500 --size 1024'],
  ['file/1MiB/own', 'bytesPerSecond', ['h2load'], 'file --mebibytes 1'],
  [
    'tls-bulk/upload/2/own',
    'bytesPerSecond',
    ['openssl', 'libssl'],
    'tls-bulk --direction upload --connections 2 --verify',
  ],
  [
    'tls-bulk/download/2x16KiB/own',
    'bytesPerSecond',
    ['openssl', 'libssl'],
    'tls-bulk --direction download --connections 2 --chunk 16384 --verify',
  ],
  [
    'tls-churn/4x64B/own',
    'connectionsPerSecond',
    ['openssl', 'libssl'],
    'tls-churn --connections 4 --verify',
  ],
] as const;

function expectMeasured(row: RowResult, count: number): void {
  expect(row.drivers.map(({ status, reason }) => [status, reason])).toEqual(
    Array(count).fill(['ok', undefined]),
  );
  for (const { metrics } of row.drivers) {
    expect(metrics[row.headline]?.median).toBeGreaterThan(0);
  }
}

function bench(...args: readonly string[]) {
  const command = [path.join(root, 'build/bench/main.js'), ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
}

describeOrSkip(`a short run of the benchmark${skipNote}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'proactor-bench-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(
    'measures each driver and writes what it measured as JSON',
    () => {
      const json = path.join(folder, 'result.json');
      const load = ['--connections', '8', '--seconds', '0.2', '--rounds', '1', '--warm-up', '0.1'];
      const choice = ['--drivers', 'c-epoll,node-net', '--count-rounds', '0', '--verify'];
      const run = bench('echo', ...load, ...choice, '--json', json);
      expect(run.stderr).toContain('round 1 of 1');
      expect(run.stdout).toMatch(/c-epoll .*\d/);
      expect(run.status).toBe(0);
      const { machine, rows } = readResults(json);
      expect(machine.nodeVersion).toBe(process.version);
      expect(rows).toMatchObject([
        { id: 'echo/8x64B/depth1/own', conditions: { connections: 8, size: 64, verify: true } },
      ]);
      const row = rows[0] as RowResult;
      expect(row.drivers.map(({ name }) => name)).toEqual(['c-epoll', 'node-net']);
      for (const { status, metrics } of row.drivers) {
        expect(status).toBe('ok');
        const value = (name: string) => metrics[name]?.median ?? Number.NaN;
        expect(metrics['messagesPerSecond']?.rounds).toHaveLength(1);
        expect(value('messagesPerSecond')).toBeGreaterThan(0);
        expect(value('cpuNsPerMessage')).toBeGreaterThan(100);
        expect(value('latencyP50Ns')).toBeLessThanOrEqual(value('latencyP99Ns'));
      }
      expect(ratioBetween(row, 'messagesPerSecond', 'c-epoll', 'node-net')).toBeGreaterThan(0);
    },
    buildAndRunTimeoutMs,
  );

  it.each([
    ['churn/8x64B/own', 'connectionsPerSecond', ['churn', '--connections', '8']],
    ['bulk/upload/2/own', 'bytesPerSecond', ['bulk', '--connections', '2']],
    [
      'bulk/download/2x16KiB/own',
      'bytesPerSecond',
      ['bulk', '--direction', 'download', '--connections', '2', '--chunk', '16384'],
    ],
  ])(
    '%s is served by each kind of driver, and every byte is right',
    (id, headline, workload) => {
      const json = path.join(folder, 'result.json');
      const rounds = ['--seconds', `${patient(0.1)}`, '--rounds', '1', '--warm-up', '0'];
      const timing = [...rounds, '--count-rounds', '0'];
      const names = 'proactor-loop,proactor-thread,proactor-net,proactor-net-thread,node-net';
      const choice = ['--drivers', `${names},c-epoll,c-uring`];
      const run = bench(...workload, ...timing, ...choice, '--verify', '--json', json);
      const row = readResults(json).rows[0] as RowResult;
      expect(row).toMatchObject({ id, headline });
      expectMeasured(row, 7);
      expect(run.status).toBe(0);
    },
    buildAndRunTimeoutMs,
  );

  it.each([
    ['pipe/upload/2/own', ['--connections', '2']],
    ['pipe/download/2x16KiB/own', ['--connections', '2', '--chunk', '16384', ...download]],
  ])(
    '%s is served on node:net and in its place, and every byte is right',
    (id, workload) => {
      const json = path.join(folder, 'result.json');
      const timing = ['--seconds', `${patient(0.1)}`, '--rounds', '1', '--warm-up', '0'];
      const rest = ['--count-rounds', '0', '--verify', '--json', json];
      const run = bench('pipe', ...workload, ...timing, ...rest);
      const row = readResults(json).rows[0] as RowResult;
      expect(row).toMatchObject({ id, headline: 'bytesPerSecond' });
      expect(row.drivers.map(({ name }) => name)).toEqual(netDrivers);
      expectMeasured(row, 3);
      expect(run.status).toBe(0);
    },
    buildAndRunTimeoutMs,
  );

  itWith('wrk').each(['hello', '10KiB'])(
    'http answers %s over node:net and in its place',
    (body) => {
      const json = path.join(folder, 'result.json');
      const load = ['--body', body, '--connections', '4', '--drivers', netDrivers.join(',')];
      const timing = ['--seconds', `${patient(0.5)}`, '--rounds', '1', '--warm-up', '0'];
      const run = bench('http', ...load, ...timing, '--count-rounds', '0', '--json', json);
      const row = readResults(json).rows[0] as RowResult;
      expect(row).toMatchObject({ id: `http/${body}/4/own`, headline: 'requestsPerSecond' });
      expectMeasured(row, 3);
      for (const { metrics } of row.drivers) {
        const value = (name: string) => metrics[name]?.median ?? Number.NaN;
        expect(value('cpuNsPerRequest')).toBeGreaterThan(1000);
        expect(value('mainThreadCpuNsPerRequest')).toBeGreaterThan(1000);
        expect(value('latencyP50Ns')).toBeLessThanOrEqual(value('latencyP99Ns'));
      }
      expect(run.status).toBe(0);
    },
    buildAndRunTimeoutMs,
  );

  for (const [id, headline, tools, words] of protocolRows) {
    itWith(...tools)(
      `${id} is served on node:net and in its place, and every byte is right`,
      () => {
        const json = path.join(folder, 'result.json');
        const timing = ['--seconds', `${patient(0.5)}`, '--rounds', '1', '--warm-up', '0.1'];
        const choice = ['--drivers', netDrivers.join(','), '--count-rounds', '0', '--json', json];
        const run = bench(...words.split(' '), ...timing, ...choice);
        const row = readResults(json).rows[0] as RowResult;
        expect(row).toMatchObject({ id, headline });
        expectMeasured(row, 3);
        for (const { metrics } of row.drivers) {
          const cpu = Object.entries(metrics).find(([name]) => name.startsWith('cpuNsPer'));
          expect(cpu?.[1].median).toBeGreaterThan(0);
        }
        expect(run.status).toBe(0);
      },
      buildAndRunTimeoutMs,
    );
  }

  it(
    'idle reads memory and CPU time of servers whether or not they collect garbage',
    () => {
      const json = path.join(folder, 'result.json');
      const load = ['--connections', '500', '--seconds', '0.1', '--rounds', '1'];
      const choice = ['--drivers', 'proactor-loop,proactor-net,node-net,c-epoll,c-uring'];
      const run = bench('idle', ...load, ...choice, '--json', json);
      const row = readResults(json).rows[0] as RowResult;
      expect(row).toMatchObject({ id: 'idle/500/own', headline: 'bytesPerConnection' });
      const [loop, ownNet, net, epoll, uring] = row.drivers.map(({ status, reason, metrics }) => {
        expect([status, reason]).toEqual(['ok', undefined]);
        expect(metrics['idleCpuShare']?.median).toBeLessThan(1);
        return (name: string) => metrics[name]?.median ?? Number.NaN;
      });
      for (const value of [loop, ownNet, net]) {
        expect(value?.('bytesAtStart')).toBeGreaterThan(4e6); // a heap
        expect(value?.('bytesPerConnection')).toBeLessThan(20_000);
      }
      expect(epoll?.('bytesAtStart')).toBeLessThan(2e6);
      expect(epoll?.('bytesPerConnection')).toBeGreaterThan(0);
      expect(uring?.('bytesAtStart')).toBeGreaterThan(4096 * 64 + 32_768 * 16); // its ring
      expect(run.status).toBe(0);
    },
    buildAndRunTimeoutMs,
  );

  it(
    'busy makes each message cost the main thread what was asked for',
    () => {
      const json = path.join(folder, 'result.json');
      const timing = ['--seconds', '0.2', '--rounds', '1', '--warm-up', '0.3', '--count-rounds'];
      const load = ['--microseconds', '200', '--connections', '4', ...timing, '0'];
      const choice = ['--drivers', 'proactor-loop,proactor-thread,proactor-net,node-net'];
      const run = bench('busy', ...load, ...choice, '--json', json);
      const row = readResults(json).rows[0] as RowResult;
      expect(row).toMatchObject({
        id: 'busy/200us/4x64B/depth1/own',
        headline: 'messagesPerSecond',
      });
      expect(row.drivers.map(({ status, reason }) => [status, reason])).toEqual(
        Array(4).fill(['ok', undefined]),
      );
      for (const { metrics } of row.drivers) {
        expect(metrics['mainThreadCpuNsPerMessage']?.median).toBeGreaterThan(100_000);
        expect(metrics['messagesPerSecond']?.median).toBeLessThan(10_000);
      }
      expect(run.status).toBe(0);
    },
    buildAndRunTimeoutMs,
  );
});

describe('the command of the benchmark', () => {
  it('refuses an unknown driver with status 2 and the names there are', () => {
    const run = bench('--drivers', 'apache');
    expect(run.status).toBe(2);
    expect(run.stderr).toContain("unknown driver 'apache': there are proactor-loop");
  });

  it('shows what there is, and the options of each', () => {
    const run = bench('--help');
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/^ {2}echo +TCP echo/m);
    const ofEcho = bench('echo', '--help');
    expect(ofEcho.status).toBe(0);
    expect(ofEcho.stdout).toContain('--connections N');
  });

  it('refuses a command that there is not, and names those that there are', () => {
    const run = bench('files');
    expect(run.status).toBe(2);
    expect(run.stderr).toContain("no command 'files', but echo");
  });
});
