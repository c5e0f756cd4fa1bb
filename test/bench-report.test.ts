// What the benchmark prints of a row, and what it writes to a file and reads again.
import { describe, expect, it } from '@jest/globals';
import { projectRoot } from '../bench/paths.js';
import { parseResults, serializeResults } from '../bench/report/results-file.js';
import { formatRow } from '../bench/report/terminal.js';
import { exitCodeOf, ratioBetween } from '../bench/result.js';
import { driver, machine, passes, row, suite } from './support/bench-results.js';

const nodeNet = driver('node-net', {
  messagesPerSecond: [100, 200, 10],
  latencyP50Ns: [1000, 2500, 3000],
  cpuNsPerMessage: [40, 20, 400],
});
const cUring = driver('c-uring', {
  messagesPerSecond: [200, 400, 20],
  latencyP50Ns: [1000, 1200, 1100],
  cpuNsPerMessage: [20, 10, 200],
});
const cellsOf = (text: string, name: string): string[] =>
  (text.split('\n').find((line) => line.startsWith(`│ ${name} `)) ?? '')
    .split('│')
    .slice(2, -1)
    .map((cell) => cell.trim());

describe('a ratio between drivers', () => {
  it('is the median of the ratios within rounds, not the ratio of the medians', () => {
    const drifting = driver('c-epoll', { messagesPerSecond: [300, 100, 30] });
    const both = row('echo/a', [nodeNet, drifting]);
    expect(ratioBetween(both, 'messagesPerSecond', 'c-epoll', 'node-net')).toBe(3);
  });

  it('is not there for a driver that failed, was not measured or lacks the metric', () => {
    const failed = row('echo/a', [{ ...nodeNet, status: 'failed' }, cUring]);
    expect(ratioBetween(failed, 'messagesPerSecond', 'c-uring', 'node-net')).toBeUndefined();
    const alone = row('echo/a', [nodeNet]);
    expect(ratioBetween(alone, 'messagesPerSecond', 'node-net', 'c-uring')).toBeUndefined();
    const both = row('echo/a', [nodeNet, cUring]);
    expect(ratioBetween(both, 'instructions', 'c-uring', 'node-net')).toBeUndefined();
  });
});

describe('the report of a row', () => {
  it('has the metrics that were measured, scaled, and their ratios', () => {
    const text = formatRow(machine, row('echo/a', [nodeNet, cUring]));
    expect(text).toContain('Title of echo/a; 5 rounds of 0.5 s; server on core 1, load on core 0');
    expect(text).toContain('Linux 6.18.0, Some CPU × 4, Node v20.20.2');
    expect(cellsOf(text, 'driver')).toEqual([
      ...['msg/s', '× node-net', '× c-uring', 'p50 µs', 'CPU ns/msg', '× c-uring'],
    ]);
    expect(cellsOf(text, 'c-uring')).toEqual(['200', '2.00', '1.00', '1.1', '20', '1.00']);
    expect(cellsOf(text, 'node-net')).toEqual(['100', '1.00', '0.50', '2.5', '40', '2.00']);
  });

  it('says how many passes there were', () => {
    const text = formatRow(machine, row('echo/a', [cUring], { passes: passes(5, 5) }));
    expect(text).toContain('; 2 passes of 5 rounds of 0.5 s; server');
    const single = formatRow(machine, row('echo/a', [cUring], { passes: passes(5) }));
    expect(single).toContain('; 5 rounds of 0.5 s; server');
  });

  it('has no ratio to a driver that was not measured', () => {
    const text = formatRow(machine, row('echo/a', [cUring]));
    expect(text).not.toContain('× node-net');
  });

  it('has the metrics of any workload, unknown ones under their own names', () => {
    const idle = driver('node-net', { bytesPerConnection: [4096], oddity: [0.125] });
    const text = formatRow(machine, row('idle/a', [idle], { headline: 'bytesPerConnection' }));
    expect(cellsOf(text, 'driver')).toEqual(['B/conn', '× node-net', 'oddity']);
    expect(cellsOf(text, 'node-net')).toEqual(['4,096', '1.00', '0.13']);
  });

  it('has instructions in a table of their own, or says why there are none', () => {
    const counted = driver('c-uring', { messagesPerSecond: [1], instructions: [12_345] });
    expect(formatRow(machine, row('echo/a', [counted]))).toMatch(/total[\s\S]*12,345/);
    const uncounted = row('echo/a', [cUring], { perfUnavailable: 'perf is not installed' });
    expect(formatRow(machine, uncounted)).toContain('Instructions: n/a: perf is not installed');
  });

  it('says when a server of one thread had to wait for its core', () => {
    const disturbed = driver('c-uring', { messagesPerSecond: [1, 1], waitShare: [0.25, 0.15] });
    const words = 'c-uring waited 20.0% of the time for its core';
    expect(formatRow(machine, row('echo/a', [disturbed]))).toContain(words);
    const threaded = { ...disturbed, threads: 2 };
    expect(formatRow(machine, row('echo/a', [threaded]))).not.toContain('not quiet');
    const sharedCore = { placement: { serverCpus: [1], loadCpu: 1 } };
    expect(formatRow(machine, row('echo/a', [disturbed], sharedCore))).not.toContain('not quiet');
  });

  it('has the words of whoever could not be measured, and no figures of theirs', () => {
    const failed = driver('bun', { messagesPerSecond: [77] }, { status: 'failed', reason: 'died' });
    const text = formatRow(machine, row('echo/a', [cUring, failed]));
    expect(cellsOf(text, 'bun')).toEqual(['failed, see below']);
    expect(text).toContain('bun failed: died');
    expect(text).not.toContain('77');
  });
});

