// What the benchmark makes of its rounds.
import { describe, expect, it } from '@jest/globals';
import { bufferSettings } from '../bench/drivers/c-uring.js';
import { summarize } from '../bench/report.js';
import { median, medianOfRatios } from '../bench/statistics.js';
import type { DriverResult, Round } from '../bench/workloads/echo.js';

function round(messagesPerSecond: number, cpuNsPerMessage: number): Round {
  return {
    messages: messagesPerSecond,
    messagesWithDrain: messagesPerSecond,
    seconds: 1,
    secondsWithDrain: 1,
    messagesPerSecond,
    latencyNs: { p50: 1000, p90: 2000, p99: 3000, p999: 4000, max: 5000 },
    generatorCpuNs: 0,
    errors: 0,
    firstError: '',
    cpuNs: cpuNsPerMessage * messagesPerSecond,
    mainThreadCpuNs: 0,
    waitNs: 0,
    cpuNsPerMessage,
    mainThreadCpuNsPerMessage: cpuNsPerMessage / 2,
  };
}

function driver(name: string, rounds: Round[], more: Partial<DriverResult> = {}): DriverResult {
  const rest = { description: '', command: [], threads: 1, countRounds: [] };
  return { name, status: 'ok', rounds, ...rest, ...more };
}

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('of nothing is undefined', () => {
    expect(median([])).toBeUndefined();
  });

  it('sorts by number and leaves its argument as it is', () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });
});

describe('median of ratios', () => {
  it('compares round by round, so that a drift of the machine cancels out', () => {
    expect(medianOfRatios([200, 20, 2], [100, 10, 1])).toBe(2);
  });

  it('leaves out rounds of which one half is missing or zero', () => {
    expect(medianOfRatios([2, 8, undefined, 9], [1, 2, 3, 0])).toBe(3);
    expect(medianOfRatios([1, 2], [])).toBeUndefined();
  });
});

describe('a summary', () => {
  const nodeNet = driver('node-net', [round(100, 40), round(200, 20), round(10, 400)]);
  const cUring = driver('c-uring', [round(200, 20), round(400, 10), round(20, 200)]);

  it('has the ratios of the pairs, not the ratio of the medians', () => {
    const all = [nodeNet, cUring];
    expect(summarize(cUring, all)).toMatchObject({
      messagesPerSecond: 200,
      throughputToNodeNet: 2,
      throughputToCUring: 1,
      cpuNsPerMessage: 20,
      cpuToNodeNet: 0.5,
      latencyP50Ns: 1000,
      serverCpuUse: 4e-6,
    });
  });

  it('has no ratio to a driver that failed or was not asked for', () => {
    const failed = { ...nodeNet, status: 'failed' as const };
    expect(summarize(cUring, [failed, cUring]).throughputToNodeNet).toBeUndefined();
    expect(summarize(nodeNet, [nodeNet]).throughputToCUring).toBeUndefined();
  });

  it('has instructions, the main thread apart, where they were counted', () => {
    const counted = (user: number, mainUser: number) => ({
      countRounds: [
        {
          process: { user, kernel: 12_000 },
          mainThread: { user: mainUser, kernel: 0 },
        },
      ],
    });
    const all = [
      driver('proactor-thread', [], counted(850, 500)),
      driver('node-net', [], counted(13_000, 12_500)),
    ];
    expect(summarize(all[0]!, all)).toMatchObject({
      userInstructions: 850,
      kernelInstructions: 12_000,
      instructions: 12_850,
      instructionsToNodeNet: 12_850 / 25_000,
      mainThreadInstructions: 500,
      mainThreadInstructionsToNodeNet: 0.04,
    });
    expect(summarize(nodeNet, [nodeNet]).instructions).toBeUndefined();
  });
});

describe('the buffers of c-uring', () => {
  it('hold all that a connection has outstanding, two for each connection', () => {
    const settings = (connections: number, size: number, depth: number) =>
      bufferSettings({ connections, size, depth });
    expect(settings(64, 64, 1)).toEqual({ count: 128, bytes: 4096 });
    expect(settings(1, 16_384, 1)).toEqual({ count: 64, bytes: 16_384 });
    expect(settings(512, 1024, 16)).toEqual({ count: 1024, bytes: 16_384 });
    expect(settings(4096, 262_144, 1)).toEqual({ count: 1024, bytes: 65_536 });
  });
});
