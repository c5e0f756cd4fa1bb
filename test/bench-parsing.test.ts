// What the benchmark reads from other programs and from /proc.
import { describe, expect, it } from '@jest/globals';
import { errorLineOf } from '../bench/child.js';
import { parseCpuList, placeOn } from '../bench/cpus.js';
import { checkResult, parseH2loadResult } from '../bench/h2load.js';
import { parseTrialResult } from '../bench/load.js';
import { filledBytes, heldBytes, ringBytes } from '../bench/memory.js';
import { parsePerfOutput } from '../bench/perf.js';
import { parseListeningLine, parseSchedstat } from '../bench/server.js';
import { bytesWord } from '../bench/words.js';
import { parseWrkResult, trialOf, type WrkResult } from '../bench/wrk.js';

describe('a result of the load generator', () => {
  const result = {
    units: 1000,
    unitsWithDrain: 1064,
    seconds: 0.5,
    secondsWithDrain: 0.51,
    latencyNs: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
    generatorCpuNs: 7,
    errors: 0,
    firstError: '',
  };

  it('is read as it was written', () => {
    expect(parseTrialResult(JSON.stringify(result))).toEqual(result);
  });

  it('that lacks a number is refused by name', () => {
    const { latencyNs, ...rest } = result;
    expect(() => parseTrialResult(JSON.stringify(rest))).toThrow('no p50');
    const withText = { ...result, latencyNs: { ...latencyNs, p99: '3' } };
    expect(() => parseTrialResult(JSON.stringify(withText))).toThrow('no p99');
  });

  it('that is no JSON is shown', () => {
    expect(() => parseTrialResult('Segmentation fault')).toThrow('no JSON: Segmentation fault');
    expect(() => parseTrialResult('null')).toThrow('no units');
  });
});

describe('what wrk prints at its end', () => {
  const none = { connect: 0, read: 0, write: 0, status: 0, timeout: 0 };
  const printed: WrkResult = {
    requests: 1000,
    bytes: 150_200,
    microseconds: 500_000,
    cpuSeconds: 0.25,
    latencyMicroseconds: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
    errors: none,
  };

  it('is read as it was written', () => {
    expect(parseWrkResult(JSON.stringify(printed))).toEqual(printed);
  });

  it('that lacks a number is refused by name', () => {
    const lacking = { ...printed, errors: { ...none, timeout: undefined } };
    expect(() => parseWrkResult(JSON.stringify(lacking))).toThrow("wrk's result has no timeout");
    expect(() => parseWrkResult('{"requests":1}')).toThrow('no bytes');
  });

  it('is a trial of requests', () => {
    expect(trialOf(printed, 2, 150)).toEqual({
      units: 1000,
      unitsWithDrain: 1000,
      seconds: 0.5,
      secondsWithDrain: 0.5,
      latencyNs: { p50: 1000, p90: 2000, p99: 3000, p999: 4000, max: 5000 },
      generatorCpuNs: 250_000_000,
      errors: 0,
      firstError: '',
    });
  });

  it.each([
    ['connect', 'could not be made'],
    ['read', 'while reading'],
    ['write', 'while writing'],
    ['status', '400 or more'],
    ['timeout', 'too late'],
  ] as const)('has errors of the kind %s in words', (kind, words) => {
    const trial = trialOf({ ...printed, errors: { ...none, [kind]: 3 } }, 2, 150);
    expect(trial).toMatchObject({ errors: 3, firstError: expect.stringContaining(words) });
  });

  it('has an error where the bytes are not those of whole responses, but for one on each connection', () => {
    const errorsOf = (bytes: number) => trialOf({ ...printed, bytes }, 2, 150).errors;
    expect([149_999, 150_000, 150_300, 150_301].map(errorsOf)).toEqual([1, 0, 0, 1]);
    expect(trialOf({ ...printed, bytes: 1 }, 2, 150).firstError).toBe(
      '1000 responses had 1 bytes, which are not 150 each',
    );
  });
});

