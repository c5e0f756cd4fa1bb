// performance.eventLoopUtilization() and its kin tell of a proactor's event loop what they tell of libuv's own: the same
// program runs on node:net and on the Proactor, each in a process of its own. How much of the time it burns it counts by
// itself, since on a busy machine no two runs burn as much.
import { describe, expect, it } from '@jest/globals';
import { type Program, runCommand, sourceOf } from './support/child';
import { type Dispatcher, describeAll } from './support/dispatchers';
import { patient } from './support/pace';

const TOLERANCE = 0.05;
const ATTEMPTS = 6;

interface Measured {
  /** What performance.eventLoopUtilization() says, between two moments. */
  readonly utilization: number;
  /** The share of the time between them that the program burned. */
  readonly burnt: number;
  /** The share that nodeTiming.idleTime has grown by. */
  readonly idle: number;
  /** Calls of the interval that burns, as a share of those that were due. */
  readonly ticks: number;
}

/** Runs one of the programs below, and gives what it printed. */
async function run<Result>(
  dispatcher: Dispatcher | 'node:net',
  program: Program,
  env: NodeJS.ProcessEnv,
): Promise<Result> {
  const isNode = dispatcher === 'node:net';
  const source = sourceOf(program, isNode ? {} : dispatcher.options);
  // As a monitor does it that is loaded first.
  const taken = 'globalThis.taken = performance.eventLoopUtilization;\n';
  const ended = await runCommand(process.execPath, ['-e', taken + source], {
    env: {
      ...env,
      MODULE: isNode ? 'node:net' : 'proactor/net',
      WARM_UP: `${patient(150)}`,
      WINDOW: `${patient(600)}`,
    },
  });
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '', timedOut: false });
  return JSON.parse(ended.stdout) as Result;
}

/** Measures until `isRight`: what else the machine does disturbs some attempts, and a wrong figure is wrong in all. */
async function settled(
  measure: () => Promise<Measured>,
  isRight: (measured: Measured) => boolean,
): Promise<void> {
  const seen: Measured[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const measured = await measure();
    if (isRight(measured)) return;
    seen.push(measured);
  }
  throw new Error(`never right: ${JSON.stringify(seen)}`);
}

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= TOLERANCE;

