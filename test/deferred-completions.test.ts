// Completions that nobody waits for: they need not wake anybody, but nothing may ever be lost or stuck by that.
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { runProgram } from './support/child';
import { delay, Recorder } from './support/completions';
import { type Dispatcher, describeAll, describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';

const FOREVER_MS = 60_000;

describeEach('a deferred completion', (dispatcher: Dispatcher) => {
  it('wakes nobody up: it is dispatched together with the next one', async () => {
    const ended = await runProgram(dispatcher, ({ open, require }) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const os = require('node:os') as typeof import('node:os');
      const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
      const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
      const folder = fs.mkdtempSync(`${os.tmpdir()}/proactor-test-`);
      execFileSync('mkfifo', [`${folder}/pipe`]);
      const fd = fs.openSync(`${folder}/pipe`, fs.constants.O_RDWR);
      fs.rmSync(folder, { recursive: true });
      const proactor = open();
      let received = 0;
      for (let i = 0; i < 20; i++) {
        proactor.deferCompletion();
        proactor.read(fd, Buffer.alloc(1), 0, 1, -1, () => received++);
      }
      // Writes a byte every ten milliseconds, and says nothing of it to this thread.
      const write = `for (let i = 0; i < 20; i++) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        require('node:fs').writeSync(${fd}, 'x');
      }
      Atomics.store(require('node:worker_threads').workerData, 0, 1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);`;
      const written = new Int32Array(new SharedArrayBuffer(4));
      new Worker(write, { eval: true, workerData: written }).unref();
      let looks = 0;
      const tell = (): void => {
        const batches = proactor.stats().batches - looks;
        console.log(received, batches < 10 ? 'in few batches' : 'in many');
        process.exit();
      };
      const look = (): void => {
        looks++;
        // The last byte may have been written since this batch was begun: another batch has its completion.
        if (Atomics.load(written, 0) === 0) proactor.timeout(800, 0, look);
        else proactor.timeout(10, 0, tell);
      };
      proactor.timeout(800, 0, look);
    });
    expect(ended).toMatchObject({ code: 0, stdout: '20 in few batches\n', timedOut: false });
  });
});

describeAll('a deferred completion', (dispatcher: Dispatcher) => {
  const { open } = dispatcher;

  it('comes at once where nothing else keeps the process alive', async () => {
    const ended = await runProgram(dispatcher, ({ open: openOne }) => {
      const proactor = openOne();
      proactor.unrefOperation(proactor.timeout(60_000, 0, () => {}));
      proactor.deferCompletion();
      proactor.nop(() => {
        console.log('first');
        proactor.deferCompletion();
        proactor.timeout(1, 0, () => console.log('last'));
      });
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'first\nlast\n', timedOut: false });
  });

  itWithOperation('timeoutMultishot')(
    'comes at once at each step of a multishot operation, where nothing else keeps the process alive',
    async () => {
      const ended = await runProgram(dispatcher, ({ open: openOne }) => {
        const proactor = openOne();
        proactor.deferCompletion();
        proactor.timeoutMultishot(1, 3, 0, (_result, flags) => {
          console.log((flags & 2) === 0 ? 'last' : 'more');
        });
      });
      expect(ended).toMatchObject({ code: 0, stdout: 'more\nmore\nlast\n', timedOut: false });
    },
  );

  it('comes when it is hastened', async () => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    for (let i = 0; i < 20; i++) {
      const recorder = new Recorder();
      proactor.deferCompletion();
      const id = proactor.timeoutRemove(1, recorder.handler); // fails, or there is such a timeout
      proactor.hastenCompletion(id);
      proactor.hastenCompletion(id);
      await recorder.reach(1);
      proactor.hastenCompletion(id);
      proactor.deferCompletion();
      const again = proactor.nop(recorder.handler);
      if (i % 2 === 0) await delay(1);
      proactor.hastenCompletion(again);
      await recorder.reach(2);
    }
  });

  it('comes at once where it is a failure', async () => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    proactor.deferCompletion();
    await expect(proactor.fsync(1_000_000)).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('is for one operation: the next one is not deferred, nor one after a wrong argument', async () => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    const recorder = new Recorder();
    proactor.deferCompletion();
    proactor.nop(recorder.handler);
    expect(await proactor.nop()).toBe(0);
    expect(recorder.results).toEqual([0]);
    proactor.deferCompletion();
    expect(() => proactor.fsync(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(await proactor.nop()).toBe(0);
  });

  it('is not held back by more than the queue has room for', async () => {
    const proactor = open({ entries: 8 });
    proactor.timeout(FOREVER_MS, 0, () => {});
    const recorder = new Recorder();
    const deferSome = (count: number): void => {
      for (let i = 0; i < count; i++) {
        proactor.deferCompletion();
        proactor.nop(recorder.handler);
      }
    };
    deferSome(500);
    await recorder.reach(450);
    for (let i = 0; i < 20; i++) {
      deferSome(10);
      await delay(1);
    }
    expect(await proactor.nop()).toBe(0);
    expect(recorder.results).toEqual(Array(700).fill(0));
  });

  it('is dispatched by dispose() and by a cancel', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const other = new Recorder();
    proactor.timeout(FOREVER_MS, 0, other.handler);
    proactor.deferCompletion();
    const id = proactor.timeout(FOREVER_MS, 0, recorder.handler);
    proactor.cancel(id);
    await recorder.reach(1);
    proactor.deferCompletion();
    proactor.timeout(FOREVER_MS, 0, recorder.handler);
    proactor.deferCompletion();
    proactor.nop(recorder.handler);
    await proactor.dispose();
    expect(recorder.results.sort()).toEqual([-constants.ECANCELED, -constants.ECANCELED, 0]);
    expect(other.results).toEqual([-constants.ECANCELED]);
  });

  it('leaves timers and other users of the event loop alone', async () => {
    const proactor = open();
    proactor.timeout(FOREVER_MS, 0, () => {});
    for (let i = 0; i < 50; i++) {
      proactor.deferCompletion();
      proactor.nop(() => {});
      await (i % 2 === 0 ? delay(1) : new Promise((resolve) => setImmediate(resolve)));
    }
    expect(proactor.stats().inFlight).toBeLessThanOrEqual(51);
  });
});
