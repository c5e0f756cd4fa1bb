// Several proactors in one process. Of those in loop dispatch one sleeps in the kernel for the whole event loop, the others
// are woken by an eventfd; none may wait for another.
import { describe, expect, it } from '@jest/globals';
import type { Proactor, ProactorOptions } from 'proactor';
import { atEnd } from './support/cleanup';
import { completionOf, delay, Recorder } from './support/completions';
import { open } from './support/dispatchers';
import { openFile, patterned, pipe, temporaryFile } from './support/files';
import { patient } from './support/pace';
import { receiveAll, sendAll } from './support/receive';
import { tcpPair } from './support/sockets';

const FOREVER_MS = 60_000;
// What nobody wakes up for waits for the event loop's next timer, the test's own limit at the latest.
const PROMPT_MS = patient(2000);
const loop: ProactorOptions = { dispatch: 'loop' };
const eventfd: ProactorOptions = { dispatch: 'loop', eventfd: true };
const thread: ProactorOptions = { dispatch: 'thread' };
const sleeps = (proactor: Proactor): boolean => proactor.ring.setUp.sleepsInRing === true;

/** Lets it sleep without end: something is in flight, and nothing of it completes. */
function busy(proactor: Proactor): Proactor {
  proactor.timeout(FOREVER_MS, 0, () => {});
  return proactor;
}

const sets: Readonly<Record<string, readonly ProactorOptions[]>> = {
  'three in loop dispatch': [loop, loop, loop],
  'one with an eventfd, then one that sleeps': [eventfd, loop],
  'one that sleeps, then one with an eventfd': [loop, eventfd],
  'one of each': [thread, loop, eventfd],
  'two I/O threads': [thread, thread],
};

describe.each(Object.entries(sets))('%s', (_name, options) => {
  const openAll = (): Proactor[] => {
    const start = performance.now();
    atEnd(() => expect(performance.now() - start).toBeLessThan(PROMPT_MS));
    return options.map((each) => open(each));
  };

  it('all work at the same time', async () => {
    const proactors = openAll().map(busy);
    await Promise.all(
      proactors.map(async (proactor, index) => {
        const { near, far } = await tcpPair(proactor);
        const bytes = patterned(300_000, index);
        const [received] = await Promise.all([
          receiveAll(proactor, near),
          sendAll(proactor, far, bytes),
        ]);
        expect(received.equals(bytes)).toBe(true);
      }),
    );
  });

  it('one is served while each of the others sleeps', async () => {
    const proactors = openAll().map(busy);
    for (const proactor of proactors) {
      // From a timer: nothing of any proactor's is running.
      await delay(5);
      expect(await proactor.nop()).toBe(0);
      await delay(5);
      expect(await proactor.timeout(5)).toBe(0);
    }
  });

  it("one's handler may initiate operations of another", async () => {
    const proactors = openAll().map(busy);
    for (const from of proactors) {
      for (const to of proactors) {
        await delay(2);
        const recorder = new Recorder();
        from.timeout(2, 0, () => {
          to.nop(recorder.handler);
          to.timeout(2, 0, recorder.handler);
        });
        await recorder.reach(2);
        expect(recorder.results).toEqual([0, -62]);
      }
    }
  });

  it("one's handler may end an operation of another, and the other itself", async () => {
    const proactors = openAll().map(busy);
    const [first, second] = [proactors[0]!, proactors[1]!];
    const recorder = new Recorder();
    const id = second.timeout(FOREVER_MS, 0, recorder.handler);
    const cancelled = new Promise<boolean>((resolve) => {
      first.nop(() => resolve(second.cancel(id)));
    });
    expect(await cancelled).toBe(true);
    await recorder.reach(1);
    expect(recorder.results).toEqual([-125]);
    await new Promise<void>((resolve, reject) => {
      first.nop(() => second.dispose().then(resolve, reject));
    });
    expect(await first.nop()).toBe(0);
  });

  it('bytes pass from one to the next through pipes, again and again', async () => {
    const proactors = openAll().map(busy);
    const { reader, writer } = pipe();
    for (let i = 0; i < 30; i++) {
      const from = proactors[i % proactors.length]!;
      const to = proactors[(i + 1) % proactors.length]!;
      const target = Buffer.alloc(4);
      const read = completionOf((handler) => to.read(reader, target, 0, 4, -1, handler));
      await from.write(writer, Buffer.from(`n${100 + i}`));
      expect((await read).result).toBe(4);
      expect(target.toString()).toBe(`n${100 + i}`);
    }
  });

  it('one that ends leaves the others working, and a new one may take its place', async () => {
    const proactors = openAll().map(busy);
    const file = openFile(temporaryFile('content'));
    for (const proactor of proactors) {
      await proactor.dispose();
      const others = proactors.filter((other) => !other.disposed);
      const replacement = busy(open(loop));
      for (const alive of [...others, replacement]) {
        await delay(2);
        expect(await alive.read(file, Buffer.alloc(7), 0, 7, 0)).toBe(7);
        expect(await alive.timeout(2)).toBe(0);
      }
      await replacement.dispose();
    }
  });
});

it('of those in loop dispatch exactly one sleeps in the kernel at a time', async () => {
  const first = open(loop);
  const second = open(loop);
  expect([sleeps(first), sleeps(second), sleeps(open(eventfd))]).toEqual([true, false, false]);
  await first.dispose();
  expect(sleeps(open(loop))).toBe(true);
});
