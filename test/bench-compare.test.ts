// What the benchmark says of two runs: which changes count, which are noise, and what cannot be compared.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseCompareOptions, runCompare } from '../bench/commands/compare.js';
import { UsageError } from '../bench/options.js';
import { type Change, compareSuites, regressions } from '../bench/report/compare.js';
import { formatComparison } from '../bench/report/compare-text.js';
import { serializeResults } from '../bench/report/results-file.js';
import type { RowResult, SuiteResult } from '../bench/result.js';
import { driver, machine, passes, row, suite } from './support/bench-results.js';

type Rounds = Readonly<Record<string, readonly number[]>>;

const ours = (rounds: Rounds) => suite([row('echo/a', [driver('proactor-loop', rounds)])]);

function verdict(a: Rounds, b: Rounds, metric: string): Change | undefined {
  const [compared] = compareSuites(ours(a), ours(b)).rows;
  return compared?.drivers[0]?.changes.find((change) => change.metric === metric);
}

describe('a change', () => {
  const rate = (...rounds: number[]) => ({ messagesPerSecond: rounds });

  it('counts when the middle halves of the rounds lie apart', () => {
    const a = rate(98, 100, 102, 99, 101);
    expect(verdict(a, rate(118, 120, 122, 119, 121), 'messagesPerSecond')).toMatchObject({
      ...{ a: 100, b: 120, ratio: 1.2, verdict: 'better' },
    });
    expect(verdict(a, rate(88, 90, 92, 89, 91), 'messagesPerSecond')?.verdict).toBe('worse');
  });

  it('is noise when they overlap, however far the medians are apart', () => {
    const a = rate(50, 90, 100, 110, 150);
    const b = rate(60, 105, 130, 140, 160);
    expect(verdict(a, b, 'messagesPerSecond')?.verdict).toBe('level');
  });

  it('is not worth a word below two percent, however steady the rounds are', () => {
    const [a, b] = [rate(100, 100, 100), rate(101.9, 101.9, 101.9)];
    expect(verdict(a, b, 'messagesPerSecond')?.verdict).toBe('level');
    const c = rate(102.1, 102.1, 102.1);
    expect(verdict(a, c, 'messagesPerSecond')?.verdict).toBe('better');
  });

  it('for the better is a lower one of what should be low', () => {
    const time = (ns: number) => ({ ...rate(1), cpuNsPerMessage: [ns, ns, ns] });
    expect(verdict(time(100), time(80), 'cpuNsPerMessage')?.verdict).toBe('better');
    expect(verdict(time(80), time(100), 'cpuNsPerMessage')?.verdict).toBe('worse');
  });

  it('of one round has to exceed what such a figure varies by', () => {
    expect(verdict(rate(100), rate(108), 'messagesPerSecond')?.verdict).toBe('level');
    expect(verdict(rate(100), rate(112), 'messagesPerSecond')?.verdict).toBe('better');
    const counted = (count: number) => ({ ...rate(1), instructions: [count, count] });
    expect(verdict(counted(1000), counted(1025), 'instructions')?.verdict).toBe('level');
    expect(verdict(counted(1000), counted(1040), 'instructions')?.verdict).toBe('worse');
  });

  it('is not seen in metrics without a better way', () => {
    const use = (share: number) => ({ ...rate(1), coreUse: [share] });
    expect(verdict(use(0.5), use(1), 'coreUse')).toBeUndefined();
  });

  it('of the ratio to node-net leaves out what the machine did', () => {
    const both = (own: readonly number[], other: readonly number[]) =>
      suite([
        row('echo/a', [
          driver('proactor-loop', { messagesPerSecond: own }),
          driver('node-net', { messagesPerSecond: other }),
        ]),
      ]);
    const a = both([200, 202, 198], [100, 101, 99]);
    const slower = compareSuites(a, both([100, 101, 99], [50, 50.5, 49.5]));
    const [absolute, relative] = slower.rows[0]?.drivers[0]?.changes ?? [];
    expect(absolute).toMatchObject({ ratio: 0.5, verdict: 'worse' });
    expect(relative).toMatchObject({ relativeTo: 'node-net', ratio: 1, verdict: 'level' });
    expect(regressions(slower, 0.05)).toEqual([]);
    const worse = compareSuites(a, both([100, 101, 99], [100, 101, 99]));
    expect(regressions(worse, 0.05)).toEqual([
      'echo/a: proactor-loop: msg/s × node-net 2.00 → 1.00, × 0.50, worse',
    ]);
  });
});

