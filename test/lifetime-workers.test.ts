// Workers: each has an event loop and rings of its own. Terminated at any moment, under load, a worker gives everything back.
// In a process of its own, so that a crash is seen as one.
import { expect, it } from '@jest/globals';
import { type Program, runProgram, sourceOf } from './support/child';
import { type Dispatcher, describeEach } from './support/dispatchers';
import { patient } from './support/pace';

/** What a worker does: everything at once, for as long as it lives. */
const load: Program = async ({ open, constants, require }) => {
  const { parentPort } = require('node:worker_threads') as typeof import('node:worker_threads');
  const fs = require('node:fs') as typeof import('node:fs');
  const { addon } = require('./dist/ring/binding.js') as typeof import('#lib/ring/binding');
  const { encodeAddress, decodeAddress } =
    require('./dist/socket-address.js') as typeof import('#lib/socket-address');
  const proactor = open({ buffers: { count: 16, size: 4096 } });
  const native = addon!;
  const bytes = new Uint8Array(128);
  const address = '127.0.0.1';
  // Descriptors are the process's, not the worker's: the ring closes those that it is told of.
  const { descriptors } = proactor.ring;
  const listener = native.openSocket(2, 1, 0, descriptors.bits);
  native.bind(listener, bytes, encodeAddress({ address, port: 0 }, bytes));
  native.listen(listener, 10);
  const { port } = decodeAddress(bytes, native.localAddress(listener, bytes))!;

  const again = (): void => {
    if (!proactor.disposed) proactor.nop(again);
  };
  for (let i = 0; i < 4; i++) again();
  const tick = (): void => {
    if (!proactor.disposed) proactor.timeout(1, 0, tick);
  };
  tick();
  for (let i = 0; i < 200; i++) proactor.timeout(60_000, 0, () => {});
  const receive = (fd: number): void => {
    const { buffers } = proactor;
    proactor.recvMultishot(fd, buffers, 0, (result, flags) => {
      if (result > 0) buffers.release(buffers.take(result, flags));
    });
  };
  let accepted = 0;
  proactor.acceptMultishot(listener, constants.SOCK_CLOEXEC, (fd) => {
    if (fd < 0) return;
    descriptors.add(fd);
    accepted++;
    receive(fd);
  });
  for (let i = 0; i < 3; i++) {
    const fd = native.openSocket(2, 1, 0, descriptors.bits);
    await proactor.connect(fd, { address, port });
    receive(fd);
    const send = (): void => {
      if (!proactor.disposed) proactor.send(fd, Buffer.alloc(1000), 0, 1000, 0, send);
    };
    send();
  }
  // Node does not close the file of a readFile() that a worker's end interrupts.
  fs.stat('package.json', () => {});
  while (accepted < 3) await proactor.timeout(1);
  parentPort!.postMessage('ready');
};

/** Runs `source` in workers, ends them in some way, and says what the process has before and afterwards. */
const terminateMany: Program = ({ require }) => {
  const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
  const fs = require('node:fs') as typeof import('node:fs');
  const { addon } = require('./dist/ring/binding.js') as typeof import('#lib/ring/binding');
  const source = process.env['WORKER_SOURCE']!;
  const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const things = (): number[] => [
    fs.readdirSync('/proc/self/fd').length,
    fs.readdirSync('/proc/self/task').length,
    addon!.mappedBytes(),
  ];
  const live = async (ms: number): Promise<void> => {
    const worker = new Worker(source, { eval: true });
    worker.on('error', (error) => console.log('error', error.message));
    if (ms >= 0) await new Promise((resolve) => worker.once('message', resolve));
    await delay(Math.abs(ms));
    await worker.terminate();
  };
  const run = async (): Promise<void> => {
    await live(5);
    await delay(50);
    const before = things();
    for (let i = 0; i < 12; i++) await live(i % 4);
    // While they start.
    for (let i = 0; i < 12; i++) await live(-i * 4);
    for (let i = 0; i < 3; i++) await Promise.all([live(1), live(3), live(0), live(-20)]);
    for (let i = 0; i < 50 && things().join() !== before.join(); i++) await delay(20);
    const names = fs.readdirSync('/proc/self/fd').map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the folder's own
      }
    });
    const same = things().join() === before.join();
    console.log(same ? 'all is back' : `${before} became ${things()}: ${names.join(' ')}`);
  };
  run();
};

