// Linked operations: a chain is made of what the program initiates, and of nothing else.
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { constants, type Proactor, TcpStream } from 'proactor';
import { atEnd } from './support/cleanup';
import { Recorder } from './support/completions';
import { describeAll } from './support/dispatchers';
import { pipe } from './support/files';
import { settlesWithin } from './support/pace';

const { ECANCELED, POLLIN } = constants;
const EBADF = -9;
const NO_DESCRIPTOR = 1_000_000;
const FOREVER_MS = 60_000;

type Failing = (proactor: Proactor) => void;

/** Operations that are not initiated, each in a way of its own. */
const failing: readonly (readonly [string, Failing])[] = [
  [
    'was aborted before',
    (proactor) => {
      proactor.nop({ signal: AbortSignal.abort() }).catch(() => {});
    },
  ],
  [
    'has wrong options',
    (proactor) => {
      expect(() => proactor.nop(1 as never)).toThrow();
    },
  ],
  [
    'has its handler in the wrong place',
    (proactor) => {
      expect(() => proactor.read(0, (() => {}) as never)).toThrow();
    },
  ],
  [
    'has a wrong argument',
    (proactor) => {
      expect(() => proactor.fsync(-1)).toThrow();
    },
  ],
];

const lacking: Failing = (proactor) => {
  const expected = expect.objectContaining({ code: 'ERR_PROACTOR_UNSUPPORTED' });
  expect(() => proactor.shutdown(0, 0)).toThrow(expected);
};