describe('what h2load prints at its end', () => {
  const printed = [
    'finished in 647.96ms, 11008.00 req/s, 280.63KB/s',
    'requests: 5504 total, 5568 started, 5504 done, 5504 succeeded, 0 failed, 0 errored, 0 timeout',
    'status codes: 5504 2xx, 0 3xx, 0 4xx, 0 5xx',
    'traffic: 140.31KB (143680) total, 16.55KB (16944) headers (space savings 95.26%), 26.88KB (27520) data',
  ].join('\n');
  const result = { seconds: expect.closeTo(0.64796), succeeded: 5504, bytes: 27_520 };

  it('is read, whatever unit its time has', () => {
    const secondsOf = (time: string) =>
      parseH2loadResult(printed.replace('647.96ms', time)).seconds;
    expect(parseH2loadResult(printed)).toEqual(result);
    expect(secondsOf('1.01s')).toBe(1.01);
    expect(secondsOf('250us')).toBeCloseTo(0.00025);
  });

  it('that lacks something is shown', () => {
    for (const line of printed.split('\n').filter((each) => !each.startsWith('requests'))) {
      const lacking = printed.replace(line, '');
      expect(() => parseH2loadResult(lacking)).toThrow('h2load printed no result');
    }
  });

  it('has to be that of as many whole responses as there were requests', () => {
    const whole = { seconds: 1, succeeded: 10, bytes: 50 };
    expect(() => checkResult(whole, 10, 5)).not.toThrow();
    expect(() => checkResult(whole, 11, 5)).toThrow('1 of 11 requests were not answered');
    expect(() => checkResult({ ...whole, bytes: 49 }, 10, 5)).toThrow('49 bytes, which are not 5');
  });
});

describe('the output of perf', () => {
  it('gives user and kernel instructions', () => {
    const text =
      'Events disabled\nEvents enabled\n4500,,instructions:u,100,100.00,,\n812000,,instructions:k,100,100.00,,\n';
    expect(parsePerfOutput(text)).toEqual({ user: 4500, kernel: 812_000 });
  });

  it.each(['<not supported>', '<not counted>'])('says why there is none: %s', (word) => {
    const text = `${word},,instructions:u,0,100.00,,\n${word},,instructions:k,0,100.00,,\n`;
    expect(() => parsePerfOutput(text)).toThrow(word);
  });

  it('that lacks an event is refused', () => {
    expect(() => parsePerfOutput('')).toThrow('no line for instructions:u');
  });
});

describe('what a server says and spends', () => {
  it('is its address, IPv6 in brackets', () => {
    expect(parseListeningLine('listening on 127.0.0.1:8080')).toEqual({
      host: '127.0.0.1',
      port: 8080,
    });
    expect(parseListeningLine('listening on [::1]:1')).toEqual({ host: '::1', port: 1 });
    expect(() => parseListeningLine('ready')).toThrow("not 'ready'");
  });

  it('are the first two fields of schedstat', () => {
    const time = { cpuNs: 30_192_364, waitNs: 38_911_516 };
    expect(parseSchedstat('30192364 38911516 67\n')).toEqual(time);
    expect(() => parseSchedstat('')).toThrow('schedstat');
  });

  it('is the line that names the error, not the end of a stack', () => {
    const stack =
      'file.mjs:1\nthrow new Error()\n^\n\nError: no ring\n    at main (file.mjs:1)\n\nNode.js v20';
    expect(errorLineOf(stack)).toBe('Error: no ring');
    expect(errorLineOf('c_uring: io_uring_setup: Operation not permitted')).toContain('permitted');
  });
});

