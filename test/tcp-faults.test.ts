// TCP streams where things go wrong: ended in every state, without operation slots, peers that vanish or never come,
// memory taken away.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { type Lease, TcpAcceptor, TcpStream } from 'proactor';
import { patient } from './support/pace';
import { HOST, onBothDispatchers } from './support/tcp-bed';
import { inChild } from './support/tcp-child';
import { closeError, peerClosed, peerRead, readAll, rejection, until } from './support/tcp-peer';

const LARGE = Buffer.alloc(8 << 20, 'large');
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

onBothDispatchers('TCP', (bed) => {
  it('ends with the proactor in every state', async () => {
    void bed.proactor;
    const before = openDescriptors();
    const proactor = bed.newProactor({ buffers: { count: 4, size: 4096 } });
    const make = () => bed.connected({ proactor, stream: { allowHalfOpen: true } });
    const streams: TcpStream[] = [];
    const outcomes: Promise<unknown>[] = [];
    const leases: Lease[] = [];
    const states: ((stream: TcpStream) => void)[] = [
      () => {}, // nothing in flight
      (stream) => (stream.onData = () => {}),
      (stream) => (stream.onData = (chunk) => leases.push(chunk.lease())),
      (stream) => (stream.onData = (chunk) => void stream.write(chunk)),
      (stream) => {
        stream.onData = () => stream.pause();
      },
      (stream) => void stream.write(LARGE),
      (stream) => outcomes.push(rejection(stream.writeAsync(LARGE))),
      (stream) => outcomes.push(rejection(stream.end(LARGE))),
      (stream) => outcomes.push(rejection(readAll(stream))),
      (stream) => {
        stream.onData = () => {};
        void stream.end();
      },
      (stream) => stream.setTimeout(1000),
      (stream) => void stream.destroy(),
      (stream) => void stream.resetAndDestroy(),
      (stream) => stream.pause(),
    ];
    for (let round = 0; round < 3; round++) {
      for (const enter of states) {
        const { stream, peer } = await make();
        streams.push(stream);
        peer.write(Buffer.alloc(20_000));
        enter(stream);
      }
    }
    const full = await TcpAcceptor.listen(proactor, { host: HOST, backlog: 0 });
    const { port } = full.address;
    await bed.connectPeer(port);
    outcomes.push(rejection(TcpStream.connect(proactor, { host: HOST, port })));
    const iterated = await TcpAcceptor.listen(proactor, { host: HOST });
    const next = iterated[Symbol.asyncIterator]().next();
    await delay(30);
    // States that are in flight only now.
    streams[0]!.write('just now');
    void streams[1]!.end();
    streams[2]!.destroy();
    await proactor.dispose();
    expect(await next).toEqual({ done: true, value: undefined });
    await Promise.all(streams.map((stream) => stream.closed));
    for (const error of await Promise.all(outcomes)) {
      expect(error).toMatchObject({ code: 'ERR_PROACTOR_DISPOSED' });
    }
    for (const lease of leases) lease.release();
    expect(proactor.stats().buffersProvided).toBe(4);
    // Peers and their servers are the only ones left: two descriptors each, and one of the backlog.
    expect(openDescriptors()).toBe(before + 2 * streams.length + 1);
  });

  it('fails calls for which no operation slot is free, and can still be ended', async () => {
    const proactor = bed.newProactor({ maxOperations: 16 });
    const streams: TcpStream[] = [];
    const errors: (Error | undefined)[] = [];
    for (let count = 0; count < 20; count++) {
      const { stream } = await bed.connected({ proactor });
      streams.push(stream);
    }
    for (const stream of streams) {
      stream.onClose = (error) => errors.push(error);
      stream.onData = () => {};
    }
    await until('those without a slot failed', () => errors.length === 4);
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_PROACTOR_OPERATIONS_EXHAUSTED' });
    }
    expect(proactor.stats().inFlight).toBe(16);
    // All slots are taken. Pausing and ending must not depend on a free one.
    const open = streams.filter((stream) => !stream.destroyed);
    open[0]!.pause();
    open[1]!.destroy();
    open[2]!.resetAndDestroy();
    await Promise.all([open[1]!.closed, open[2]!.closed]);
    for (const stream of open) stream.destroy();
    await Promise.all(open.map((stream) => stream.closed));
    expect(proactor.stats().inFlight).toBe(0);
  });

  it('can be disposed of while no operation slot is free', async () => {
    const proactor = bed.newProactor({ maxOperations: 16, disposeTimeoutMs: 1000 });
    const streams: TcpStream[] = [];
    for (let count = 0; count < 16; count++) {
      const { stream } = await bed.connected({ proactor });
      stream.onData = () => {};
      streams.push(stream);
    }
    expect(proactor.stats().inFlight).toBe(16);
    const startMs = Date.now();
    await proactor.dispose();
    expect(Date.now() - startMs).toBeLessThan(patient(500));
    await Promise.all(streams.map((stream) => stream.closed));
  });

  it('refuses thousands of connects to a closed port, and keeps nothing of them', async () => {
    const closed = await bed.listen();
    await closed.close();
    const { port } = closed.address;
    void bed.proactor;
    const before = openDescriptors();
    for (let round = 0; round < 8; round++) {
      const attempts = Array.from({ length: 400 }, () =>
        TcpStream.connect(bed.proactor, { host: HOST, port }),
      );
      const results = await Promise.allSettled(attempts);
      const codes = new Set(results.map((result) => (result as PromiseRejectedResult).reason.code));
      expect([...codes]).toEqual(['ECONNREFUSED']);
    }
    expect(openDescriptors()).toBe(before);
  });

  it('keeps a half-open connection as long as anybody wants it', async () => {
    const { stream, peer } = await bed.connected({ stream: { allowHalfOpen: true } });
    const events: string[] = [];
    stream.onData = () => {};
    stream.onEnd = () => events.push('end');
    peer.end();
    await until('the end is noticed', () => events.length === 1);
    for (let turn = 0; turn < 20; turn++) {
      stream.write(`${turn};`);
      await delay(1);
    }
    expect((await peerRead(peer, 50)).toString()).toContain('18;19;');
    expect([stream.destroyed, peer.destroyed]).toEqual([false, false]);
    await stream.end();
    await stream.closed;
    expect(events).toEqual(['end']);
  });

  it('finds out about a peer that was reset while it was half open', async () => {
    const { stream, peer } = await bed.connected({ stream: { allowHalfOpen: true } });
    const failed = closeError(stream);
    stream.onData = () => {};
    peer.end();
    await until('the end is noticed', () => stream.bytesRead === 0);
    await delay(10);
    peer.resetAndDestroy();
    await peerClosed(peer);
    for (let turn = 0; turn < 50 && !stream.destroyed; turn++) {
      stream.write('x');
      await delay(2);
    }
    expect(await failed).toMatchObject({ syscall: 'write' });
  });

  it('survives peers that come and go at once', async () => {
    let accepted = 0;
    let ended = 0;
    const acceptor = await bed.listen({}, (stream) => {
      accepted++;
      stream.onData = (chunk) => void stream.write(chunk);
      stream.onClose = () => ended++;
      stream.write('hello');
    });
    const { port } = acceptor.address;
    for (let round = 0; round < 10; round++) {
      const peers = Array.from({ length: 40 }, () => bed.startPeer(port));
      await Promise.all(peers.map((peer) => once(peer, 'connect')));
      for (const [index, peer] of peers.entries()) {
        if (index % 3 === 0) peer.resetAndDestroy();
        else if (index % 3 === 1) peer.destroy();
        else peer.resume().end('x');
      }
    }
    await until('all are gone', () => accepted === 400 && ended === 400);
  });
});

