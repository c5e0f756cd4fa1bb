// What the benchmark makes of its rounds.
import { describe, expect, it } from '@jest/globals';
import { bufferSettings } from '../bench/drivers/c-uring.js';
import { median, medianOfRatios, quantile, quartiles } from '../bench/statistics.js';

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

describe('quartiles', () => {
  it('are interpolated between neighbours', () => {
    expect(quartiles([4, 1, 3, 2, 5])).toEqual({ lower: 2, upper: 4 });
    expect(quartiles([1, 2])).toEqual({ lower: 1.25, upper: 1.75 });
    expect(quartiles([7])).toEqual({ lower: 7, upper: 7 });
    expect(quartiles([])).toBeUndefined();
  });
});

describe('a quantile', () => {
  it('is what that part of the values do not exceed', () => {
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([3, 1, 2], 1)).toBe(3);
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
    expect(quantile([], 0.95)).toBeUndefined();
  });
});

describe('the buffers of c-uring', () => {
  it('hold all that a connection has outstanding, two for each connection', () => {
    const settings = (connections: number, size: number, depth: number) =>
      bufferSettings({ mode: 'echo', connections, bytesOutstanding: size * depth });
    expect(settings(64, 64, 1)).toEqual({ count: 128, bytes: 4096 });
    expect(settings(1, 16_384, 1)).toEqual({ count: 64, bytes: 16_384 });
    expect(settings(512, 1024, 16)).toEqual({ count: 1024, bytes: 16_384 });
    expect(settings(4096, 262_144, 1)).toEqual({ count: 1024, bytes: 65_536 });
  });
});
