// `proactor bench echo`: a short run, what it computes, and whether it notices a byte that is wrong.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { TcpStream } from 'proactor';
import { type BenchReport, parseBench, table } from '#lib/cli/bench/command';
import { type ContenderResult, type Round, summarize } from '#lib/cli/bench/compare';
import { Connection, makePattern, type Owner } from '#lib/cli/bench/connection';
import { cpuTimeNs, parseCpuList } from '#lib/cli/bench/processes';
import { LatencyHistogram, median, medianOfRatios } from '#lib/cli/bench/statistics';
import { atEnd } from './support/cleanup';
import { runCli } from './support/cli';
import { describeEach } from './support/dispatchers';
import { temporaryFile } from './support/files';
import { patient } from './support/pace';

const LIMIT_MS = patient(120_000);
const SECONDS = patient(0.1);

describe('a short run', () => {
  it.each([
    ['small messages', ['--connections', '4', '--size', '64']],
    ['large ones, pipelined', ['--connections', '2', '--size', '70000', '--depth', '3']],
  ])(
    'measures every server: %s',
    async (_name, load) => {
      const args = ['bench', 'echo', '--seconds', `${SECONDS}`, '--rounds', '2', '--json', ...load];
      const ended = await runCli(args, { timeoutMs: LIMIT_MS });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      const report = JSON.parse(ended.stdout) as BenchReport;
      expect(report).toMatchObject({ format: 1, workload: 'echo' });
      expect(report.conditions).toMatchObject({ seconds: SECONDS, rounds: 2 });
      const names = report.contenders.map(({ name, failure }) => [name, failure]);
      expect(names).toEqual([
        ['proactor-loop', ''],
        ['proactor-thread', ''],
        ['node-net', ''],
      ]);
      for (const { rounds, summary } of report.contenders) {
        expect(rounds).toHaveLength(2);
        expect(summary?.messagesPerSecond).toBeGreaterThan(0);
        expect(summary?.p99).toBeGreaterThanOrEqual(summary?.p50 ?? Number.NaN);
      }
      expect(report.contenders[2]?.summary?.ratio).toBe(1);
    },
    LIMIT_MS,
  );

  it(
    'prints a table',
    async () => {
      const ended = await runCli([
        'bench',
        'echo',
        '--seconds',
        '0.05',
        '--rounds',
        '1',
        '--connections',
        '2',
      ]);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(
        /^Echo: 2 connections × 64 B, depth 1; 1 rounds of 0\.05 s; medians\n/,
      );
      expect(ended.stdout).toMatch(
        /^proactor-loop +[\d,]+ +\d+\.\d\d +[\d,]+ +[\d,]+ +([\d,]+|n\/a)$/m,
      );
      expect(ended.stdout).toMatch(/^node-net +[\d,]+ +1\.00 /m);
      expect(ended.stdout).toContain('bench/README.md');
    },
    LIMIT_MS,
  );
});

describe('a process that dies', () => {
  const run = async (program: string, fault: string): Promise<string> => {
    const preload = temporaryFile(`if (process.argv[1]?.endsWith('bench/${program}.js')) ${fault}`);
    const args = ['bench', 'echo', '--seconds', '0.05', '--rounds', '1', '--connections', '1'];
    const env = { NODE_OPTIONS: `--require ${preload}` };
    const ended = await runCli(args, { timeoutMs: LIMIT_MS, env });
    expect(ended).toMatchObject({ code: 1, stderr: '' });
    return ended.stdout;
  };

  it.each([
    ['an error', "throw new TypeError('made to fail')", 'with 1: TypeError: made to fail'],
    ['a text', "process.stderr.write('no room\\n', () => process.exit(9))", 'with 9: no room'],
    ['a signal', "process.kill(process.pid, 'SIGKILL')", 'by SIGKILL'],
  ])(
    'is told of with what it says, and not with the place: %s',
    async (_name, fault, end) => {
      const servers = await run('server', fault);
      for (const name of ['proactor-loop', 'proactor-thread', 'node-net']) {
        expect(servers).toContain(`${name} failed: the server ${name} ended ${end}\n`);
      }
      const load = await run('load', fault);
      expect(load).toContain(`proactor-loop failed: the load generator ended ${end}\n`);
    },
    LIMIT_MS,
  );
});

