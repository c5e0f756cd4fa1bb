// Completion handlers: what they may do, what happens when they throw, and in which order things run.
import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from '@jest/globals';
import type { Proactor } from 'proactor';
import { RESULT_IS_DESCRIPTOR, SUBMISSION_TAIL } from '#lib/ring/layout';
import { runProgram } from './support/child';
import { completionOf, delay, Recorder } from './support/completions';
import { type Dispatcher, describeAll, describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';
import { openDescriptors } from './support/files';

describeAll('a handler that throws', (dispatcher: Dispatcher) => {
  it('ends the process with status 1 and its error, as any uncaught exception', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      const proactor = open();
      proactor.nop(() => console.log('first'));
      proactor.nop(() => {
        throw new Error('thrown by a handler');
      });
      proactor.nop(() => console.log('after the throwing one'));
      process.on('exit', (code) => console.log('exit', code));
    });
    expect(ended).toMatchObject({ code: 1, timedOut: false });
    expect(ended.stdout).toBe('first\nexit 1\n');
    expect(ended.stderr).toContain('Error: thrown by a handler');
  });

  it('loses nothing of its batch where the exception is listened to', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      const proactor = open();
      let caught = 0;
      let ran = 0;
      process.on('uncaughtException', (error: Error, origin) => {
        if (error.message !== 'odd' || origin !== 'uncaughtException') throw error;
        caught++;
      });
      for (let i = 0; i < 100; i++) {
        proactor.nop(() => {
          ran++;
          if (i % 2 === 1) throw new Error('odd');
        });
      }
      process.on('exit', () => console.log(ran, caught, proactor.stats().inFlight));
    });
    expect(ended).toMatchObject({ code: 0, stdout: '100 50 0\n', stderr: '', timedOut: false });
  });

  it('keeps what it initiated before it threw', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      const proactor = open();
      process.on('uncaughtException', (error) => console.log('caught', error.message));
      proactor.nop(() => {
        proactor.nop(() => console.log('initiated before'));
        throw new Error('then thrown');
      });
    });
    expect(ended).toMatchObject({
      code: 0,
      stdout: 'caught then thrown\ninitiated before\n',
      timedOut: false,
    });
  });

  itWithOperation('timeoutMultishot')(
    'of a multishot operation is called for the next completion all the same',
    async () => {
      const ended = await runProgram(dispatcher, ({ open }) => {
        let calls = 0;
        process.on('uncaughtException', () => {});
        open().timeoutMultishot(1, 5, 0, () => {
          calls++;
          throw new Error('each time');
        });
        process.on('exit', () => console.log(calls));
      });
      expect(ended).toMatchObject({ code: 0, stdout: '5\n', timedOut: false });
    },
  );

  it('throws something that is no error', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      process.on('uncaughtException', (error) => console.log(String(error)));
      open().nop(() => {
        throw undefined;
      });
      open().nop(() => console.log('other'));
    });
    expect(ended.stdout.split('\n').sort()).toEqual(['', 'other', 'undefined']);
    expect(ended).toMatchObject({ code: 0, timedOut: false });
  });
});

describeAll('a handler', ({ open }) => {
  it('may initiate the next operation, and so on', async () => {
    const proactor = open();
    let left = 10_000;
    await new Promise<void>((resolve) => {
      const next = (): void => {
        if (--left === 0) resolve();
        else proactor.nop(next);
      };
      proactor.nop(next);
    });
    expect(proactor.stats()).toMatchObject({ submitted: 10_000, completed: 10_000, inFlight: 0 });
  });

  it('may initiate many operations at once, more than the queue has entries', async () => {
    const proactor = open({ entries: 16 });
    const recorder = new Recorder();
    proactor.nop(() => {
      for (let i = 0; i < 1000; i++) proactor.nop(recorder.handler);
    });
    await recorder.reach(1000);
    expect(recorder.results).toEqual(Array(1000).fill(0));
  });

  it('may cancel another operation, and one that completed in the same batch', async () => {
    const proactor = open();
    const cancelled: boolean[] = [];
    const other = new Recorder();
    const long = proactor.timeout(60_000, 0, other.handler);
    const second = { id: 0 };
    proactor.nop(() => {
      cancelled.push(proactor.cancel(long));
      proactor.cancel(second.id);
    });
    const both = completionOf((handler) => {
      second.id = proactor.nop(handler);
    });
    expect((await both).result).toBe(0);
    await other.reach(1);
    expect(cancelled).toEqual([true]);
    expect(other.results).toEqual([-125]);
  });

  it('runs before the ticks and promises of its batch, and those before the next operations', async () => {
    const proactor = open();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      proactor.nop(() => {
        order.push('handler');
        proactor.nop(() => {
          order.push('next handler');
          resolve();
        });
        Promise.resolve().then(() => order.push('promise'));
        process.nextTick(() => order.push('tick'));
      });
    });
    expect(order).toEqual(['handler', 'tick', 'promise', 'next handler']);
  });

  it('lets timers, immediates and promises of its own run', async () => {
    const proactor = open();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      proactor.nop(() => {
        setTimeout(() => {
          order.push('timer');
          resolve();
        }, 15);
        setImmediate(() => order.push('immediate'));
        queueMicrotask(() => order.push('microtask'));
      });
    });
    expect(order).toEqual(['microtask', 'immediate', 'timer']);
  });
});

describeAll('AsyncLocalStorage', ({ open }) => {
  it('is kept through the promises of operations, those in parallel each with their own', async () => {
    const proactor = open();
    const storage = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        storage.run(i, async () => {
          await proactor.timeout((i * 7) % 13);
          const first = storage.getStore();
          await proactor.nop();
          return [first, storage.getStore()];
        }),
      ),
    );
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => [i, i]));
  });
});

/** Submits a NOP, or a SOCKET (45), that completes for a slot as nobody uses it. */
function submitStale(proactor: Proactor, opcode: 0 | 45, slot: number, generation: number): void {
  const { ring } = proactor;
  const entry = ring.begin(opcode);
  if (opcode === 45) {
    entry.fd = 2; // AF_INET
    entry.offset = 1; // SOCK_STREAM
  }
  entry.address(slot, generation);
  ring.control[SUBMISSION_TAIL]!++;
  ring.flush();
}

describeEach('a completion that nobody waits for', ({ open }) => {
  it('is counted and dropped, whatever slot it names', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.timeout(60_000, 0, recorder.handler);
    const slot = proactor.ring.handlers.slotOf(id);
    const generation = proactor.ring.handlers.userDataHigh(id);
    const wrong = [
      [slot, generation + 1],
      [slot, generation + 2],
      [slot + 1, 0],
      [1_000_000, 0],
      [-1, 5],
    ] as const;
    for (const [index, [staleSlot, staleGeneration]] of wrong.entries()) {
      submitStale(proactor, 0, staleSlot, staleGeneration);
      await proactor.nop();
      expect(proactor.stats().staleCompletions).toBe(index + 1);
    }
    expect(recorder.completions).toEqual([]);
    proactor.cancel(id);
    await recorder.reach(1);
  });

  it('has its descriptor closed', async () => {
    const proactor = open();
    await proactor.nop();
    const before = openDescriptors();
    for (let i = 0; i < 10; i++) submitStale(proactor, 45, 500 + i, 7 | RESULT_IS_DESCRIPTOR);
    await proactor.nop();
    while (proactor.stats().staleCompletions < 10) await delay(1);
    expect(openDescriptors()).toBe(before);
  });
});