describe('a change between runs of passes', () => {
  type Row = Readonly<Record<string, readonly number[]>>;
  const halves = (first: number, second: number) => [first, first, second, second];
  /** Rows of drivers, of which each has two passes of two rounds. */
  const inPasses = (rows: Readonly<Record<string, Row>>) =>
    suite(
      Object.entries(rows).map(([id, drivers]) =>
        row(
          id,
          Object.entries(drivers).map(([name, rounds]) =>
            driver(name, { messagesPerSecond: rounds }),
          ),
          { passes: passes(2, 2) },
        ),
      ),
    );
  const verdictsOf = (a: SuiteResult, b: SuiteResult, id: string, name: string) =>
    compareSuites(a, b)
      .rows.find((each) => each.id === id)
      ?.drivers.find((each) => each.name === name)
      ?.changes.map(({ verdict }) => verdict);
  const steady = (rate: number) => halves(rate, rate);

  it('is level within the drift of any driver of the row, in either file', () => {
    const a = inPasses({ 'echo/a': { bun: steady(100), deno: halves(100, 130) } });
    const b = inPasses({ 'echo/a': { bun: steady(125), deno: halves(100, 130) } });
    expect(verdictsOf(a, b, 'echo/a', 'bun')).toEqual(['level']);
    expect(verdictsOf(b, a, 'echo/a', 'bun')).toEqual(['level']);
    const calm = inPasses({ 'echo/a': { bun: steady(125), deno: steady(115) } });
    expect(verdictsOf(a, calm, 'echo/a', 'bun')).toEqual(['level']);
    const further = inPasses({ 'echo/a': { bun: steady(135), deno: steady(115) } });
    expect(verdictsOf(a, further, 'echo/a', 'bun')).toEqual(['better']);
    expect(verdictsOf(further, a, 'echo/a', 'bun')).toEqual(['worse']);
  });

  it('is level within what 19 in 20 rows and drivers drift by, even where the row itself was calm', () => {
    const other = { bun: halves(100, 120), deno: halves(100, 120) };
    const a = inPasses({ 'echo/a': { bun: steady(100) }, 'echo/b': other, 'echo/c': other });
    const b = inPasses({ 'echo/a': { bun: steady(115) }, 'echo/b': other, 'echo/c': other });
    expect(verdictsOf(a, b, 'echo/a', 'bun')).toEqual(['level']);
    const c = inPasses({ 'echo/a': { bun: steady(125) }, 'echo/b': other, 'echo/c': other });
    expect(verdictsOf(a, c, 'echo/a', 'bun')).toEqual(['better']);
  });

  it('is not hidden by the drift of one row among many', () => {
    const many = Array.from({ length: 40 }, (_, index) => [`echo/${index}`, { bun: steady(100) }]);
    const wild = { 'echo/wild': { bun: halves(100, 300) } };
    const a = inPasses({ ...Object.fromEntries(many), ...wild });
    const faster = { 'echo/0': { bun: steady(104) } };
    const b = inPasses({ ...Object.fromEntries(many), ...wild, ...faster });
    expect(verdictsOf(a, b, 'echo/0', 'bun')).toEqual(['better']);
  });

  it('is judged by the drift of the ratio where it is one of the ratio to node-net', () => {
    const of = (factor: number) =>
      inPasses({
        'echo/a': {
          'proactor-loop': halves(100 * factor, 200 * factor),
          'node-net': halves(50, 100),
        },
      });
    // What the machine did doubled both, and the ratio stood still.
    expect(verdictsOf(of(1), of(1.5), 'echo/a', 'proactor-loop')).toEqual(['level', 'better']);
  });

  it('uses the passes of the one file that has them', () => {
    const old = suite([row('echo/a', [driver('bun', { messagesPerSecond: steady(125) })])]);
    const drifting = inPasses({ 'echo/a': { bun: halves(90, 120) } });
    expect(verdictsOf(old, drifting, 'echo/a', 'bun')).toEqual(['level']);
  });

  it('has no drift where not every pass has the figure, such as counts of instructions', () => {
    const of = (count: number) =>
      suite([
        row(
          'echo/a',
          [driver('bun', { messagesPerSecond: steady(1), instructions: [count, count] })],
          { passes: passes(2, 2) },
        ),
      ]);
    const { figures } = compareSuites(of(1000), of(1200));
    expect(figures.find(({ metric }) => metric === 'instructions')).toEqual({
      ...{ metric: 'instructions', relativeTo: undefined, isHeadline: false },
      ...{ compared: 1, changed: 1, drift: undefined },
    });
  });

  it('is counted, and the drift told', () => {
    const a = inPasses({ 'echo/a': { bun: steady(100), 'node-net': halves(100, 110) } });
    const b = inPasses({ 'echo/a': { bun: steady(150), 'node-net': halves(100, 110) } });
    const text = formatComparison(compareSuites(a, b));
    expect(text).toContain(
      'Beyond noise: 1 of 2 first figures of a row, 1 of 1 of their ratios, 2 of 3 figures in all.',
    );
    expect(text).toMatch(/│ msg\/s +│ +1 │ +2 │ +× 1\.10 │ +× 1\.10 │/);
    expect(text).toMatch(/│ msg\/s × node-net +│ +1 │ +1 │/);
    const without = formatComparison(
      compareSuites(ours({ messagesPerSecond: [1] }), ours({ messagesPerSecond: [1] })),
    );
    expect(without).toMatch(/│ msg\/s +│ +0 │ +1 │ +n\/a │ +n\/a │/);
  });

  it('is compared with what was measured in another number of passes under a word of warning', () => {
    const single = suite([row('echo/a', [])]);
    const text = formatComparison(compareSuites(single, inPasses({ 'echo/a': {} })));
    expect(text).toContain('different conditions:\n  passes: 1 → 2');
  });
});