onBothDispatchers('TCP in a process of its own', ({ dispatch }) => {
  it('says so where the memory behind a chunk is taken away', async () => {
    const { code, reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor, TcpStream }, report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' });
        const accepting = acceptor[Symbol.asyncIterator]().next();
        const { port } = acceptor.address;
        const near = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
        const far = (await accepting).value as import('proactor').TcpStream;
        near.write('some bytes');
        const attempt = (call: () => unknown): string => {
          try {
            return `${call()}`;
          } catch (error) {
            return (error as { code?: string }).code ?? String(error);
          }
        };
        type Transferable = ArrayBuffer & { transfer?: () => ArrayBuffer };
        await new Promise<void>((resolve) => {
          far.onData = (chunk) => {
            const buffer = chunk.bytes.buffer as Transferable;
            // What cannot be refused is noticed.
            attempt(() => structuredClone(buffer, { transfer: [buffer] }));
            report({ afterClone: attempt(() => chunk.toString()) });
            const canTransfer = typeof buffer.transfer === 'function';
            attempt(() => buffer.transfer?.());
            if (!canTransfer) report('no transfer() here');
            else {
              const uses = [
                () => chunk.bytes,
                () => chunk.toString(),
                () => chunk.toBuffer(),
                () => far.write(chunk.bytes),
              ];
              report(uses.map(attempt));
            }
            resolve();
          };
        });
        await acceptor.close();
        await proactor.dispose();
      },
      [dispatch],
    );
    expect(stderr).toBe('');
    expect(reports[0]).toEqual({ afterClone: 'some bytes' });
    const detached = 'ERR_PROACTOR_MEMORY_DETACHED';
    if (reports[1] !== 'no transfer() here') {
      expect(reports[1]).toEqual([detached, detached, detached, detached]);
    }
    expect(code).toBe(0);
  });

  it(
    'leaves nothing of workers that are terminated under load',
    async () => {
      const { code, reports, stderr } = await inChild(
        async (_package, report, dispatch) => {
          const fs = require('node:fs') as typeof import('node:fs');
          const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
          const program = `
          const { Proactor, TcpAcceptor, TcpStream } = require('proactor');
          const { parentPort } = require('node:worker_threads');
          (async () => {
            const proactor = new Proactor({ dispatch: '${dispatch}' });
            const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
              stream.onData = (chunk) => stream.write(chunk);
            });
            const { port } = acceptor.address;
            for (let count = 0; count < 20; count++) {
              const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
              stream.onData = (chunk) => stream.write(chunk);
              stream.write(Buffer.alloc(1000 * count));
            }
            parentPort.postMessage('busy');
          })();`;
          const count = () => ({
            descriptors: fs.readdirSync('/proc/self/fd').length,
            threads: fs.readdirSync('/proc/self/task').length,
          });
          const turn = async (ms: number | null) => {
            const worker = new Worker(program, { eval: true });
            if (ms === null) await new Promise((resolve) => worker.on('message', resolve));
            else await new Promise((resolve) => setTimeout(resolve, ms));
            await worker.terminate();
          };
          await turn(null);
          const before = count();
          for (let round = 0; round < 25; round++) await turn(round % 5 === 4 ? round * 3 : null);
          report(before);
          report(count());
        },
        [dispatch],
        { limitMs: 30_000 },
      );
      expect(stderr).toBe('');
      type Count = { readonly descriptors: number; readonly threads: number };
      const [before, after] = reports as [Count, Count];
      expect(after.threads).toBe(before.threads);
      // Of a thousand. JavaScript is ended between any two calls, so one in its hands may get lost.
      expect(after.descriptors - before.descriptors).toBeLessThanOrEqual(1);
      expect(code).toBe(0);
    },
    patient(35_000),
  );
});
