// Receiving: once into the caller's memory, and again and again into provided buffers.
import { expect, it } from '@jest/globals';
import { constants, type Proactor } from 'proactor';
import { completionOf, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { itWithFeature } from './support/features';
import { patterned } from './support/files';
import { receiveAll, sendAll } from './support/receive';
import { disown, type Pair, resetOnClose, tcpPair } from './support/sockets';
import { until } from './support/tcp-peer';

const { ECANCELED, ENOBUFS, IORING_CQE_F_BUFFER, IORING_CQE_F_MORE } = constants;

describeAll('recv', ({ open }) => {
  it('receives into a Buffer, a part of it, a DataView and native memory', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const target = Buffer.alloc(16, '.');
    await proactor.send(far, Buffer.from('hello'));
    expect(await proactor.recv(near, target)).toBe(5);
    expect(target.toString()).toBe('hello...........');
    await proactor.send(far, Buffer.from('world'));
    expect(await proactor.recv(near, target, 8, 4)).toBe(4);
    expect(target.toString()).toBe('hello...worl....');
    const view = new DataView(new ArrayBuffer(10), 4, 1);
    expect(await proactor.recv(near, view)).toBe(1);
    expect(view.getUint8(0)).toBe('d'.charCodeAt(0));
    const memory = proactor.allocate(8);
    await proactor.send(far, Buffer.from('native'));
    expect(await proactor.recv(near, memory, 2)).toBe(6);
    expect(memory.bytes.toString('latin1')).toBe('\0\0native');
  });

  it('waits for data, and completes with 0 at the end', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const bytes = Buffer.alloc(4);
    const waiting = completionOf((handler) => proactor.recv(near, bytes, 0, 4, 0, handler));
    await proactor.send(far, Buffer.from('data'));
    expect((await waiting).result).toBe(4);
    await proactor.shutdown(far, constants.SHUT_WR);
    expect(await proactor.recv(near, bytes)).toBe(0);
  });

  it('can look without taking: flags are passed on', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    await proactor.send(far, Buffer.from('data'));
    const MSG_PEEK = 2;
    const bytes = Buffer.alloc(8);
    expect(await proactor.recv(near, bytes, 0, 8, MSG_PEEK)).toBe(4);
    expect(await proactor.recv(near, bytes, 0, 8, 0)).toBe(4);
  });

  it('rejects with ECONNRESET after a reset, and with EBADF for a closed descriptor', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const waiting = proactor.recv(near, Buffer.alloc(4));
    resetOnClose(far);
    await proactor.close(disown(far));
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET', syscall: 'recv' });
    await expect(proactor.recv(1_000_000, Buffer.alloc(4))).rejects.toMatchObject({
      code: 'EBADF',
      errno: -9,
    });
  });

  it('ends with an AbortError by its signal, and loses no byte by it', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const promise = proactor.recv(near, Buffer.alloc(4), 0, 4, 0, {
      signal: AbortSignal.timeout(5),
    });
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
    await proactor.send(far, Buffer.from('kept'));
    expect(await proactor.recv(near, Buffer.alloc(8))).toBe(4);
  });
});

