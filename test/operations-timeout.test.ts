// Timeouts: relative, absolute, repeated, updated, removed, and linked to another operation.
import { performance } from 'node:perf_hooks';
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { completionOf, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';
import { pipe } from './support/files';

const { ECANCELED, ENOENT, ETIME, IORING_CQE_F_MORE } = constants;
const FOREVER_MS = 60_000;

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

describeAll('timeout', ({ open }) => {
  it('completes with ETIME after its time, not before', async () => {
    const proactor = open();
    const waited = completionOf((handler) => proactor.timeout(30, 0, handler));
    expect(await elapsedMs(waited)).toBeGreaterThanOrEqual(29.9);
    expect(await waited).toEqual({ result: -ETIME, flags: 0 });
  });

  it('fulfils its promise with 0', async () => {
    expect(await open().timeout(1)).toBe(0);
  });

  it('takes fractions of a millisecond and 0', async () => {
    const proactor = open();
    expect(await elapsedMs(proactor.timeout(0.25))).toBeGreaterThanOrEqual(0.25);
    expect(await proactor.timeout(0)).toBe(0);
  });

  it('can be absolute, on the monotonic clock and on the wall clock', async () => {
    const proactor = open();
    const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
    let targetMs = monotonicMs() + 20;
    await proactor.timeout(targetMs, constants.IORING_TIMEOUT_ABS);
    expect(monotonicMs()).toBeGreaterThanOrEqual(targetMs);
    targetMs = Date.now() + 20;
    const flags = constants.IORING_TIMEOUT_ABS | constants.IORING_TIMEOUT_REALTIME;
    await proactor.timeout(targetMs, flags);
    expect(Date.now()).toBeGreaterThanOrEqual(targetMs);
  });

  it('lies in the past: completes at once', async () => {
    const proactor = open();
    expect(await proactor.timeout(1, constants.IORING_TIMEOUT_ABS)).toBe(0);
  });

  it('completes in the order of time, not of initiation', async () => {
    const proactor = open();
    const order: string[] = [];
    // Far apart: of timeouts that are both over when the program runs again, Linux 6.1 reports the last one first.
    await Promise.all([
      proactor.timeout(300).then(() => order.push('late')),
      proactor.timeout(20).then(() => order.push('early')),
    ]);
    expect(order).toEqual(['early', 'late']);
  });

  it('ends with an AbortError by its signal', async () => {
    const proactor = open();
    const promise = proactor.timeout(FOREVER_MS, 0, { signal: AbortSignal.timeout(10) });
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describeEach('timeoutMultishot', ({ open }) => {
  const itThere = itWithOperation('timeoutMultishot');

  itThere('completes as many times as asked for, the last without F_MORE', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.timeoutMultishot(5, 3, 0, recorder.handler);
    await recorder.reach(3);
    expect(recorder.completions).toEqual([
      { result: -ETIME, flags: IORING_CQE_F_MORE },
      { result: -ETIME, flags: IORING_CQE_F_MORE },
      { result: -ETIME, flags: 0 },
    ]);
    expect(proactor.stats()).toMatchObject({ submitted: 1, completed: 1, completions: 3 });
  });

  itThere('goes on without end for a count of 0, until it is cancelled', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeoutMultishot(2, 0, 0, recorder.handler);
    await recorder.reach(6);
    expect(proactor.cancel(id)).toBe(true);
    expect((await recorder.last()).result).toBe(-ECANCELED);
    expect(proactor.cancel(id)).toBe(false);
  });
});

describeEach('timeoutRemove and timeoutUpdate', ({ open }) => {
  it('removes: the timeout completes with ECANCELED', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    expect(await proactor.timeoutRemove(id)).toBe(0);
    await recorder.reach(1);
    expect(recorder.results).toEqual([-ECANCELED]);
  });

  it('updates: the timeout completes after its new duration', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    const updated = proactor.timeoutUpdate(id, 20);
    expect(await elapsedMs(recorder.reach(1))).toBeGreaterThanOrEqual(19);
    expect(await updated).toBe(0);
    expect(recorder.results).toEqual([-ETIME]);
  });

  it('says ENOENT about a timeout that is over', async () => {
    const proactor = open();
    let id = 0;
    await completionOf((handler) => {
      id = proactor.timeout(1, 0, handler);
    });
    const gone = { code: 'ENOENT', errno: -ENOENT };
    await expect(proactor.timeoutRemove(id)).rejects.toMatchObject(gone);
    await expect(proactor.timeoutUpdate(id, 10)).rejects.toMatchObject(gone);
    expect(await completionOf((handler) => proactor.timeoutRemove(id, handler))).toEqual({
      result: -ENOENT,
      flags: 0,
    });
  });
});

describeEach('linkTimeout', ({ open }) => {
  it('strikes: the operation is cancelled and the timeout completes with ETIME', async () => {
    const proactor = open();
    const { reader } = pipe();
    const read = new Recorder();
    proactor.link();
    proactor.read(reader, Buffer.alloc(8), 0, 8, -1, read.handler);
    const limit = proactor.linkTimeout(20);
    expect(await elapsedMs(limit)).toBeGreaterThanOrEqual(19);
    expect(await limit).toBe(1);
    await read.reach(1);
    expect(read.results).toEqual([-ECANCELED]);
  });

  it('does not strike where the operation is faster', async () => {
    const proactor = open();
    const { reader, writer } = pipe();
    const read = new Recorder();
    const limit = new Recorder();
    proactor.link();
    proactor.read(reader, Buffer.alloc(8), 0, 8, -1, read.handler);
    proactor.linkTimeout(FOREVER_MS, 0, limit.handler);
    await proactor.write(writer, Buffer.from('12345678'));
    await Promise.all([read.reach(1), limit.reach(1)]);
    expect(read.results).toEqual([8]);
    expect(limit.results).toEqual([-ECANCELED]);
  });
});
