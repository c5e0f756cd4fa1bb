// The simplest operation, and with it what all operations have in common: the handler's form, the promise's form,
// AbortSignal, links and order.
import { getEventListeners } from 'node:events';
import { expect, it } from '@jest/globals';
import { AbortError } from 'proactor';
import { completionOf, Recorder } from './support/completions';
import { describeAll } from './support/dispatchers';

describeAll('nop', ({ open }) => {
  it('calls its handler with result 0 and no flags', async () => {
    const proactor = open();
    expect(await completionOf((handler) => proactor.nop(handler))).toEqual({ result: 0, flags: 0 });
  });

  it('fulfils its promise with 0', async () => {
    expect(await open().nop()).toBe(0);
  });

  it('calls no handler before it returned', async () => {
    const proactor = open();
    const calls: string[] = [];
    const done = completionOf((handler) => {
      proactor.nop((result, flags) => {
        calls.push('handler');
        handler(result, flags);
      });
      calls.push('initiated');
    });
    await Promise.resolve();
    calls.push('microtask');
    await done;
    expect(calls).toEqual(['initiated', 'microtask', 'handler']);
  });

  it('returns another id for each use', async () => {
    const proactor = open();
    const ids = new Set<number>();
    for (let i = 0; i < 100; i++) {
      await completionOf((handler) => ids.add(proactor.nop(handler)));
    }
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toBeGreaterThan(0);
  });

  it('completes in the order of initiation when many are initiated at once', async () => {
    const proactor = open();
    const order: number[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 5000; i++) {
        proactor.nop(() => {
          if (order.push(i) === 5000) resolve();
        });
      }
    });
    expect(order).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it('counts what was submitted and completed', async () => {
    const proactor = open();
    const recorder = new Recorder();
    for (let i = 0; i < 10; i++) proactor.nop(recorder.handler);
    expect(proactor.stats()).toMatchObject({ submitted: 10, completed: 0, inFlight: 10 });
    await recorder.reach(10);
    const stats = proactor.stats();
    expect(stats).toMatchObject({ submitted: 10, completed: 10, completions: 10, inFlight: 0 });
    expect(stats.enters).toBeGreaterThan(0);
    expect(stats.batches).toBeGreaterThan(0);
  });
});

describeAll('an AbortSignal', ({ open }) => {
  it('that is aborted already rejects and initiates nothing', async () => {
    const proactor = open();
    const reason = new Error('enough');
    const promise = proactor.nop({ signal: AbortSignal.abort(reason) });
    await expect(promise).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: reason,
    });
    expect(proactor.stats().submitted).toBe(0);
  });

  it('aborts an operation in flight with an AbortError', async () => {
    const proactor = open();
    const controller = new AbortController();
    const promise = proactor.timeout(60_000, 0, { signal: controller.signal });
    controller.abort();
    await expect(promise).rejects.toBeInstanceOf(AbortError);
    expect(proactor.stats().inFlight).toBeLessThanOrEqual(1); // the cancel's own completion
  });

  it('is not listened to any more once the operation completed', async () => {
    const proactor = open();
    const { signal } = new AbortController();
    const promise = proactor.nop({ signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await promise;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('leaves a result alone that came before it', async () => {
    const proactor = open();
    const controller = new AbortController();
    const promise = proactor.nop({ signal: controller.signal });
    await proactor.nop();
    controller.abort();
    expect(await promise).toBe(0);
  });
});
