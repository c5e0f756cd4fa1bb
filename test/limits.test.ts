// Every queue is bounded, and every limit has a behaviour: nothing is lost and nothing hangs.
import { expect, it } from '@jest/globals';
import { completionOf, Recorder } from './support/completions';
import { describeAll, leaksOf } from './support/dispatchers';
import { patterned } from './support/files';
import { receiveAll, sendAll } from './support/receive';
import { tcpPair } from './support/sockets';

const FOREVER_MS = 60_000;
const exhausted = expect.objectContaining({ code: 'ERR_PROACTOR_OPERATIONS_EXHAUSTED' });

describeAll('maxOperations', ({ open }) => {
  it('is a clear error when it is exceeded, and recovers when operations complete', async () => {
    const proactor = open({ maxOperations: 16 });
    const recorder = new Recorder();
    const ids = Array.from({ length: 16 }, () => proactor.timeout(FOREVER_MS, 0, recorder.handler));
    expect(() => proactor.nop(recorder.handler)).toThrow(exhausted);
    expect(() => proactor.nop()).toThrow(exhausted);
    expect(() => proactor.read(0, Buffer.alloc(1))).toThrow(exhausted);
    expect(proactor.stats()).toMatchObject({ submitted: 16, inFlight: 16, blocksLent: 16 });
    // Where everything is in use, cancelling is what must still work.
    for (const id of ids) expect(proactor.cancel(id)).toBe(true);
    await recorder.reach(16);
    expect(recorder.results).toEqual(Array(16).fill(-125));
    const again = new Recorder();
    for (let i = 0; i < 16; i++) proactor.nop(again.handler);
    await again.reach(16);
  });

  it('that is reached lets a signal abort, and the proactor end', async () => {
    const proactor = open({ maxOperations: 16 });
    const leaks = leaksOf(proactor);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = proactor.timeout(FOREVER_MS, 0, { signal });
    const rest = Array.from({ length: 15 }, () => proactor.timeout(FOREVER_MS));
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const recorder = new Recorder();
    proactor.timeout(FOREVER_MS, 0, recorder.handler);
    const ends = Promise.allSettled(rest);
    await proactor.dispose();
    for (const end of await ends) expect(end).toMatchObject({ reason: { code: 'ECANCELED' } });
    expect(recorder.results).toEqual([-125]);
    expect(leaks()).toBe(0);
  });

  it('holds for a great many operations', async () => {
    const proactor = open({ maxOperations: 20_000 });
    const recorder = new Recorder();
    for (let i = 0; i < 20_000; i++) proactor.nop(recorder.handler);
    expect(() => proactor.nop(recorder.handler)).toThrow(exhausted);
    await recorder.reach(20_000);
    expect(proactor.stats()).toMatchObject({ completed: 20_000, inFlight: 0 });
  });
});

describeAll('a full submission queue', ({ open }) => {
  it('is flushed and goes on', async () => {
    const proactor = open({ entries: 8 });
    const order: number[] = [];
    const done = new Recorder();
    for (let i = 0; i < 500; i++) {
      proactor.nop((result, flags) => {
        order.push(i);
        done.handler(result, flags);
      });
    }
    expect(proactor.stats().submissionQueueFull).toBeGreaterThan(0);
    await done.reach(500);
    expect(order).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it('keeps linked operations together', async () => {
    const proactor = open({ entries: 8 });
    const failed = new Recorder();
    for (let chain = 0; chain < 100; chain++) {
      // One more or less, so that chains begin anywhere in the queue.
      for (let i = 0; i < chain % 5; i++) proactor.nop(() => {});
      proactor.link();
      proactor.fsync(1_000_000, 0, () => {});
      proactor.link();
      proactor.nop(failed.handler);
      proactor.nop(failed.handler);
    }
    await failed.reach(200);
    expect(failed.results).toEqual(Array(200).fill(-125));
  });
});

describeAll('an overflown completion queue', ({ open }) => {
  it('loses no completion', async () => {
    const proactor = open({ entries: 8 });
    const recorder = new Recorder();
    for (let i = 0; i < 3000; i++) proactor.nop(recorder.handler);
    await recorder.reach(3000);
    expect(recorder.results).toEqual(Array(3000).fill(0));
    expect(proactor.stats()).toMatchObject({ completed: 3000, inFlight: 0, staleCompletions: 0 });
    expect(proactor.stats().overflows).toBeGreaterThan(0);
  });

  it('loses no byte of multishot receives', async () => {
    const proactor = open({ entries: 8, buffers: { count: 64, size: 1024 } });
    const pairs = await Promise.all(Array.from({ length: 10 }, () => tcpPair(proactor)));
    await Promise.all(
      pairs.map(async ({ near, far }, index) => {
        const bytes = patterned(200_000 + index, index);
        const [received] = await Promise.all([
          receiveAll(proactor, near),
          sendAll(proactor, far, bytes),
        ]);
        expect(received.equals(bytes)).toBe(true);
      }),
    );
    expect(proactor.stats()).toMatchObject({ inFlight: 0, buffersProvided: 64 });
  });

  it('does not keep cancelled operations from completing', async () => {
    const proactor = open({ entries: 8 });
    const recorder = new Recorder();
    for (let i = 0; i < 1000; i++) proactor.timeout(FOREVER_MS, 0, recorder.handler);
    const { result } = await completionOf((handler) => proactor.asyncCancelAll(handler));
    expect(result).toBeGreaterThanOrEqual(1000);
    await recorder.reach(1000);
    expect(recorder.results).toEqual(Array(1000).fill(-125));
  });
});
