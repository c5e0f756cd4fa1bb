// How passes of a row become one result, and how far apart they lie.
import { describe, expect, it } from '@jest/globals';
import { asPass, driftOf, withPass } from '../bench/passes.js';
import type { DriverOutcome } from '../bench/result.js';
import { driver, passes, row } from './support/bench-results.js';

const rate = (...rounds: readonly number[]) => ({ messagesPerSecond: rounds });
const pass = (...drivers: readonly DriverOutcome[]) =>
  asPass(row('echo/a', drivers), '2026-01-02T03:04:05.000Z');

describe('a pass', () => {
  it('has as many rounds as its drivers, of which one that failed has fewer', () => {
    const failed = driver('bun', rate(1), { status: 'failed' });
    expect(pass(failed, driver('deno', rate(1, 2, 3))).passes).toEqual([
      { startedAt: '2026-01-02T03:04:05.000Z', rounds: 3 },
    ]);
    expect(pass().passes?.[0]?.rounds).toBe(0);
  });
});

describe('passes of a row', () => {
  it('become one that has the rounds of all, and the median over all', () => {
    const a = pass(driver('bun', { ...rate(1, 9, 2), instructions: [700] }));
    const b = pass(driver('bun', rate(10, 11, 12)));
    const both = withPass(a, b);
    expect(both.drivers[0]?.metrics).toEqual({
      messagesPerSecond: { median: 9.5, rounds: [1, 9, 2, 10, 11, 12] },
      instructions: { median: 700, rounds: [700] },
    });
    expect(both.passes?.map(({ rounds }) => rounds)).toEqual([3, 3]);
    expect(both.seconds).toBe(a.seconds + b.seconds);
    expect(withPass(both, pass(driver('bun', rate(7)))).passes).toHaveLength(3);
  });

  const ok = driver('bun', rate(1), { command: ['bun'], threads: 2 });
  const failed = driver('bun', {}, { status: 'failed', reason: 'died', threads: 1 });
  const absent = driver('bun', {}, { status: 'unavailable', reason: 'none', command: [] });

  it.each([
    ['ok', ok, ok, undefined],
    ['failed', ok, failed, 'died'],
    ['failed', failed, ok, 'died'],
    ['failed', absent, ok, 'none'],
    ['failed', ok, absent, 'none'],
    ['failed', absent, failed, 'none'],
    ['unavailable', absent, absent, 'none'],
  ])('give a driver that is %s the first reason: %#', (status, a, b, reason) => {
    const [merged] = withPass(pass(a), pass(b)).drivers;
    expect(merged).toMatchObject({ name: 'bun', status });
    expect(merged?.reason).toBe(reason);
  });

  it('keep the command and the threads of the pass that has them', () => {
    expect(withPass(pass(absent), pass(ok)).drivers[0]).toMatchObject({
      ...{ command: ['bun'], threads: 2 },
    });
  });

  it.each([
    ['another row', asPass(row('echo/b', [ok]), '')],
    ['other conditions', asPass(row('echo/a', [ok], { conditions: { rounds: 9 } }), '')],
    [
      'another placement',
      asPass(row('echo/a', [ok], { placement: { serverCpus: [7], loadCpu: 0 } }), ''),
    ],
    ['other drivers', pass(driver('deno', rate(1)))],
  ])('are refused where they were measured otherwise: %s', (_name, other) => {
    expect(() => withPass(pass(ok), other)).toThrow('under other conditions');
  });
});

describe('the drift of passes', () => {
  const metric = (...rounds: readonly number[]) => ({ median: 0, rounds });

  it('is the logarithm of how far their medians lie apart', () => {
    expect(driftOf(metric(1, 2, 3, 4, 4, 4), passes(3, 3))).toBeCloseTo(Math.log(2));
    expect(driftOf(metric(4, 4, 4, 1, 2, 3), passes(3, 3))).toBeCloseTo(Math.log(2));
    expect(driftOf(metric(1, 3, 2), passes(1, 1, 1))).toBeCloseTo(Math.log(3));
    expect(driftOf(metric(5, 5), passes(1, 1))).toBe(0);
  });

  it('is unknown of one pass, of figures that not all passes have, and of figures that are zero', () => {
    expect(driftOf(metric(1, 2), undefined)).toBeUndefined();
    expect(driftOf(metric(1, 2), passes(2))).toBeUndefined();
    expect(driftOf(metric(1, 2), passes(3, 3))).toBeUndefined();
    expect(driftOf(metric(1, 2, 3), passes(1, 1))).toBeUndefined();
    expect(driftOf(metric(0, 2), passes(1, 1))).toBeUndefined();
  });
});
