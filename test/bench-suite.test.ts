// The suite of the benchmark: what its rows cover, and how they are run, resumed and measured again.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type AllOptions, parseAllOptions } from '../bench/commands/all.js';
import { UsageError } from '../bench/options.js';
import { matchesPattern } from '../bench/report/pattern.js';
import type { RowResult, SuiteResult } from '../bench/result.js';
import { inSuiteOrder, runSuite, type SuiteRun, whyNotAdd } from '../bench/suite-run.js';
import { optionsOf, type SuiteRow, suiteRows } from '../bench/suites.js';
import type { Workload } from '../bench/workload.js';
import { workloads } from '../bench/workloads/index.js';
import { driver, machine, row, suite } from './support/bench-results.js';

const root = path.dirname(require.resolve('proactor/package.json'));

describe('the suite', () => {
  const rows = suiteRows('full');
  const echoes = rows
    .filter(({ workload }) => workload.name === 'echo')
    .map(({ workload, passes: [args = []] }) => optionsOf(workload, args))
    .map((options) => options as unknown as Record<string, unknown>);

  it('has rows of different ids', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  it.each([
    ['connections', [1, 64, 512, 4096]],
    ['size', [64, 1024, 16_384, 262_144]],
    ['depth', [1, 16]],
    ['sharedCore', [false, true]],
  ])('has echo with every value of %s', (option, values) => {
    expect([...new Set(echoes.map((options) => options[option]))].sort()).toEqual(values.sort());
  });

  it('has every workload', () => {
    expect(new Set(rows.map(({ workload }) => workload.name))).toEqual(
      new Set(workloads.map(({ name }) => name)),
    );
  });

  it('has the same rows when it is quick, so that they can be compared', () => {
    expect(suiteRows('quick').map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  });

  it('has passes of each row that are measured alike, and counts instructions in the first alone', () => {
    for (const { id, workload, passes } of rows) {
      const options = passes.map((args) => ({ ...optionsOf(workload, args), countRounds: 0 }));
      expect([id, ...options.slice(1)]).toEqual([id, options[0]]);
      expect(passes.map((args) => workload.rowId(optionsOf(workload, args)))).toEqual([id, id]);
      const counting = passes.filter((args) => /--count-rounds [1-9]/.test(args.join(' ')));
      expect(counting).toEqual(workload.name === 'idle' ? [] : [passes[0]]);
    }
    for (const { passes } of suiteRows('quick')) expect(passes).toHaveLength(1);
  });

  it('can be chosen from by a pattern', () => {
    expect(matchesPattern('echo/64x64B/depth1/own', 'echo/*')).toBe(true);
    expect(matchesPattern('echo/64x64B/depth1/own', '*/depth1/*')).toBe(true);
    expect(matchesPattern('echo/64x64B/depth16/own', '*/depth1/*')).toBe(false);
    expect(matchesPattern('echo/64x64B/depth1/own', 'echo')).toBe(false);
    expect(matchesPattern('a+b', 'a+b')).toBe(true);
    expect(matchesPattern('aab', 'a+b')).toBe(false);
  });
});

/** Rows whose workloads measure nothing: `results` says what each run gives. */
function fakeRows(results: Readonly<Record<string, () => RowResult>>, passCount = 1): SuiteRow[] {
  return Object.entries(results).map(([id, result]) => {
    const workload: Workload = {
      name: 'fake',
      summary: '',
      helpText: '',
      parse: () => ({ json: undefined }),
      rowId: () => id,
      run: async () => result(),
    };
    return { id, workload, passes: Array.from({ length: passCount }, () => []) };
  });
}

const measured = (id: string, rate = 1) =>
  row(id, [driver('node-net', { messagesPerSecond: [rate] })]);
const rateOf = ({ rows }: SuiteResult, id: string) =>
  rows.find((each) => each.id === id)?.drivers[0]?.metrics['messagesPerSecond']?.median;

async function run(rows: readonly SuiteRow[], more: Partial<SuiteRun> = {}) {
  const progress: string[] = [];
  const written: number[] = [];
  const onRow = (_row: RowResult, soFar: SuiteResult) => void written.push(soFar.rows.length);
  const onProgress = (line: string) => void progress.push(line);
  const base = { rows, machine, existing: undefined, onRow, onProgress };
  return { ...(await runSuite({ ...base, ...more })), progress, written };
}

describe('a run of the suite', () => {
  it('hands over what it has after each row, and says how far it is', async () => {
    const rows = fakeRows({ a: () => measured('a'), b: () => measured('b') });
    const { suite: results, failures, progress, written } = await run(rows);
    expect(results.rows.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(failures).toEqual([]);
    expect(written).toEqual([1, 2]);
    expect(progress).toEqual(['[1/2] a', '[2/2] b, less than a minute left']);
  });

  it('goes on behind a row that fails', async () => {
    const rows = fakeRows({
      a: () => {
        throw new Error('no cores');
      },
      b: () => measured('b'),
    });
    const { suite: results, failures } = await run(rows);
    expect(results.rows.map(({ id }) => id)).toEqual(['b']);
    expect(failures).toEqual(['a: no cores']);
  });

  it('puts a row that is measured again in its old place, with its commit where that is another', async () => {
    const existing = suite([measured('a', 1), measured('b', 2)]);
    const again = fakeRows({ a: () => measured('a', 5) });
    const same = await run(again, { existing });
    expect(same.suite.rows.map(({ id }) => id)).toEqual(['a', 'b']);
    expect([rateOf(same.suite, 'a'), rateOf(same.suite, 'b')]).toEqual([5, 2]);
    expect(same.suite.rows.map(({ gitCommit }) => gitCommit)).toEqual([undefined, undefined]);
    const later = await run(again, { existing, machine: { ...machine, gitCommit: 'later' } });
    expect(later.suite.rows.map(({ gitCommit }) => gitCommit)).toEqual(['later', undefined]);
  });

  it('refuses to mix machines, but not commits', () => {
    const existing = suite([]);
    expect(whyNotAdd(existing, { ...machine, gitCommit: 'later' })).toBeUndefined();
    expect(whyNotAdd(existing, { ...machine, cpuCount: 8 })).toContain('cpuCount was 4 and is 8');
  });

  it('is written in the order of the suite', () => {
    const mixed = suite([measured('c'), measured('b'), measured('old'), measured('a')]);
    const ordered = inSuiteOrder(mixed, ['a', 'b', 'c']);
    expect(ordered.rows.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'old']);
  });
});

describe('a run of the suite in passes', () => {
  const rounds = (results: SuiteResult) =>
    results.rows.map(({ id, passes, drivers }) => [
      ...[id, passes?.map((pass) => pass.rounds)],
      drivers[0]?.metrics['messagesPerSecond']?.rounds,
    ]);
  const counting = (...ids: readonly string[]) => {
    let rate = 0;
    return fakeRows(Object.fromEntries(ids.map((id) => [id, () => measured(id, ++rate)])), 2);
  };
  const halfOf = async (id: string) => {
    const { suite: results } = await run(fakeRows({ [id]: () => measured(id, 10) }));
    return results;
  };

  it('measures every row before any a second time, and keeps the rounds in the order of the passes', async () => {
    const { suite: results, progress, written } = await run(counting('a', 'b'));
    expect(progress.map((line) => line.replace(/, less.*/, ''))).toEqual([
      ...['[1/4] a, pass 1 of 2', '[2/4] b, pass 1 of 2'],
      ...['[3/4] a, pass 2 of 2', '[4/4] b, pass 2 of 2'],
    ]);
    expect(written).toEqual([1, 2, 2, 2]);
    expect(rounds(results)).toEqual([
      ['a', [1, 1], [1, 3]],
      ['b', [1, 1], [2, 4]],
    ]);
    for (const { passes = [], seconds } of results.rows) {
      expect(passes.map(({ startedAt }) => Date.parse(startedAt))).toEqual([
        ...[expect.any(Number), expect.any(Number)],
      ]);
      expect(seconds).toBe(20);
    }
  });

  it('goes on with the row and the pass that are missing', async () => {
    const existing = await halfOf('a');
    const resumed = await run(counting('a', 'b'), { existing, missingOnly: true });
    expect(resumed.progress).toHaveLength(3);
    expect(rounds(resumed.suite)).toEqual([
      ['a', [1, 1], [10, 2]],
      ['b', [1, 1], [1, 3]],
    ]);
    const whole = await run(counting('a', 'b'), { existing: resumed.suite, missingOnly: true });
    expect(whole.progress).toEqual([]);
  });

  it('does not go on with a row that another commit began, and leaves rows without passes alone', async () => {
    const begun = await halfOf('a');
    const existing = { ...begun, rows: [...begun.rows, measured('b', 20)] };
    const later = { ...machine, gitCommit: 'later' };
    const resumed = await run(counting('a', 'b'), { existing, missingOnly: true, machine: later });
    expect(rounds(resumed.suite)).toEqual([
      ['a', [1, 1], [1, 2]],
      ['b', undefined, [20]],
    ]);
    expect(resumed.suite.rows[0]?.gitCommit).toBe('later');
  });

  it('measures a row again with all its passes', async () => {
    const { suite: existing } = await run(counting('a', 'b'));
    const again = await run(counting('a'), { existing });
    expect(rounds(again.suite)).toEqual([
      ['a', [1, 1], [1, 2]],
      ['b', [1, 1], [2, 4]],
    ]);
  });

  it('leaves a row out once a pass of it has failed as a whole', async () => {
    const { suite: existing } = await run(counting('a'));
    const failing = fakeRows(
      {
        a: () => {
          throw new Error('no cores');
        },
      },
      2,
    );
    const { suite: results, failures } = await run(failing, { existing });
    expect(failures).toEqual(['a: no cores']);
    expect(results).toEqual(existing);
  });

  it('adds no pass to one that was measured otherwise', async () => {
    const existing = await halfOf('a');
    const longer = fakeRows({ a: () => ({ ...measured('a'), conditions: { rounds: 99 } }) }, 2);
    const { suite: results, failures } = await run(longer, { existing, missingOnly: true });
    expect(failures).toEqual([expect.stringContaining('under other conditions')]);
    expect(results).toEqual(existing);
  });
});

describe('the options of the command all', () => {
  const parse = (line: string) => parseAllOptions(line.split(' ').filter(Boolean)) as AllOptions;

  it('choose all rows and the committed results, and with --quick others', () => {
    const options = parse('');
    expect(options.rows.map(({ id }) => id)).toEqual(options.ids);
    expect(options.folder).toBe(path.join(root, 'bench/results'));
    expect(parse('--quick').folder).toBe(path.join(root, 'build/bench-results'));
    expect(parse('--quick --out x').folder).toBe('x');
  });

  it('choose rows by a pattern, and hand on where runtimes are', () => {
    const { rows, ids } = parse('--rows echo/*/shared --bun /opt/bun');
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.length).toBeLessThan(ids.length);
    for (const { id, passes } of rows) {
      expect(id).toMatch(/^echo\/.*\/shared$/);
      for (const args of passes) expect(args.slice(-2)).toEqual(['--bun', '/opt/bun']);
    }
  });

  it.each([
    ['--rows files/*', "no row matches 'files/*'"],
    ['--resume --merge', 'exclude each other'],
    ['--loud', '--loud'],
    ['extra', 'extra'],
  ])('are refused with a word on what is wrong: %s', (line, words) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(words);
  });
});

describe('the command all', () => {
  const all = (...args: readonly string[]) =>
    spawnSync(process.execPath, [path.join(root, 'build/bench/main.js'), 'all', ...args], {
      encoding: 'utf8',
    });

  it('lists its rows with the command that repeats each', () => {
    const { status, stdout } = all('--list', '--rows', 'echo/1x*');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^echo\/1x64B\/depth1\/own +npm run bench -- echo --connections 1 /m);
    expect(stdout).toMatch(/^echo.* # 2 passes$/m);
    expect(stdout).not.toContain('echo/64x');
  });

  it('resumes no file that holds no results', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'proactor-suite-'));
    try {
      writeFileSync(path.join(folder, 'all.json'), '{}');
      const { status, stderr } = all('--resume', '--out', folder);
      expect(status).toBe(1);
      expect(stderr).toContain('all.json holds no benchmark results');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