describe('what cannot be compared', () => {
  const steady = { messagesPerSecond: [100, 100, 100] };
  const failed = { status: 'failed', reason: 'died' } as const;

  it('is named: rows and drivers of one file alone, and drivers that failed', () => {
    const a = suite([
      row('echo/a', [driver('bun', steady), driver('deno', steady)]),
      row('echo/b', []),
    ]);
    const b = suite([
      row('echo/a', [driver('deno', steady, failed), driver('asio', steady)]),
      row('echo/c', []),
    ]);
    const comparison = compareSuites(a, b);
    expect(comparison).toMatchObject({ onlyInA: ['echo/b'], onlyInB: ['echo/c'] });
    expect(comparison.rows[0]?.drivers.map(({ name, note }) => `${name}: ${note}`)).toEqual([
      ...['bun: only in A', 'deno: ok → failed (died)', 'asio: only in B'],
    ]);
    const text = formatComparison(comparison);
    expect(text).toContain('Only in A: echo/b');
    expect(text).toContain('ok → failed (died)');
  });

  it('are files without a common row', () => {
    const text = formatComparison(compareSuites(suite([row('a', [])]), suite([row('b', [])])));
    expect(text).toContain('no row in common');
  });

  it('is called out: other machines and conditions', () => {
    const b = suite(
      [row('echo/a', [], { conditions: { connections: 64, rounds: 12, seconds: 0.5 } })],
      {
        machine: { ...machine, kernel: 'Linux 6.12.0', gitCommit: 'another' },
      },
    );
    const text = formatComparison(compareSuites(suite([row('echo/a', [])]), b));
    expect(text).toContain('different machines:\n  kernel: Linux 6.18.0 → Linux 6.12.0');
    expect(text).toContain('different conditions:\n  rounds: 5 → 12');
    expect(text).not.toContain('connections:');
    expect(text).not.toContain('another');
  });
});