for (const incremental of [true, false]) {
  const mode = incremental ? 'incremental buffers' : 'whole buffers';
  describeEach(`recvMultishot with ${mode}`, ({ open }) => {
    const itThere = incremental ? itWithFeature('incrementalBuffers') : it;
    const opened = (count: number, size: number): Proactor =>
      open({ buffers: { incremental, count, size } });

    const transfer = async (proactor: Proactor, { near, far }: Pair, bytes: Buffer) => {
      const [received] = await Promise.all([
        receiveAll(proactor, near),
        sendAll(proactor, far, bytes),
      ]);
      expect(received.equals(bytes)).toBe(true);
    };

    itThere('completes for each piece of data, naming its buffer', async () => {
      const proactor = opened(4, 4096);
      const { near, far } = await tcpPair(proactor);
      const { buffers } = proactor;
      const recorder = new Recorder();
      const texts: string[] = [];
      proactor.recvMultishot(near, buffers, 0, (result, flags) => {
        if (result > 0) {
          const offset = buffers.take(result, flags);
          texts.push(buffers.memory.bytes.toString('latin1', offset, offset + result));
          buffers.release(offset);
        }
        recorder.handler(result, flags);
      });
      for (const [index, text] of ['one', 'two', 'three'].entries()) {
        await proactor.send(far, Buffer.from(text));
        await recorder.reach(index + 1);
        const { flags } = recorder.completions[index]!;
        expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
        expect(flags & IORING_CQE_F_MORE).not.toBe(0);
      }
      expect(texts).toEqual(['one', 'two', 'three']);
      await proactor.shutdown(far, constants.SHUT_WR);
      await recorder.reach(4);
      expect(recorder.completions[3]).toMatchObject({ result: 0 });
      expect(recorder.completions[3]!.flags & IORING_CQE_F_MORE).toBe(0);
    });

    itThere('receives more than all its buffers hold, in order and complete', async () => {
      const proactor = opened(4, 4096);
      await transfer(proactor, await tcpPair(proactor), patterned(1_000_003));
      expect(proactor.stats().buffersProvided).toBe(4);
    });

    itThere('works with a single buffer', async () => {
      const proactor = opened(1, 1024);
      await transfer(proactor, await tcpPair(proactor), patterned(100_001));
      expect(proactor.stats().buffersProvided).toBe(1);
    });

    itThere(
      'ends with ENOBUFS when all buffers are held, and goes on when one comes back',
      async () => {
        const proactor = opened(2, 1024);
        const { near, far } = await tcpPair(proactor);
        const { buffers } = proactor;
        const recorder = new Recorder();
        const held: number[] = [];
        const handler = (result: number, flags: number): void => {
          if (result > 0) held.push(buffers.take(result, flags));
          recorder.handler(result, flags);
        };
        proactor.recvMultishot(near, buffers, 0, handler);
        const bytes = patterned(4096);
        await proactor.send(far, bytes);
        await recorder.last();
        expect(recorder.results.at(-1)).toBe(-ENOBUFS);
        expect(buffers.provided).toBe(0);
        const got = recorder.results.slice(0, -1).reduce((sum, result) => sum + result, 0);
        expect(got).toBe(2048);
        // What is held stays as it was received while the rest arrives.
        const again = receiveAll(proactor, near);
        await proactor.shutdown(far, constants.SHUT_WR);
        const first = Buffer.concat(
          held.map((offset, index) =>
            buffers.memory.bytes.subarray(offset, offset + recorder.results[index]!),
          ),
        );
        expect(first.equals(bytes.subarray(0, 2048))).toBe(true);
        for (const offset of held) buffers.release(offset);
        expect((await again).equals(bytes.subarray(2048))).toBe(true);
        expect(buffers.provided).toBe(2);
      },
    );

    itThere('shares its buffers among receivers, each with its own bytes', async () => {
      const proactor = opened(8, 2048);
      const pairs = await Promise.all(Array.from({ length: 8 }, () => tcpPair(proactor)));
      await Promise.all(
        pairs.map((pair, index) => transfer(proactor, pair, patterned(50_000 + index, index))),
      );
      expect(proactor.stats().buffersProvided).toBe(8);
    });

    itThere(
      'receives once into one buffer with recvProvided, and no more than it holds',
      async () => {
        const proactor = opened(2, 1024);
        const { near, far } = await tcpPair(proactor);
        const { buffers } = proactor;
        const bytes = patterned(1500);
        await proactor.send(far, bytes);
        const received: Buffer[] = [];
        for (const expected of [1024, 476, 0]) {
          const { result, flags } = await completionOf((handler) =>
            proactor.recvProvided(near, buffers, 0, handler),
          );
          expect(result).toBe(expected);
          expect(flags & IORING_CQE_F_MORE).toBe(0);
          if (result === 0) break;
          const offset = buffers.take(result, flags);
          received.push(Buffer.from(buffers.memory.view(offset, result)));
          buffers.release(offset);
          if (received.length === 2) await proactor.shutdown(far, constants.SHUT_WR);
        }
        expect(Buffer.concat(received).equals(bytes)).toBe(true);
        expect(proactor.stats()).toMatchObject({ inFlight: 0, buffersProvided: 2 });
      },
    );

    itThere(
      'shows the kernel few of many buffers at first, and more when a receive finds none',
      async () => {
        const proactor = opened(16, 262144);
        const { near, far } = await tcpPair(proactor);
        const { buffers } = proactor;
        const used = new Set<number>();
        const held: number[] = [];
        let received = 0;
        let holds = false;
        const receive = (): void => {
          proactor.recvMultishot(near, buffers, 0, (result, flags) => {
            if (result > 0) {
              const offset = buffers.take(result, flags);
              received += result;
              used.add(Math.floor(offset / 262144));
              if (holds && buffers.provided > 4) held.push(offset);
              else buffers.release(offset);
            }
            if (result === -ENOBUFS) buffers.whenAvailable(receive);
            else if ((flags & IORING_CQE_F_MORE) === 0 && result > 0) receive();
          });
        };
        receive();
        const piece = patterned(65536);
        const send = async (pieces: number): Promise<void> => {
          for (let sent = 0; sent < pieces * piece.length; ) {
            sent += await proactor.send(far, piece, sent % piece.length);
            if (!holds) await until('it is received', () => received === sent);
          }
          await until('all is received', () => received === pieces * piece.length);
          received = 0;
        };
        await send(80); // 5 MiB, more than all buffers hold
        expect(used.size).toBeLessThanOrEqual(4);
        holds = true;
        await send(40);
        expect(used.size).toBeGreaterThan(4);
        for (const offset of held) buffers.release(offset);
        expect(buffers.provided).toBe(16);
      },
    );

    itThere('refuses to take bytes back twice', async () => {
      const proactor = opened(2, 1024);
      const { near, far } = await tcpPair(proactor);
      const { buffers } = proactor;
      const recorder = new Recorder();
      const id = proactor.recvMultishot(near, buffers, 0, recorder.handler);
      await proactor.send(far, patterned(1024));
      const [{ result, flags } = { result: 0, flags: 0 }] = await recorder.reach(1);
      const offset = buffers.take(result, flags);
      buffers.release(offset);
      expect(() => buffers.release(offset)).toThrow(
        expect.objectContaining({ code: 'ERR_PROACTOR_CHUNK_RETURNED' }),
      );
      expect(buffers.provided).toBe(2);
      proactor.cancel(id);
      expect((await recorder.last()).result).toBe(-ECANCELED);
    });

    itThere('gives bytes back once their last holder released them', async () => {
      const proactor = opened(1, 1024);
      const { near, far } = await tcpPair(proactor);
      const { buffers } = proactor;
      const recorder = new Recorder();
      proactor.recvMultishot(near, buffers, 0, recorder.handler);
      await proactor.send(far, patterned(1024));
      const [{ result, flags } = { result: 0, flags: 0 }] = await recorder.reach(1);
      const offset = buffers.take(result, flags);
      buffers.retain(offset);
      buffers.release(offset);
      expect(buffers.provided).toBe(0);
      buffers.release(offset);
      expect(buffers.provided).toBe(1);
      await proactor.shutdown(far, constants.SHUT_WR);
      await recorder.last();
    });
  });
}
