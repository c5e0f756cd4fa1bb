// Cancelling: by operation, by descriptor, everything. It is a request; the operation's own completion tells the outcome.
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { completionOf, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';
import { pipe } from './support/files';

const { ECANCELED, ENOENT } = constants;
const FOREVER_MS = 60_000;

describeAll('cancel', ({ open }) => {
  it('ends an operation in flight, which completes with ECANCELED', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    expect(proactor.cancel(id)).toBe(true);
    await recorder.reach(1);
    expect(recorder.completions).toEqual([{ result: -ECANCELED, flags: 0 }]);
  });

  it('ends an operation that waits for data', async () => {
    const proactor = open();
    const { reader } = pipe();
    const recorder = new Recorder();
    const id = proactor.read(reader, Buffer.alloc(4), 0, 4, -1, recorder.handler);
    await proactor.nop();
    expect(proactor.cancel(id)).toBe(true);
    await recorder.reach(1);
    expect([-ECANCELED, -constants.EINTR]).toContain(recorder.results[0]);
  });

  it('returns false once the operation completed', async () => {
    const proactor = open();
    let id = 0;
    await completionOf((handler) => {
      id = proactor.nop(handler);
    });
    expect(proactor.cancel(id)).toBe(false);
  });

  it('does not end another operation that uses the same slot again', async () => {
    const proactor = open({ maxOperations: 16 });
    const ids: number[] = [];
    for (let i = 0; i < 20; i++) {
      await completionOf((handler) => ids.push(proactor.nop(handler)));
    }
    const recorder = new Recorder();
    const current = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    for (const id of ids) expect(proactor.cancel(id)).toBe(false);
    for (const id of ids) {
      const asked = await completionOf((handler) => proactor.asyncCancel(id, handler));
      expect(asked.result).toBe(-ENOENT);
    }
    expect(recorder.completions).toEqual([]);
    proactor.cancel(current);
    await recorder.reach(1);
  });

  itWithOperation('timeoutMultishot')(
    'ends an operation that completes many times, also while it does',
    async () => {
      const proactor = open();
      for (let round = 0; round < 100; round++) {
        const recorder = new Recorder();
        const id = proactor.timeoutMultishot(0.2, 0, 0, (result, flags) => {
          recorder.handler(result, flags);
          if (recorder.completions.length === 1 + (round % 3)) proactor.cancel(id);
        });
        expect((await recorder.last()).result).toBe(-ECANCELED);
        expect(proactor.cancel(id)).toBe(false);
      }
    },
  );

  it('can be asked for within the turn of the initiation, many times', async () => {
    const proactor = open();
    const recorder = new Recorder();
    for (let i = 0; i < 100; i++) {
      const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
      proactor.cancel(id);
      proactor.cancel(id);
    }
    await recorder.reach(100);
    expect(new Set(recorder.results)).toEqual(new Set([-ECANCELED]));
  });
});

describeEach('asyncCancel', ({ open }) => {
  it('fulfils its promise with 0, and rejects with ENOENT where there is nothing to cancel', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    expect(await proactor.asyncCancel(id)).toBe(0);
    await recorder.reach(1);
    await expect(proactor.asyncCancel(id)).rejects.toMatchObject({
      code: 'ENOENT',
      errno: -ENOENT,
      syscall: 'asyncCancel',
    });
  });
});

describeEach('asyncCancelDescriptor', ({ open }) => {
  it("ends all operations on the descriptor and no other's", async () => {
    const proactor = open();
    const wanted = pipe();
    const other = pipe();
    const recorder = new Recorder();
    const untouched = new Recorder();
    for (let i = 0; i < 3; i++) {
      proactor.pollAdd(wanted.reader, constants.POLLIN, recorder.handler);
    }
    proactor.pollAdd(other.reader, constants.POLLIN, untouched.handler);
    expect(await proactor.asyncCancelDescriptor(wanted.reader)).toBe(3);
    await recorder.reach(3);
    expect(recorder.results).toEqual([-ECANCELED, -ECANCELED, -ECANCELED]);
    expect(untouched.completions).toEqual([]);
    await proactor.write(other.writer, Buffer.from('x'));
    await untouched.reach(1);
    expect(untouched.results).toEqual([constants.POLLIN]);
  });

  it('cancels nothing on a descriptor without operations', async () => {
    const proactor = open();
    expect(await proactor.asyncCancelDescriptor(pipe().reader)).toBe(0);
  });
});

describeEach('asyncCancelAll', ({ open }) => {
  it('ends everything, and the proactor goes on afterwards', async () => {
    const proactor = open();
    const { reader } = pipe();
    const recorder = new Recorder();
    proactor.timeout(FOREVER_MS, 0, recorder.handler);
    proactor.pollAdd(reader, constants.POLLIN, recorder.handler);
    proactor.pollMultishot(reader, constants.POLLIN, recorder.handler);
    expect(await proactor.asyncCancelAll()).toBeGreaterThanOrEqual(3);
    await recorder.reach(3);
    expect(recorder.results).toEqual([-ECANCELED, -ECANCELED, -ECANCELED]);
    // The dispatcher's own operations were cancelled with the rest: it has to make them anew.
    expect(await proactor.timeout(5)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await proactor.nop()).toBe(0);
  });
});
