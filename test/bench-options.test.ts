// The benchmark's command line.
import { describe, expect, it } from '@jest/globals';
import { type EchoOptions, parseOptions, UsageError } from '../bench/options.js';

const parse = (line: string) => parseOptions(line.split(' ').filter(Boolean)) as EchoOptions;

describe('the options of the benchmark', () => {
  it('default to every driver and 64 connections of 64 bytes', () => {
    const options = parse('');
    expect(options).toMatchObject({ connections: 64, size: 64, depth: 1, sharedCore: false });
    expect(options.drivers).toEqual([
      'proactor-loop',
      'proactor-thread',
      'proactor-operations',
      'node-net',
      'c-epoll',
      'c-uring',
    ]);
  });

  it('are taken from the command line', () => {
    const line =
      'echo --connections 512 --size 16384 --depth 16 --seconds .25 --rounds 3 --warm-up 0 --count-rounds 1 ' +
      '--drivers c-uring,node-net --server-cpus 0,2-3 --verify --json out.json';
    expect(parse(line)).toEqual({
      connections: 512,
      size: 16384,
      depth: 16,
      seconds: 0.25,
      rounds: 3,
      warmUp: 0,
      countRounds: 1,
      drivers: ['c-uring', 'node-net'],
      sharedCore: false,
      serverCpus: [0, 2, 3],
      verify: true,
      json: 'out.json',
    });
  });

  it('may ask for help', () => {
    expect(parseOptions(['--help'])).toBe('help');
  });

  it.each([
    ['--connections 0', '--connections'],
    ['--connections many', '--connections'],
    ['--size 1.5', '--size'],
    ['--depth 1025', '--depth'],
    ['--seconds 0', '--seconds'],
    ['--seconds -1', '--seconds'],
    ['--rounds 1e3', '--rounds'],
    ['--drivers node-net,deno', "'deno'"],
    ['--drivers ,', "unknown driver ''"],
    ['--server-cpus 3-1', '--server-cpus'],
    ['--shared-core --server-cpus 1', 'exclude each other'],
    ['--conections 1', '--conections'],
    ['--json', '--json'],
    ['files', "'files'"],
    ['echo echo', "unexpected argument 'echo'"],
  ])('are refused with a word on what is wrong: %s', (line, words) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(words);
  });
});
