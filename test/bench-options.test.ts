// The benchmark's command lines.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findRuntime } from '../bench/drivers/runtimes.js';
import { UsageError } from '../bench/options.js';
import { type EchoOptions, echo } from '../bench/workloads/echo.js';
import { workloads } from '../bench/workloads/index.js';

const words = (line: string) => line.split(' ').filter(Boolean);
const parse = (line: string) => echo.parse(words(line)) as EchoOptions;

describe('the options of a workload', () => {
  it('default to every driver that is no option, and 64 connections of 64 bytes', () => {
    const options = parse('');
    expect(options).toMatchObject({ connections: 64, size: 64, depth: 1, sharedCore: false });
    expect(options.drivers).toEqual([
      'proactor-loop',
      'proactor-thread',
      'proactor-operations',
      'proactor-operations-thread',
      'proactor-net',
      'proactor-net-thread',
      'node-net',
      'bun',
      'deno',
      'c-epoll',
      'c-uring',
      'asio-epoll',
      'asio-uring',
    ]);
  });

  it('are taken from the command line', () => {
    const line =
      '--connections 512 --size 16384 --depth 16 --seconds .25 --rounds 3 --warm-up 0 --count-rounds 1 ' +
      '--drivers c-uring,proactor-eventfd --server-cpus 0,2-3 --verify --json out.json --bun b --deno=d';
    expect(parse(line)).toEqual({
      connections: 512,
      size: 16384,
      depth: 16,
      seconds: 0.25,
      rounds: 3,
      warmUp: 0,
      countRounds: 1,
      drivers: ['c-uring', 'proactor-eventfd'],
      sharedCore: false,
      serverCpus: [0, 2, 3],
      verify: true,
      json: 'out.json',
      bun: 'b',
      deno: 'd',
    });
  });

  it('name the row that they make', () => {
    const idOf = (line: string) => echo.rowId(parse(line));
    expect(idOf('')).toBe('echo/64x64B/depth1/own');
    expect(idOf('--size 16384 --shared-core')).toBe('echo/64x16KiB/depth1/shared');
    expect(idOf('--size 1000 --server-cpus 1-2')).toBe('echo/64x1000B/depth1/cpus1+2');
  });

  it.each([
    ['--connections 0', '--connections'],
    ['--connections many', '--connections'],
    ['--size 1.5', '--size'],
    ['--depth 1025', '--depth'],
    ['--seconds 0', '--seconds'],
    ['--seconds -1', '--seconds'],
    ['--rounds 1e3', '--rounds'],
    ['--rounds 1 --rounds 2', '--rounds was given more than once'],
    ['--drivers node-net,apache', "'apache'"],
    ['--drivers ,', "unknown driver ''"],
    ['--server-cpus 3-1', '--server-cpus'],
    ['--shared-core --server-cpus 1', 'exclude each other'],
    ['--conections 1', '--conections'],
    ['--json', '--json'],
    ['--bun=', '--bun must not be empty'],
    ['--verify=1', '--verify'],
    ['echo', "unexpected argument 'echo'"],
  ])('are refused with a word on what is wrong: %s', (line, word) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(word);
  });

  it.each(workloads.map((each) => [each.name, each] as const))(
    'are all told by the help of %s, which may be asked for',
    (name, workload) => {
      expect(workload.parse(['--help'])).toBe('help');
      expect(workload.helpText).toContain(`npm run bench -- ${name} [options]`);
      for (const option of Object.keys(workload.parse([]) as object)) {
        const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        expect(workload.helpText).toMatch(new RegExp(`^ {2}--${flag}\\b`, 'm'));
      }
    },
  );
});

describe('the binary of another runtime', () => {
  let folder: string;
  const binary = (...parts: readonly string[]) => {
    const file = path.join(folder, ...parts);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
    chmodSync(file, 0o755);
    return file;
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'proactor-runtimes-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the one given, before that of the environment, before that on PATH', () => {
    const [given, named, onPath] = [binary('a'), binary('b'), binary('bin', 'bun')];
    const environment = { BUN: named, PATH: `/nowhere:${path.dirname(onPath)}` };
    expect(findRuntime('bun', given, environment)).toBe(given);
    expect(findRuntime('bun', undefined, environment)).toBe(named);
    expect(findRuntime('bun', undefined, { PATH: environment.PATH })).toBe(onPath);
  });

  it('is found in a folder that npm installed it in', () => {
    const installed = binary('node_modules/@deno/linux-x64-glibc/deno');
    expect(findRuntime('deno', folder, {})).toBe(installed);
  });

  it('that is missing makes an error that says where it was looked for', () => {
    const absent = path.join(folder, 'absent');
    expect(() => findRuntime('bun', absent, {})).toThrow(`--bun names ${absent}`);
    expect(() => findRuntime('bun', undefined, { BUN: absent })).toThrow('variable BUN');
    expect(() => findRuntime('deno', undefined, { PATH: folder })).toThrow('give --deno PATH');
  });

  it('is executable', () => {
    const file = binary('bun');
    chmodSync(file, 0o644);
    expect(() => findRuntime('bun', undefined, { PATH: folder })).toThrow('not found');
  });
});