/** A server with a connection, under a load, and its figures. */
const server: Program = async ({ open, require }) => {
  const { spawn } = require('node:child_process') as typeof import('node:child_process');
  const { setTimeout: delay } =
    require('node:timers/promises') as typeof import('node:timers/promises');
  const { MODULE, LOAD, PROACTORS, WARM_UP, WINDOW } = process.env;
  let net = require('node:net') as typeof import('node:net');
  const proactors = [];
  if (MODULE !== 'node:net') {
    for (let i = 0; i < Number(PROACTORS ?? 1); i++) proactors.push(open());
    for (const proactor of proactors) proactor.timeout(60_000, 0, () => {});
    // The last one: where one sleeps for all, it is the first.
    const own = require('./dist/net/index.js') as typeof import('proactor/net');
    own.useProactor(proactors.at(-1)!);
    net = own as unknown as typeof net;
  }
  let burnt = 0;
  let ticks = 0;
  const burn = (ms: number): void => {
    ticks++;
    const start = performance.now();
    while (performance.now() < start + ms);
    burnt += performance.now() - start;
  };
  const listener = net.createServer((socket) => {
    // No answer: where processors are few it is the peer that runs then, and that is no idle time.
    socket.on('data', () => burn(10));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', () => resolve()));
  const { port } = listener.address() as import('node:net').AddressInfo;
  const every = LOAD === 'messages' ? 20 : 60_000;
  const peer = spawn(process.execPath, [
    '-e',
    `const socket = require('node:net').connect(${port}, '127.0.0.1');
     socket.on('error', () => {}).write('x');
     setInterval(() => socket.write('x'), ${every});
     process.stdin.on('end', () => process.exit()).resume();`,
  ]);
  await new Promise<void>((resolve) => listener.once('connection', () => resolve()));
  if (LOAD === 'timers') setInterval(() => burn(10), 20);
  if (LOAD === 'everything') setInterval(() => burn(20), 10);
  await delay(Number(WARM_UP));

  const { nodeTiming } = performance as typeof import('node:perf_hooks').performance;
  const { taken } = globalThis as unknown as {
    taken: typeof import('node:perf_hooks').performance.eventLoopUtilization;
  };
  const before = taken();
  const idleBefore = nodeTiming.idleTime;
  const start = performance.now();
  burnt = ticks = 0;
  await delay(Number(WINDOW));
  const { utilization } = taken(before);
  const tookMs = performance.now() - start;
  console.log(
    JSON.stringify({
      utilization,
      burnt: burnt / tookMs,
      idle: (nodeTiming.idleTime - idleBefore) / tookMs,
      ticks: (ticks * 20) / tookMs,
    }),
  );
  peer.kill();
  process.exit();
};

/** What is burned is known, so it is what node:net's figure is near to, and ours has to be. */
const isTrue = ({ utilization, burnt, idle }: Measured): boolean =>
  isNear(utilization, burnt) && isNear(1 - idle, burnt);

const loads: Readonly<Record<string, (measured: Measured) => boolean>> = {
  nothing: (measured) => isTrue(measured) && measured.utilization <= TOLERANCE,
  timers: (measured) => isTrue(measured) && measured.burnt > 0.3 && measured.burnt < 0.8,
  messages: (measured) => isTrue(measured) && measured.burnt > 0.3 && measured.burnt < 0.8,
  everything: (measured) => isTrue(measured) && measured.utilization >= 1 - TOLERANCE,
};

describe('the event loop of node:net, to compare with', () => {
  it.each(Object.entries(loads))('is utilized by %s', async (LOAD, isRight) => {
    await settled(() => run('node:net', server, { LOAD }), isRight);
  });
});

describeAll('the event loop of a server', (dispatcher) => {
  it.each(Object.entries(loads))('is utilized by %s', async (LOAD, isRight) => {
    await settled(() => run(dispatcher, server, { LOAD }), isRight);
  });

  it('is the same to several proactors', async () => {
    const env = { LOAD: 'timers', PROACTORS: '3' };
    await settled(() => run(dispatcher, server, env), loads['timers']!);
  });

  it('runs timers on time after callbacks that take long', async () => {
    await settled(
      () => run(dispatcher, server, { LOAD: 'timers' }),
      ({ ticks }) => ticks > 0.85,
    );
  });
});

/** Operations that complete at once, one after the other: all that the loop does is enter the kernel. */
const busy: Program = async ({ open }) => {
  const proactor = open();
  const again = (): void => {
    if (!proactor.disposed) proactor.nop(again);
  };
  for (let i = 0; i < 8; i++) again();
  const { eventLoopUtilization } = performance as typeof import('node:perf_hooks').performance;
  const before = eventLoopUtilization();
  await proactor.timeout(Number(process.env['WINDOW']));
  const { utilization } = eventLoopUtilization(before);
  console.log(JSON.stringify({ utilization, burnt: 1 }));
  process.exit();
};

/** First with a proactor, then without. */
const disposed: Program = async ({ open, require }) => {
  const { setTimeout: delay } =
    require('node:timers/promises') as typeof import('node:timers/promises');
  const { eventLoopUtilization } = performance as typeof import('node:perf_hooks').performance;
  const proactor = open();
  await proactor.timeout(100);
  await proactor.dispose();
  const before = eventLoopUtilization();
  await delay(Number(process.env['WINDOW']));
  const { utilization } = eventLoopUtilization(before);
  console.log(JSON.stringify({ utilization, burnt: 0 }));
};

describeAll('the utilization of the event loop', (dispatcher) => {
  // With an I/O thread there are pauses.
  if (dispatcher.options.dispatch === 'loop') {
    it('is all there is while operations complete without a pause', async () => {
      await settled(
        () => run(dispatcher, busy, {}),
        ({ utilization }) => utilization >= 1 - TOLERANCE,
      );
    });
  }

  it("is libuv's after dispose()", async () => {
    await settled(
      () => run(dispatcher, disposed, {}),
      ({ utilization }) => utilization <= TOLERANCE,
    );
  });
});

/** Looks at a worker, which sleeps without end or burns half of the time, from its parent. */
const watched: Program = async ({ require }) => {
  const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { once } = require('node:events') as typeof import('node:events');
  const { setTimeout: delay } =
    require('node:timers/promises') as typeof import('node:timers/promises');
  const burnt = new Float64Array(new SharedArrayBuffer(8));
  const worker = new Worker(process.env['WORKER_SOURCE']!, { eval: true, workerData: burnt });
  await once(worker, 'message');
  await delay(Number(process.env['WARM_UP']));
  const burntBefore = burnt[0]!;
  const before = worker.performance.eventLoopUtilization();
  const start = performance.now();
  await delay(Number(process.env['WINDOW']));
  const { utilization } = worker.performance.eventLoopUtilization(before);
  const share = (burnt[0]! - burntBefore) / (performance.now() - start);
  console.log(JSON.stringify({ utilization, burnt: share, idle: 1 - utilization }));
  process.exit();
};

const worker: Program = ({ open, require }) => {
  const { parentPort, workerData } =
    require('node:worker_threads') as typeof import('node:worker_threads');
  const burnt = workerData as Float64Array;
  open().timeout(60_000, 0, () => {});
  const burn = (): void => {
    const start = performance.now();
    while (performance.now() < start + 10);
    burnt[0] = burnt[0]! + performance.now() - start;
  };
  if (process.env['LOAD'] === 'timers') setInterval(burn, 20);
  parentPort!.postMessage('ready');
};

describeAll("a worker's event loop, seen from its parent", (dispatcher) => {
  it.each(['nothing', 'timers'])('is utilized by %s', async (LOAD) => {
    const env = { LOAD, WORKER_SOURCE: sourceOf(worker, dispatcher.options) };
    await settled(() => run('node:net', watched, env), loads[LOAD]!);
  });
});

/** Answers of a server that sheds load: idle, overloaded, and idle again. */
const shedder: Program = async ({ open, require }) => {
  const http = require('node:http') as typeof import('node:http');
  const { setTimeout: delay } =
    require('node:timers/promises') as typeof import('node:timers/promises');
  const { fastify } = require('fastify') as typeof import('fastify');
  const underPressure =
    require('@fastify/under-pressure') as typeof import('@fastify/under-pressure').default;
  let serverFactory = (handler: import('node:http').RequestListener) => http.createServer(handler);
  if (process.env['MODULE'] !== 'node:net') {
    const net = require('./dist/net/index.js') as typeof import('proactor/net');
    const { attach } = require('./dist/http/index.js') as typeof import('proactor/http');
    net.useProactor(open());
    serverFactory = (handler) => attach(http.createServer(handler));
  }
  const windowMs = Number(process.env['WINDOW']);
  const app = fastify({ serverFactory });
  await app.register(underPressure, {
    maxEventLoopUtilization: 0.9,
    eventLoopUtilizationMode: 'interval',
    sampleInterval: windowMs / 4,
  });
  app.get('/', async () => 'ok');
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const status = async (): Promise<number> => {
    await delay(windowMs);
    return new Promise((resolve, reject) => {
      const request = http.get(url, { agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      });
      request.on('error', reject);
    });
  };
  const idle = await status();
  const load = setInterval(() => {
    const start = performance.now();
    while (performance.now() < start + 20);
  }, 1);
  const overloaded = await status();
  clearInterval(load);
  const idleAgain = await status();
  await app.close();
  console.log(JSON.stringify([idle, overloaded, idleAgain]));
  process.exit();
};

describe('@fastify/under-pressure on node:http, to compare with', () => {
  it('refuses requests only while the event loop is overloaded', async () => {
    expect(await run('node:net', shedder, {})).toEqual([200, 503, 200]);
  });
});

describeAll('@fastify/under-pressure on proactor/http', (dispatcher) => {
  it('refuses requests only while the event loop is overloaded', async () => {
    expect(await run(dispatcher, shedder, {})).toEqual([200, 503, 200]);
  });
});