async function connected(proactor: Proactor): Promise<TcpStream> {
  const server = createServer((peer) => {
    peer.on('error', () => {});
    atEnd(() => peer.destroy());
  });
  atEnd(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return TcpStream.connect(proactor, { host: '127.0.0.1', port });
}

describeAll('a link', ({ open }) => {
  const fails = EBADF;

  it('starts the second operation after the first', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.link();
    proactor.timeout(30, 1 << 5, recorder.handler); // ETIME counts as success
    proactor.nop(recorder.handler);
    proactor.nop(recorder.handler);
    await recorder.reach(3);
    // The last operation is outside of the chain and overtakes it.
    expect(recorder.results).toEqual([0, -62, 0]);
  });

  it('cancels what follows an operation that failed', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.link();
    proactor.fsync(1_000_000, 0, recorder.handler);
    proactor.link();
    proactor.nop(recorder.handler);
    proactor.nop(recorder.handler);
    await recorder.reach(3);
    expect(recorder.results.sort()).toEqual([-125, -125, fails]);
  });

  it('can make a chain of eight, also where the queue has eight entries', async () => {
    const proactor = open({ entries: 8 });
    const recorder = new Recorder();
    for (let i = 0; i < 3; i++) proactor.nop(recorder.handler);
    proactor.link();
    proactor.fsync(1_000_000, 0, recorder.handler);
    for (let i = 0; i < 6; i++) {
      proactor.link();
      proactor.nop(recorder.handler);
    }
    proactor.nop(recorder.handler);
    await recorder.reach(11);
    expect(recorder.results.filter((result) => result === 0)).toHaveLength(3);
    expect(recorder.results.filter((result) => result === -125)).toHaveLength(7);
    expect(recorder.results.filter((result) => result === fails)).toHaveLength(1);
  });

  it('refuses a ninth operation', async () => {
    const proactor = open();
    const recorder = new Recorder();
    for (let i = 0; i < 7; i++) {
      proactor.link();
      proactor.nop(recorder.handler);
    }
    expect(() => proactor.link()).toThrow(
      expect.objectContaining({ code: 'ERR_PROACTOR_LINK_TOO_LONG' }),
    );
    proactor.nop(recorder.handler);
    await recorder.reach(8);
    expect(recorder.results).toEqual(Array(8).fill(0));
  });

  it('does not outlive an operation that could not be initiated', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.link();
    expect(() => proactor.fsync(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    proactor.fsync(1_000_000, 0, recorder.handler);
    proactor.nop(recorder.handler);
    await recorder.reach(2);
    expect(recorder.results.sort()).toEqual([fails, 0].sort());
  });

  it("ends where a call throws: what is initiated next is nobody's successor", async () => {
    const proactor = open();
    const { reader } = pipe();
    const recorder = new Recorder();
    await fs.readFile('/proc/version');
    proactor.link();
    const first = proactor.pollAdd(reader, POLLIN, () => {});
    expect(() => proactor.linkTimeout(Number.NaN)).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
    );
    proactor.nop(recorder.handler);
    // The first has not completed. Neither another operation nor Node's own descriptors wait for it.
    await recorder.reach(1);
    expect(recorder.results).toEqual([0]);
    expect(await settlesWithin(2000, fs.readFile('/proc/version'))).toBe(true);
    proactor.cancel(first);
  });

  it.each([...failing, ['the kernel lacks', lacking]] as const)(
    'does not take the place of an operation that %s',
    async (_title, fail) => {
      const proactor = open({ withheldOperations: ['shutdown'] });
      const recorder = new Recorder();
      proactor.link();
      fail(proactor);
      proactor.fsync(NO_DESCRIPTOR, 0, recorder.handler);
      proactor.nop(recorder.handler);
      await recorder.reach(2);
      expect(recorder.results.sort()).toEqual([EBADF, 0].sort()); // neither is cancelled
    },
  );

  it('is not what a handler asks for and another one initiates', async () => {
    const proactor = open();
    const recorder = new Recorder();
    await new Promise<void>((resolve) => {
      proactor.nop(() => {
        proactor.link();
        proactor.fsync(NO_DESCRIPTOR, 0, recorder.handler);
      });
      proactor.nop(() => {
        proactor.nop(recorder.handler);
        resolve();
      });
    });
    await recorder.reach(2);
    // Neither is cancelled by the other.
    expect(recorder.results.sort()).toEqual([EBADF, 0].sort());
  });

  it('ends with the run of the code that asks for it', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.link();
    proactor.fsync(NO_DESCRIPTOR, 0, recorder.handler);
    await Promise.resolve();
    proactor.nop(recorder.handler);
    await recorder.reach(2);
    // Neither is cancelled by the other.
    expect(recorder.results.sort()).toEqual([EBADF, 0].sort());
  });

  it.each([8, 1024])(
    'is not broken by what the package initiates meanwhile, in a queue of %i entries',
    async (entries) => {
      const proactor = open({ entries });
      const streams = await Promise.all([1, 2, 3, 4].map(() => connected(proactor)));
      const recorder = new Recorder();
      const ended = new Recorder();
      const id = proactor.timeout(FOREVER_MS, 0, ended.handler);
      await proactor.nop();
      proactor.link();
      proactor.fsync(NO_DESCRIPTOR, 0, recorder.handler);
      for (const stream of streams) stream.onData = () => {};
      proactor.cancel(id);
      proactor.link();
      proactor.nop(recorder.handler);
      for (const stream of streams) stream.write('x');
      for (const stream of streams) stream.destroy();
      proactor.nop(recorder.handler);
      await recorder.reach(3);
      expect(recorder.results).toEqual([EBADF, -ECANCELED, -ECANCELED]);
      await ended.reach(1);
      expect(ended.results).toEqual([-ECANCELED]);
      for (const stream of streams) await stream.closed;
    },
  );

  it('has members that can be cancelled before it is complete', async () => {
    const proactor = open();
    const { reader } = pipe();
    const recorder = new Recorder();
    proactor.link();
    const id = proactor.pollAdd(reader, POLLIN, recorder.handler);
    expect(proactor.cancel(id)).toBe(true);
    proactor.nop(recorder.handler);
    await recorder.reach(2);
    expect(recorder.results).toEqual([-ECANCELED, -ECANCELED]);
  });

  it('ends when the proactor does', async () => {
    const proactor = open();
    const recorder = new Recorder();
    proactor.link();
    proactor.timeout(FOREVER_MS, 0, recorder.handler);
    await proactor.dispose();
    expect(recorder.results).toEqual([-ECANCELED]);
  });
});

describeAll('a deferred completion', ({ open }) => {
  it.each([...failing, ['never comes', () => {}]] as const)(
    'is not that of the operation after one that %s',
    async (_title, fail) => {
      const proactor = open();
      const id = proactor.timeout(FOREVER_MS, 0, () => {});
      proactor.deferCompletion();
      fail(proactor);
      await Promise.resolve();
      expect(await settlesWithin(2000, proactor.nop())).toBe(true);
      proactor.cancel(id);
    },
  );

  it('is not that of a stream of the package', async () => {
    const proactor = open();
    const stream = await connected(proactor);
    proactor.deferCompletion();
    const read = stream.read();
    proactor.nop(() => {});
    stream.destroy();
    await stream.closed;
    expect(await read).toBeNull();
  });
});