describe('a regression', () => {
  const steady = (rate: number) => ({ messagesPerSecond: [rate, rate, rate] });
  const compared = (a: SuiteResult, b: SuiteResult) => compareSuites(a, b);

  it('is worse by more than what was allowed', () => {
    const comparison = compared(ours(steady(100)), ours(steady(89)));
    expect(regressions(comparison, 0.1)).toHaveLength(1);
    expect(regressions(comparison, 0.12)).toEqual([]);
    expect(regressions(compared(ours(steady(100)), ours(steady(200))), 0)).toEqual([]);
  });

  it('is a driver that fails now', () => {
    const b = suite([
      row('echo/a', [driver('proactor-loop', {}, { status: 'failed', reason: 'x' })]),
    ]);
    expect(regressions(compared(ours(steady(1)), b), 1)).toEqual([
      'echo/a: proactor-loop: ok → failed (x)',
    ]);
  });

  it('is none of a driver that is not of this package', () => {
    const of = (rate: number) => suite([row('echo/a', [driver('bun', steady(rate))])]);
    expect(regressions(compared(of(100), of(10)), 0)).toEqual([]);
  });

  it('is one in instructions', () => {
    const of = (count: number) => ours({ ...steady(1), instructions: [count, count] });
    expect(regressions(compared(of(1000), of(1200)), 0.1)).toEqual([
      'echo/a: proactor-loop: total 1,000 → 1,200, × 1.20, worse',
    ]);
  });

  it('is one where lower is better and it rose', () => {
    const of = (bytes: number): SuiteResult => {
      const idle: Partial<RowResult> = { headline: 'bytesPerConnection', higherIsBetter: false };
      return suite([
        row('idle/a', [driver('proactor-loop', { bytesPerConnection: [bytes] })], idle),
      ]);
    };
    expect(regressions(compared(of(1000), of(1500)), 0.3)).toHaveLength(1);
    expect(regressions(compared(of(1500), of(1000)), 0)).toEqual([]);
  });
});

describe('the command compare', () => {
  let folder: string;
  const lines: string[] = [];
  const file = (name: string, text: string) => {
    const full = path.join(folder, name);
    writeFileSync(full, text);
    return full;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'proactor-compare-'));
    const keep = (line: string) => void lines.push(line);
    jest.spyOn(console, 'log').mockImplementation(keep);
    jest.spyOn(console, 'error').mockImplementation(keep);
  });
  afterEach(() => void lines.splice(0));
  afterAll(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows the changes and succeeds, unless it is to fail on a regression', () => {
    const rate = (value: number) => ({ messagesPerSecond: [value, value, value] });
    const a = file('a.json', serializeResults(ours(rate(100))));
    const b = file('b.json', serializeResults(ours(rate(80))));
    expect(runCompare([a, b])).toBe(0);
    expect(lines.join('\n')).toContain('2026-01-02 03:04 UTC, commit 0123456789ab');
    expect(lines.join('\n')).toMatch(/proactor-loop +│ +100 │ +80 │ +0\.80 −/);
    expect(lines.join('\n')).toContain('Changes beyond noise:\n  echo/a: proactor-loop: msg/s');
    expect(runCompare([a, b, '--fail-on-regression', '25'])).toBe(0);
    expect(runCompare([a, b, '--fail-on-regression', '10'])).toBe(1);
    expect(lines.at(-1)).toContain('Worse by more than 10%:\n  echo/a: proactor-loop');
    expect(runCompare([a, a])).toBe(0);
    expect(lines.join('\n')).toContain('No change beyond noise.');
  });

  it('refuses files that are none, by name', () => {
    const good = file('a.json', serializeResults(ours({ messagesPerSecond: [1] })));
    const bad = file('text.json', 'no JSON');
    expect(() => runCompare([good, bad])).toThrow('text.json is not JSON');
    expect(() => runCompare([path.join(folder, 'none.json'), good])).toThrow(/cannot read .*none/);
  });

  it.each([
    [['a'], 'two files, not 1'],
    [['a', 'b', 'c'], 'two files, not 3'],
    [['a', 'b', '--fail-on-regression', 'x'], "not 'x'"],
    [['a', 'b', '--fail-on-regression', '101'], 'from 0 to 100'],
    [['a', 'b', '--loud'], '--loud'],
  ])('refuses %j', (argv, words) => {
    expect(() => parseCompareOptions(argv)).toThrow(UsageError);
    expect(() => parseCompareOptions(argv)).toThrow(words);
  });

  it('shows its options', () => {
    expect(runCompare(['--help'])).toBe(0);
    expect(lines.join()).toContain('--fail-on-regression PERCENT');
  });
});
