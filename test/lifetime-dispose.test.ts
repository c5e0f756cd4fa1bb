// The end of a proactor: with work in flight, from within its own handlers, and what remains of it.
import { expect, it } from '@jest/globals';
import { channels, constants, Proactor } from 'proactor';
import { runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { completionOf, delay, Recorder } from './support/completions';
import { type Dispatcher, describeAll, describeEach, leaksOf } from './support/dispatchers';
import { itWithOperation } from './support/features';
import { openDescriptors, pipe, runningThreads } from './support/files';
import { patient } from './support/pace';
import { receiveAll } from './support/receive';
import { listener, tcpPair } from './support/sockets';

const { ECANCELED, EINTR } = constants;
const FOREVER_MS = 60_000;
const disposed = expect.objectContaining({ code: 'ERR_PROACTOR_DISPOSED' });

describeAll('dispose', ({ open }) => {
  it('completes everything in flight: handlers are called, promises rejected', async () => {
    const proactor = open();
    const leaks = leaksOf(proactor);
    const { near } = await tcpPair(proactor);
    const { reader } = pipe();
    const recorder = new Recorder();
    proactor.timeout(FOREVER_MS, 0, recorder.handler);
    proactor.pollMultishot(reader, constants.POLLIN, recorder.handler);
    proactor.acceptMultishot(listener().fd, 0, recorder.handler);
    proactor.recv(near, Buffer.alloc(8), 0, 8, 0, recorder.handler);
    proactor.pollAdd(reader, constants.POLLIN, recorder.handler);
    const read = proactor.read(reader, Buffer.alloc(8));
    const received = receiveAll(proactor, near);
    const outcomes = Promise.allSettled([read, received]);
    await proactor.dispose();
    expect(recorder.results).toEqual(Array(5).fill(-ECANCELED));
    const [readOutcome, receivedOutcome] = await outcomes;
    expect(['ECANCELED', 'EINTR']).toContain(
      readOutcome.status === 'rejected' && readOutcome.reason.code,
    );
    expect(receivedOutcome).toMatchObject({ reason: { message: expect.stringContaining('-125') } });
    expect(leaks()).toBe(0);
  });

  it('right after the initiation completes what was never submitted', async () => {
    const proactor = open();
    const recorder = new Recorder();
    for (let i = 0; i < 100; i++) {
      proactor.timeout(FOREVER_MS, 0, recorder.handler);
      proactor.nop(recorder.handler);
    }
    await proactor.dispose();
    expect(recorder.results.filter((result) => result === -ECANCELED)).toHaveLength(100);
    expect(recorder.results.filter((result) => result === 0)).toHaveLength(100);
  });

  it('with no time left still calls every handler', async () => {
    const proactor = open({ disposeTimeoutMs: 0 });
    const { reader } = pipe();
    const recorder = new Recorder();
    for (let i = 0; i < 50; i++) {
      proactor.timeout(FOREVER_MS, 0, recorder.handler);
      proactor.read(reader, Buffer.alloc(8), 0, 8, -1, recorder.handler);
      proactor.nop(recorder.handler);
    }
    await proactor.dispose();
    await recorder.reach(150);
    for (const result of recorder.results) expect([0, -ECANCELED, -EINTR]).toContain(result);
  });

  it('is one and the same when it is asked for again, and Symbol.asyncDispose asks for it', async () => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    expect(proactor.disposed).toBe(false);
    const first = proactor.dispose();
    expect(proactor.disposed).toBe(true);
    expect(proactor.dispose()).toBe(first);
    expect(proactor[Symbol.asyncDispose]()).toBe(first);
    expect(await first).toBeUndefined();
    expect(proactor.dispose()).toBe(first);
  });

  it('is told on its diagnostics channel, as opening is', async () => {
    const told: unknown[] = [];
    const listen = (message: unknown): unknown => told.push(message);
    for (const channel of [channels.open, channels.dispose]) {
      channel.subscribe(listen);
      atEnd(() => channel.unsubscribe(listen));
    }
    const proactor = open();
    expect(told).toEqual([{ proactor }]);
    await proactor.dispose();
    expect(told).toEqual([{ proactor }, { proactor, leaked: 0 }]);
  });

  it('of an idle one leaves nothing behind, however often', async () => {
    await open().dispose();
    const descriptors = openDescriptors();
    const threads = runningThreads();
    for (let i = 0; i < 30; i++) {
      const proactor = open();
      if (i % 2 === 0) await proactor.nop();
      proactor.timeout(FOREVER_MS, 0, () => {});
      await proactor.dispose();
    }
    expect(openDescriptors()).toBe(descriptors);
    // A thread of the kernel's may have been on its way out when they were counted first.
    expect(runningThreads()).toBeLessThanOrEqual(threads);
  });
});