describeEach('a connection of the load generator', ({ open }) => {
  const load = { connections: 1, size: 100, depth: 4 };

  /** Connects to a server that answers with `answer`, until `count` messages came back or it failed. */
  async function talk(
    answer: (socket: Socket, bytes: Buffer) => void,
    count: number,
  ): Promise<string> {
    const server = createServer((socket) => {
      socket.on('data', (bytes) => answer(socket, bytes));
      socket.on('error', () => {});
      atEnd(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const proactor = open();
    const { port } = server.address() as AddressInfo;
    const { fd } = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
    return new Promise((resolve) => {
      let messages = 0;
      const owner: Owner = {
        histogram: new LatencyHistogram(),
        isEnding: false,
        onMessages: (came) => {
          messages += came;
          if (messages >= count) resolve('');
        },
        onError: (error) => resolve(error.message),
      };
      new Connection(proactor, fd, makePattern(proactor, load), load, owner).start();
    });
  }

  it('goes on while every byte is right, over the end of its pattern', async () => {
    // More than the pattern's 65,521 bytes.
    expect(await talk((socket, bytes) => socket.write(bytes), 2000)).toBe('');
  });

  it('notices a byte that is wrong', async () => {
    let seen = 0;
    const answer = (socket: Socket, bytes: Buffer): void => {
      const wrong = 5000 - seen;
      seen += bytes.length;
      if (wrong >= 0 && wrong < bytes.length) bytes[wrong]! ^= 1;
      socket.write(bytes);
    };
    expect(await talk(answer, 2000)).toBe('bytes came back that were not sent');
  });

  it('notices a message that comes twice or not at all', async () => {
    const twice = (socket: Socket, bytes: Buffer): void => {
      socket.write(bytes.subarray(0, 100));
      socket.write(bytes);
    };
    expect(await talk(twice, 2000)).toBe('bytes came back that were not sent');
    let isFirst = true;
    const without = (socket: Socket, bytes: Buffer): void => {
      socket.write(isFirst ? bytes.subarray(100) : bytes);
      isFirst = false;
    };
    expect(await talk(without, 2000)).toBe('bytes came back that were not sent');
  });

  it('notices more than was sent', async () => {
    let all = Buffer.alloc(0);
    const answer = (socket: Socket, bytes: Buffer): void => {
      all = Buffer.concat([all, bytes]);
      // The pattern goes on as its generator has it: made here from what a second connection would send.
      if (all.length >= 400) socket.write(Buffer.concat([all.subarray(0, 400), nextBytes(400)]));
    };
    expect(await talk(answer, 2000)).toBe('more came back than was sent');
  });

  /** The pattern behind its first `length` bytes, as long again. */
  function nextBytes(length: number): Buffer {
    const { bytes } = makePattern(open(), load);
    return Buffer.from(bytes.subarray(length, 2 * length));
  }

  it('notices the end', async () => {
    expect(await talk((socket) => socket.end(), 1)).toBe('the server closed a connection');
    const reset = await talk((socket) => socket.resetAndDestroy(), 1);
    expect(reset).toMatch(/ECONNRESET|EPIPE|closed a connection/);
  });
});

describe('figures', () => {
  it('of the median', () => {
    expect([median([]), median([3]), median([9, 1, 5]), median([4, 1, 2, 3])]).toEqual([
      undefined,
      3,
      5,
      2.5,
    ]);
    expect(medianOfRatios([2, 9, 4], [1, 3, 2])).toBe(2);
    expect(medianOfRatios([2], [])).toBe(undefined);
  });

  it('of percentiles', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentile(0.5)).toBe(undefined);
    for (let ms = 1; ms <= 100; ms++) histogram.record(ms, 1);
    expect(histogram.percentile(0.5)).toBe(50_000);
    expect(histogram.percentile(0.99)).toBe(99_000);
    histogram.record(10_000, 100);
    expect(histogram.percentile(1)).toBe(131_071);
  });

  it('of processors', () => {
    expect(parseCpuList('0,2-4')).toEqual([0, 2, 3, 4]);
    expect(parseCpuList('')).toEqual([]);
  });

  it('of CPU time', () => {
    expect(cpuTimeNs('/', process.pid)).toBeGreaterThan(0);
    expect(cpuTimeNs('/nowhere', 1)).toBe(undefined);
  });

  const round = (messagesPerSecond: number, cpuNsPerMessage: number | null): Round => ({
    messagesPerSecond,
    p50: 10,
    p99: 20,
    cpuNsPerMessage,
  });

  it('are medians of the rounds, ratios those of pairs', () => {
    const results: ContenderResult[] = [
      {
        name: 'proactor-loop',
        failure: '',
        rounds: [round(200, 10), round(30, 30), round(400, 20)],
        summary: null,
      },
      { name: 'proactor-thread', failure: 'it ended', rounds: [round(1, 1)], summary: null },
      {
        name: 'node-net',
        failure: '',
        rounds: [round(100, null), round(10, 5), round(100, 5)],
        summary: null,
      },
    ];
    summarize(results);
    expect(results.map(({ summary }) => summary)).toEqual([
      { messagesPerSecond: 200, ratio: 3, p50: 10, p99: 20, cpuNsPerMessage: 20 },
      null,
      { messagesPerSecond: 100, ratio: 1, p50: 10, p99: 20, cpuNsPerMessage: null },
    ]);
    const text = table({
      ...{ format: 1, version: '1.2.3', workload: 'echo', placement: null, contenders: results },
      conditions: { connections: 64, size: 64, depth: 1, seconds: 1, rounds: 3 },
      machine: { kernel: '6.12.1', cpu: 'a CPU', node: '22.1.0' },
    });
    expect(
      text,
    ).toContain(`a CPU, Linux 6.12.1, Node.js 22.1.0; on any core (taskset cannot be used)

server            msg/s  × node-net  p50 µs  p99 µs  CPU ns/msg
proactor-loop       200        3.00      10      20          20
proactor-thread  failed
node-net            100        1.00      10      20         n/a

proactor-thread failed: it ended
`);
  });
});

describe('options', () => {
  it('have defaults', () => {
    expect(parseBench(['echo'])).toEqual({
      ...{ connections: 64, size: 64, depth: 1, seconds: 1, rounds: 5, json: false },
    });
  });
});