describe('the exit code', () => {
  const unavailable = { ...nodeNet, status: 'unavailable' } as const;
  const failed = { ...nodeNet, status: 'failed' } as const;
  it('is 1 when a driver failed or a row has none that was measured', () => {
    expect(exitCodeOf([row('a', [cUring, unavailable])])).toBe(0);
    expect(exitCodeOf([row('a', [cUring]), row('b', [unavailable])])).toBe(1);
    expect(exitCodeOf([row('a', [cUring]), row('b', [cUring, failed])])).toBe(1);
  });
});

describe('a file of results', () => {
  const text = serializeResults(suite([row('echo/a', [nodeNet, cUring])]));

  it('is read as it was written', () => {
    expect(parseResults('a.json', text)).toEqual(suite([row('echo/a', [nodeNet, cUring])]));
    const twice = suite([row('echo/a', [nodeNet, cUring], { passes: passes(2, 1) })]);
    expect(parseResults('a.json', serializeResults(twice))).toEqual(twice);
  });

  it('has the rounds of a metric in one line, of seven digits', () => {
    const odd = driver('bun', { cpuNsPerMessage: [1 / 3, 20_000 / 3] });
    const written = serializeResults(suite([row('echo/a', [odd])]));
    expect(written).toContain('"rounds": [0.3333333, 6666.667]');
  });

  it('names no folder of the machine', () => {
    const command = [process.execPath, `${projectRoot}/examples/echo-server.mjs`];
    const reason = `Cannot find ${projectRoot}/x.mjs`;
    const odd = driver('bun', {}, { command, reason, status: 'failed' });
    const written = serializeResults(suite([row('echo/a', [odd])]));
    expect(written).not.toContain(projectRoot);
    expect(written).toContain('"examples/echo-server.mjs"');
  });

  it.each([
    ['{', 'a.json is not JSON'],
    ['[]', 'a.json holds no benchmark results'],
    ['{"benchmark":"echo"}', 'no benchmark results: it has no "format"'],
    ['{"format":2}', 'format 2, and this version reads format 1'],
    ['{"format":1}', 'which machine'],
    ['{"format":1,"machine":{}}', 'no list of rows'],
    ['{"format":1,"machine":{},"rows":[{}]}', 'a row 1 that has no id'],
    [text.replace('"headline"', '"x"'), 'a row 1 that has no headline'],
    [text.replace('"serverCpus"', '"x"'), 'no placement'],
    [text.replace('"drivers"', '"passes":[{"rounds":3}],"drivers"'), 'no proper passes'],
    [text.replace('"drivers"', '"passes":3,"drivers"'), 'no proper passes'],
    [text.replace('"median": 100', '"median": "100"'), 'no proper metrics of node-net'],
    [text.replace('"ok"', '"fine"'), 'node-net of status fine'],
  ])('that is none is refused with the reason: %#', (bad, words) => {
    expect(() => parseResults('a.json', bad)).toThrow(words);
  });

  it('that has a row twice is refused', () => {
    const twice = serializeResults(suite([row('echo/a', []), row('echo/a', [])]));
    expect(() => parseResults('a.json', twice)).toThrow('the row echo/a twice');
  });
});