describe('the memory that a process holds', () => {
  const rollup = (more: Readonly<Record<string, number>> = {}) => {
    const fields = { Rss: 900, Pss_Anon: 0, Pss_File: 800, Pss_Shmem: 0, Private_Dirty: 700 };
    const rest = { LazyFree: 0, Private_Hugetlb: 0, Swap: 50, SwapPss: 0 };
    const lines = Object.entries({ ...fields, ...rest, ...more });
    const text = lines.map(([name, kib]) => `${name}:`.padEnd(16) + `${kib} kB`.padStart(10));
    return ['00400000-7ffc ---p 00000000 00:00 0 [rollup]', ...text, ''].join('\n');
  };

  it('is what it filled, in RAM or swapped out, without files and what it has given back', () => {
    expect(filledBytes(rollup())).toBe(0);
    expect(filledBytes(rollup({ Pss_Anon: 100 }))).toBe(100 * 1024);
    expect(filledBytes(rollup({ Pss_Anon: 100, LazyFree: 30 }))).toBe(70 * 1024);
    const kinds = { Pss_Anon: 1, Pss_Shmem: 2, SwapPss: 4, Private_Hugetlb: 8 };
    expect(filledBytes(rollup(kinds))).toBe(15 * 1024);
    const withoutShmem = rollup().replace('Pss_Shmem', 'Shmem');
    expect(() => filledBytes(withoutShmem)).toThrow('smaps_rollup has no Pss_Shmem');
  });

  it('is its rings as well, each part once', () => {
    const ring = 'rw-s 00000000 00:10 25411                      anon_inode:[io_uring]';
    const entries = 'rw-s 10000000 00:10 25411                      anon_inode:[io_uring]';
    const other = 'rw-s 00000000 00:10 30000                      anon_inode:[io_uring]';
    const file = 'r-xp 00001000 08:01 77 /usr/bin/node';
    const maps = [
      `00400000-00500000 ${file}`,
      `7f0000000000-7f0000011000 ${ring}`,
      `7f0000020000-7f0000031000 ${ring}`,
      `7f0000100000-7f0000110000 ${entries}`,
      `7f0000200000-7f0000201000 ${other}`,
      '7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]',
      '',
    ];
    expect(ringBytes(maps.join('\n'))).toBe(0x11000 + 0x10000 + 0x1000);
    expect(ringBytes('')).toBe(0);
  });

  it('grows with what this process fills', () => {
    const before = heldBytes(process.pid);
    const filled = Buffer.alloc(64 * 1024 * 1024, 1);
    expect(heldBytes(process.pid) - before).toBeGreaterThan(0.9 * filled.length);
  });
});

describe('processors', () => {
  it('are listed as the kernel and taskset list them', () => {
    expect(parseCpuList('0,2-4\n')).toEqual([0, 2, 3, 4]);
    for (const text of ['', 'a', '1-', '4-2', '1,,2']) expect(() => parseCpuList(text)).toThrow();
  });

  const noWish = { sharedCore: false, serverCpus: undefined };

  it('are one for the server and another for the load', () => {
    expect(placeOn([0, 1, 2, 3], noWish)).toEqual({ serverCpus: [3], loadCpu: 2 });
    expect(placeOn([0, 1, 2], { ...noWish, serverCpus: [1, 2] })).toEqual({
      serverCpus: [1, 2],
      loadCpu: 0,
    });
  });

  it('are more for a server that is to have more, and then shared if there are no others', () => {
    expect(placeOn([0, 1, 2, 3], noWish, 2)).toEqual({ serverCpus: [2, 3], loadCpu: 1 });
    expect(placeOn([0, 1], noWish, 2)).toEqual({ serverCpus: [0, 1], loadCpu: 0 });
    expect(placeOn([0, 1], { ...noWish, sharedCore: true }, 2).serverCpus).toEqual([1]);
  });

  it('are shared where asked for, and where there is only one', () => {
    expect(placeOn([0, 1], { ...noWish, sharedCore: true })).toEqual({
      serverCpus: [1],
      loadCpu: 1,
    });
    expect(placeOn([5], noWish)).toEqual({ serverCpus: [5], loadCpu: 5 });
  });

  it('must be usable', () => {
    expect(() => placeOn([0, 1], { ...noWish, serverCpus: [2] })).toThrow('core 2');
  });
});

describe('bytes in words', () => {
  it('are whole numbers of the largest unit that divides them', () => {
    const words = [1, 64, 1000, 1024, 1536, 262_144, 1_048_576].map(bytesWord);
    expect(words).toEqual(['1B', '64B', '1000B', '1KiB', '1536B', '256KiB', '1MiB']);
  });
});