describeAll('dispose from within a handler', ({ open }) => {
  it('lets the rest of the batch be dispatched', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const end = new Promise<void>((resolve, reject) => {
      proactor.nop(() => {
        proactor.dispose().then(resolve, reject);
      });
    });
    for (let i = 0; i < 100; i++) proactor.nop(recorder.handler);
    const long = new Recorder();
    proactor.timeout(FOREVER_MS, 0, long.handler);
    await end;
    expect(recorder.results).toEqual(Array(100).fill(0));
    expect(long.results).toEqual([-ECANCELED]);
  });

  it('works in the last completion of all, and with no time left', async () => {
    for (const disposeTimeoutMs of [2000, 0]) {
      const proactor = open({ disposeTimeoutMs });
      const recorder = new Recorder();
      await new Promise<void>((resolve, reject) => {
        for (let i = 0; i < 10; i++) proactor.nop(recorder.handler);
        proactor.nop(() => proactor.dispose().then(resolve, reject));
        for (let i = 0; i < 10; i++) proactor.nop(recorder.handler);
      });
      await recorder.reach(20);
    }
  });

  itWithOperation('timeoutMultishot')(
    'works in each completion of a multishot operation',
    async () => {
      const proactor = open();
      const recorder = new Recorder();
      await new Promise<void>((resolve, reject) => {
        proactor.timeoutMultishot(1, 0, 0, (result, flags) => {
          recorder.handler(result, flags);
          proactor.dispose().then(resolve, reject);
        });
      });
      expect((await recorder.last()).result).toBe(-ECANCELED);
    },
  );

  it('works in the handler that completes because of it', async () => {
    const proactor = open();
    const again = completionOf((handler) => {
      proactor.timeout(FOREVER_MS, 0, (result, flags) => {
        proactor.dispose();
        handler(result, flags);
      });
    });
    await proactor.dispose();
    expect((await again).result).toBe(-ECANCELED);
  });
});