const makeAndDispose: Program = async ({ open, Proactor, require }) => {
  const { parentPort } = require('node:worker_threads') as typeof import('node:worker_threads');
  parentPort!.postMessage('ready');
  for (;;) {
    Proactor.probe();
    await open().dispose();
  }
};

/** Ends workers between any two calls into the addon: most of Node-API fails then. */
const terminateInCalls: Program = async ({ require }) => {
  const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
  for (let i = 0; i < 120; i++) {
    const worker = new Worker(process.env['WORKER_SOURCE']!, { eval: true });
    worker.on('error', (error) => console.log('error', error.message));
    await new Promise((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, (i * 0.37) % 5));
    await worker.terminate();
  }
  console.log('the process goes on');
};

describeEach('a worker', (dispatcher: Dispatcher) => {
  const runWorkers = (main: Program, worker: Program) =>
    runProgram(dispatcher, main, {
      timeoutMs: 50_000,
      env: { WORKER_SOURCE: sourceOf(worker, dispatcher.options) },
    });

  it(
    'terminated under load gives descriptors, threads and memory back',
    async () => {
      const ended = await runWorkers(terminateMany, load);
      expect(ended).toMatchObject({
        code: 0,
        signal: null,
        stdout: 'all is back\n',
        stderr: '',
        timedOut: false,
      });
    },
    patient(60_000),
  );

  it(
    'terminated while it makes and disposes proactors leaves the process alone',
    async () => {
      const ended = await runWorkers(terminateInCalls, makeAndDispose);
      expect(ended).toMatchObject({
        code: 0,
        signal: null,
        stdout: 'the process goes on\n',
        stderr: '',
        timedOut: false,
      });
    },
    patient(60_000),
  );

  const watch: Program = ({ require }) => {
    const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
    const run = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        const worker = new Worker(process.env['WORKER_SOURCE']!, { eval: true });
        worker.on('error', (error) => console.log('error:', error.message));
        worker.on('message', (message) => console.log('message:', message));
        const code = await new Promise((resolve) => worker.once('exit', resolve));
        console.log('exit:', code);
      }
    };
    run();
  };

  const ends: readonly (readonly [string, Program, string])[] = [
    [
      'that has nothing more to do ends',
      ({ open, require }) => {
        const { parentPort } =
          require('node:worker_threads') as typeof import('node:worker_threads');
        open().timeout(5, 0, (result) => parentPort!.postMessage(result));
      },
      'message: -62\nexit: 0\n',
    ],
    [
      'whose handler throws ends with its error',
      ({ open }) => {
        open().nop(() => {
          throw new Error('thrown in a worker');
        });
        open().timeout(60_000, 0, () => {});
      },
      'error: thrown in a worker\nexit: 1\n',
    ],
    [
      'whose handler calls process.exit() ends with its status',
      ({ open }) => {
        const proactor = open();
        for (let i = 0; i < 100; i++) proactor.nop(() => process.exit(5));
        proactor.timeout(60_000, 0, () => {});
      },
      'exit: 5\n',
    ],
    [
      'that sleeps without end is ended by process.exit() in a timer',
      ({ open }) => {
        const proactor = open();
        proactor.timeout(60_000, 0, () => {});
        setTimeout(() => process.exit(6), 20);
      },
      'exit: 6\n',
    ],
    [
      'that disposes in its last handler ends',
      ({ open, require }) => {
        const { parentPort } =
          require('node:worker_threads') as typeof import('node:worker_threads');
        const proactor = open();
        proactor.nop(() => proactor.dispose().then(() => parentPort!.postMessage('disposed')));
      },
      'message: disposed\nexit: 0\n',
    ],
  ];

  it.each(ends)('%s', async (_what, worker, output) => {
    const ended = await runWorkers(watch, worker);
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '', timedOut: false });
    expect(ended.stdout).toBe(output.repeat(5));
  });
});
