// The charts and the page that are made of results, and what they say about losses.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runCharts, withFigures } from '../bench/commands/charts.js';
import { UsageError } from '../bench/options.js';
import { drawCharts } from '../bench/report/charts.js';
import { explain, lossesOf, type Reason, readReasons } from '../bench/report/losses.js';
import { serializeResults } from '../bench/report/results-file.js';
import { driver, passes, row, suite } from './support/bench-results.js';

const idle = { headline: 'bytesPerConnection', higherIsBetter: false };
const measured = (rate: number, more: Readonly<Record<string, readonly number[]>> = {}) => ({
  messagesPerSecond: [rate, rate, rate],
  cpuNsPerMessage: [7000, 7000, 7000],
  mainThreadCpuNsPerMessage: [3000, 3000, 3000],
  latencyP50Ns: [20_000],
  latencyP99Ns: [50_000],
  ...more,
});
const results = suite([
  row('echo/64x64B/depth1/own', [
    driver('proactor-loop', measured(90)),
    driver('node-net', measured(60)),
    driver('c-uring', measured(100)),
    driver('bun', {}, { status: 'failed', reason: 'lost a byte' }),
  ]),
  row(
    'idle/1000',
    [
      driver('proactor-loop', { bytesPerConnection: [2000] }),
      driver('node-net', { bytesPerConnection: [1000] }),
      driver('bun', { bytesPerConnection: [4000] }),
    ],
    idle,
  ),
]);

describe('charts', () => {
  const charts = drawCharts(results);

  it('are drawn of what was measured, and no others', () => {
    expect(charts.map(({ file }) => file)).toEqual([
      ...['throughput.svg', 'cpu-time.svg', 'cpu-time-echo.svg', 'idle.svg'],
    ]);
    expect(drawCharts(suite([]))).toEqual([]);
  });

  it('are the same each time, whatever was drawn before', () => {
    expect(drawCharts(results)).toEqual(charts);
    expect(charts.map(({ svg }) => svg).join('')).not.toMatch(/\bid=|\bclass=|zr\d/);
  });

  it('bring a white ground along, and name the drivers, the unit and the machine', () => {
    for (const { svg } of charts) {
      expect(svg).toMatch(/^<svg .*\n<rect [^>]*fill="#ffffff"/);
      expect(svg).toContain('Some CPU × 4, Linux 6.18.0, Node v20.20.2');
      expect(svg).toMatch(/>proactor-loop<\/text>/);
    }
    expect(charts[2]?.svg).toContain('>CPU time per message (ns)</text>');
    expect(charts[3]?.svg).toContain('less is better</text>');
  });

  it('show the figures', () => {
    expect(charts[0]?.svg).toContain('>1.50</text>'); // 90 / 60
    expect(charts[2]?.svg).toContain('>7,000</text>');
    expect(charts[3]?.svg).toContain('>2,000</text>');
  });
});

describe('losses', () => {
  const losses = lossesOf(results);

  it('are the pairs in which a driver of this package is behind, whichever way is better', () => {
    expect(losses.map(({ row, driver, peer, score }) => [row, driver, peer, score])).toEqual([
      ['echo/64x64B/depth1/own', 'proactor-loop', 'c-uring', 0.9],
      ['idle/1000', 'proactor-loop', 'node-net', 0.5],
    ]);
  });

  it('are told from noise by the rounds', () => {
    const noisy = (rounds: readonly number[]) =>
      lossesOf(
        suite([
          row('echo/a', [
            driver('proactor-loop', { messagesPerSecond: rounds }),
            driver('node-net', { messagesPerSecond: [100, 100, 100, 100] }),
          ]),
        ]),
      );
    expect(noisy([90, 95, 97, 110])).toMatchObject([{ score: 0.96, isWithinNoise: true }]);
    expect(noisy([90, 95, 97, 99])).toMatchObject([{ score: 0.96, isWithinNoise: false }]);
    expect(noisy([99.6, 99.6, 99.6, 99.6])).toEqual([]); // shown as 1.00
  });

  it('are within noise when the passes lie as far apart as the two drivers, and no others', () => {
    const pair = (own: readonly number[], unsteady: readonly number[]) =>
      lossesOf(
        suite([
          row(
            'echo/a',
            [
              driver('proactor-loop', { messagesPerSecond: own }),
              driver('node-net', { messagesPerSecond: [100, 100, 100, 100] }),
              driver('bun', { messagesPerSecond: unsteady }),
            ],
            { passes: passes(2, 2) },
          ),
        ]),
      );
    const [drifting] = pair([88, 88, 98, 98], [1, 1, 50, 50]);
    expect(drifting).toMatchObject({
      peer: 'node-net',
      score: expect.closeTo(0.93),
      isWithinNoise: true,
    });
    const [steady] = pair([92, 92, 94, 94], [1, 1, 50, 50]);
    expect(steady).toMatchObject({
      peer: 'node-net',
      score: expect.closeTo(0.93),
      isWithinNoise: false,
    });
  });

  const reason = (rows: string, drivers: string, peers: string): Reason => ({
    ...{ rows, drivers, peers, reason: `Since ${rows}.` },
  });

  it('have the first reason that fits; a reason of nothing is told', () => {
    const reasons = [reason('echo/*', '*-loop', 'c-*'), reason('echo/*', '*', '*')];
    const { explained, unexplained, unused } = explain(losses, reasons);
    expect(explained).toEqual([{ reason: reasons[0], losses: [losses[0]] }]);
    expect(unexplained).toEqual([losses[1]]);
    expect(unused).toEqual([reasons[1]]);
  });
});