describeEach('a disposed proactor', ({ open }) => {
  const calls: readonly (readonly [string, (proactor: Proactor) => unknown])[] = [
    ['nop', (proactor) => proactor.nop()],
    ['nop with a handler', (proactor) => proactor.nop(() => {})],
    ['read', (proactor) => proactor.read(0, Buffer.alloc(1))],
    ['write', (proactor) => proactor.write(1, Buffer.alloc(1))],
    ['timeout', (proactor) => proactor.timeout(1)],
    ['accept', (proactor) => proactor.accept(0)],
    ['connect', (proactor) => proactor.connect(0, { address: '127.0.0.1', port: 1 })],
    ['recvMultishot', (proactor) => proactor.recvMultishot(0, proactor.buffers, 0, () => {})],
    ['asyncCancelAll', (proactor) => proactor.asyncCancelAll()],
  ];
  const later: typeof calls = [
    ['cancel', (proactor) => proactor.cancel(1)],
    ['link', (proactor) => proactor.link()],
    ['allocate', (proactor) => proactor.allocate(1)],
    ['deferCompletion', (proactor) => proactor.deferCompletion()],
  ];

  it.each([...calls, ...later])('%s throws ERR_PROACTOR_DISPOSED', async (_name, call) => {
    const proactor = open();
    await proactor.dispose();
    expect(() => call(proactor)).toThrow(disposed);
  });

  it.each(calls)('%s throws it from the call of dispose() on', async (_name, call) => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    const end = proactor.dispose();
    expect(() => call(proactor)).toThrow(disposed);
    await end;
  });

  it('still tells its figures, and its memory can be read', async () => {
    const proactor = open();
    const memory = proactor.allocate(10);
    memory.bytes.fill(3);
    await proactor.nop();
    await proactor.dispose();
    expect(proactor.stats()).toMatchObject({ inFlight: 0, blocksLent: 0 });
    expect(memory.bytes.equals(Buffer.alloc(10, 3))).toBe(true);
    expect(proactor.buffers.memory.bytes[0]).toBe(0);
  });

  it('takes no notice of late signals and references', async () => {
    const proactor = open({ disposeTimeoutMs: 0 });
    const controller = new AbortController();
    const { reader } = pipe();
    const promises = [
      proactor.timeout(FOREVER_MS, 0, { signal: controller.signal }),
      proactor.read(reader, Buffer.alloc(1), 0, 1, -1, { signal: controller.signal }),
    ];
    const id = proactor.timeout(FOREVER_MS, 0, () => {});
    const outcomes = Promise.allSettled(promises);
    await proactor.dispose();
    controller.abort();
    proactor.refOperation(id);
    proactor.unrefOperation(id);
    for (const { status } of await outcomes) expect(status).toBe('rejected');
  });

  it('takes back received bytes, which can be read until then', async () => {
    const proactor = open({ buffers: { count: 2, size: 1024 } });
    const { buffers } = proactor;
    const { near, far } = await tcpPair(proactor);
    const recorder = new Recorder();
    proactor.recvMultishot(near, buffers, 0, recorder.handler);
    await proactor.send(far, Buffer.alloc(3000, 5));
    await recorder.last();
    const chunks = recorder.completions.filter(({ result }) => result > 0);
    const offsets = chunks.map(({ result, flags }) => buffers.take(result, flags));
    expect(buffers.provided).toBe(0);
    let resumed = 0;
    buffers.whenAvailable(() => resumed++);
    await proactor.dispose();
    expect(buffers.memory.bytes.subarray(0, 2048).equals(Buffer.alloc(2048, 5))).toBe(true);
    buffers.whenAvailable(() => resumed++);
    for (const offset of offsets) buffers.release(offset);
    expect(buffers.provided).toBe(2);
    expect(resumed).toBe(2);
  });

  it('is disposed of although a handler goes on initiating', async () => {
    const proactor = open();
    const codes: unknown[] = [];
    const loop = async (): Promise<void> => {
      try {
        for (;;) await proactor.timeout(1).catch(() => {});
      } catch (error) {
        codes.push((error as NodeJS.ErrnoException).code);
      }
    };
    const loops = [loop(), loop()];
    await delay(5);
    const start = performance.now();
    await proactor.dispose();
    await Promise.all(loops);
    expect(codes).toEqual(['ERR_PROACTOR_DISPOSED', 'ERR_PROACTOR_DISPOSED']);
    expect(performance.now() - start).toBeLessThan(patient(1500));
  });
});

describeEach('await using', (dispatcher: Dispatcher) => {
  it('disposes at the end of the block', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      const run = async (): Promise<void> => {
        const proactor = open();
        try {
          proactor.timeout(60_000, 0, (result) => console.log(result));
        } finally {
          await proactor[Symbol.asyncDispose]();
        }
        console.log('disposed');
      };
      run();
    });
    expect(ended).toMatchObject({ code: 0, stdout: '-125\ndisposed\n', timedOut: false });
  });
});

describeEach('many proactors at once', ({ options }) => {
  it('are disposed of together', async () => {
    const descriptors = openDescriptors();
    const proactors = Array.from({ length: 20 }, () => new Proactor(options));
    const recorder = new Recorder();
    for (const proactor of proactors) {
      proactor.timeout(FOREVER_MS, 0, recorder.handler);
      proactor.nop(recorder.handler);
    }
    await Promise.all(proactors.map((proactor) => proactor.dispose()));
    expect(recorder.results.sort()).toEqual([...Array(20).fill(-ECANCELED), ...Array(20).fill(0)]);
    expect(openDescriptors()).toBe(descriptors);
  });
});