describe('the command charts', () => {
  let folder: string;
  const lines: string[] = [];
  const put = (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'proactor-charts-'));
    const keep = (line: string) => void lines.push(line);
    jest.spyOn(console, 'log').mockImplementation(keep);
    jest.spyOn(console, 'error').mockImplementation(keep);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    lines.splice(0);
    rmSync(folder, { recursive: true, force: true });
  });

  it('writes page and charts beside the file, and removes charts that there are no figures for', () => {
    const file = put('all.json', serializeResults(results));
    put('busy.svg', 'old');
    put('other.svg', 'not ours');
    expect(runCharts([file])).toBe(1);
    expect(readdirSync(folder).sort()).toEqual([
      ...['README.md', 'all.json', 'cpu-time-echo.svg', 'cpu-time.svg'],
      ...['idle.svg', 'other.svg', 'throughput.svg'],
    ]);
    expect(lines).toContain(
      'no reason yet: echo/64x64B/depth1/own: proactor-loop has 0.90 of c-uring',
    );
    const page = readFileSync(path.join(folder, 'README.md'), 'utf8');
    expect(page).toContain('| echo/64x64B/depth1/own | 1.50 | 1.67 | failed |');
    expect(page).toContain('| idle/1000 ↓ | 2.00 | – | 4.00 |');
    expect(page).toContain('- bun failed: lost a byte');
    expect(page).toMatch(
      /No reason has been found yet:[\s\S]*\| proactor-loop \| c-uring 0\.90 \|/,
    );
    for (const [, image = ''] of page.matchAll(/\]\((\S+\.svg)\)/g)) {
      expect(existsSync(path.join(folder, image))).toBe(true);
    }
  });

  it('succeeds once every loss has a reason, and puts it on the page', () => {
    const file = put('all.json', serializeResults(results));
    const all = { rows: '*', drivers: '*', peers: '*', reason: 'It is *so*.' };
    put('reasons.json', JSON.stringify([all, { ...all, rows: 'files/*' }]));
    expect(runCharts([file])).toBe(0);
    const page = readFileSync(path.join(folder, 'README.md'), 'utf8');
    expect(page).toContain('It is *so*.\n\n| row | driver | fraction of |');
    expect(page).not.toContain('No reason has been found');
    expect(lines).toContain('reasons.json: nothing is lost by * against * in files/*');
  });

  it.each([
    ['{', 'is not JSON'],
    ['{}', 'is no list of reasons'],
    ['[{"rows":"*","drivers":"*","peers":"*"}]', 'entry 1 has no "reason"'],
    ['[null]', 'entry 1 has no "rows"'],
  ])('refuses reasons that are none: %s', (text, words) => {
    expect(() => readReasons(put('reasons.json', text))).toThrow(words);
  });

  it('refuses other arguments', () => {
    expect(() => runCharts(['a', 'b'])).toThrow(UsageError);
    expect(() => runCharts(['--loud'])).toThrow(UsageError);
    expect(() => runCharts([path.join(folder, 'none.json')])).toThrow('cannot read');
  });
});

describe("README's figures", () => {
  it('stand between the marks, and nothing else changes', () => {
    const text = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n';
    const changed = withFigures(text, results);
    expect(changed).toMatch(
      /^before\n<!-- bench:begin -->\n\nMeasured on 2026-01-02: 4 × Some CPU/,
    );
    expect(changed).toMatch(/\n\n<!-- bench:end -->\nafter\n$/);
    expect(changed).toContain('| proactor-loop | 90 | 1.50 | 0.90 | 20.0 | 50.0 | 7,000 | 3,000 |');
    expect(changed).toContain('| idle/1000 ↓ | 1,000 | 2.00 |');
    expect(withFigures(changed, results)).toBe(changed);
  });

  it('need the marks', () => {
    expect(() => withFigures('no marks', results)).toThrow('has no <!-- bench:begin -->');
  });
});
