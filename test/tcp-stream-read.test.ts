// TcpStream, receiving: chunks, leases, read(), iteration, and how a peer is held back.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { type Chunk, type Lease, Proactor, type TcpStream } from 'proactor';
import { itWithFeature } from './support/features';
import { onBothDispatchers } from './support/tcp-bed';
import { closeError, readAll, rejection, thrown, until } from './support/tcp-peer';

const RETURNED = 'ERR_PROACTOR_CHUNK_RETURNED';
const ACTIVE = 'ERR_PROACTOR_READER_ACTIVE';

/** The next chunk, for as long as `look` runs. */
function withChunk<T>(stream: TcpStream, look: (chunk: Chunk) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    stream.onData = (chunk) => {
      stream.onData = null;
      try {
        resolve(look(chunk));
      } catch (error) {
        reject(error as Error);
      }
    };
  });
}

onBothDispatchers('TcpStream receiving', (bed) => {
  it('lends each piece to onData', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('hello');
    const seen = await withChunk(stream, (chunk) => ({
      length: chunk.length,
      byteLength: chunk.byteLength,
      text: chunk.toString(),
      hex: chunk.toString('hex'),
      bytes: chunk.bytes.toString(),
      buffer: chunk.toBuffer().toString(),
    }));
    expect(seen).toEqual({
      length: 5,
      byteLength: 5,
      text: 'hello',
      hex: '68656c6c6f',
      bytes: 'hello',
      buffer: 'hello',
    });
    expect(stream.bytesRead).toBe(5);
  });

  it('takes a chunk back when the handler returns', async () => {
    const { stream, peer } = await bed.accepted();
    peer.write('hello');
    const chunk = await withChunk(stream, (lent) => lent);
    for (const use of [
      () => chunk.bytes,
      () => chunk.length,
      () => chunk.byteLength,
      () => chunk.toString(),
      () => chunk.toBuffer(),
      () => chunk.lease(),
      () => stream.write(chunk),
      () => stream.write(['a', chunk]),
    ]) {
      expect(thrown(use).code).toBe(RETURNED);
    }
    // Nothing of the refused writes was sent.
    expect(stream.writableLength).toBe(0);
  });

  it('keeps what toBuffer() copied', async () => {
    const { stream, peer } = await bed.connected();
    const copies: Buffer[] = [];
    stream.onData = (chunk) => copies.push(chunk.toBuffer());
    for (let turn = 0; turn < 50; turn++) {
      peer.write(`${turn};`);
      await until('it came', () => Buffer.concat(copies).toString().endsWith(`;${turn};`) || !turn);
    }
    const all = Array.from({ length: 50 }, (_, turn) => `${turn};`).join('');
    expect(Buffer.concat(copies).toString()).toBe(all);
  });

  it('keeps leased bytes until they are released', async () => {
    const proactor = bed.newProactor({ buffers: { count: 8, size: 1024 } });
    const { stream, peer } = await bed.connected({ proactor });
    const leases: Lease[] = [];
    let received = 0;
    stream.onData = (chunk) => {
      received += chunk.length;
      leases.push(chunk.lease());
    };
    const data = Buffer.alloc(6000, 'abcdefg');
    peer.write(data);
    await until('all came', () => received === data.length);
    // Other traffic goes over the same buffers.
    const other = await bed.connected({ proactor });
    for (let turn = 0; turn < 20; turn++) {
      other.peer.write(Buffer.alloc(3000, 'z'));
      let seen = 0;
      while (seen < 3000) seen += (await other.stream.read())!.length;
    }
    expect(Buffer.concat(leases.map((lease) => lease.bytes)).equals(data)).toBe(true);
    for (const lease of leases) {
      expect(lease.toString().length).toBe(lease.length);
      lease.release();
      lease.release();
      expect(lease.byteLength).toBe(lease.length);
      expect(thrown(() => lease.bytes).code).toBe(RETURNED);
      expect(thrown(() => lease.toString()).code).toBe(RETURNED);
      expect(thrown(() => stream.write(lease)).code).toBe(RETURNED);
    }
    expect(proactor.stats().buffersProvided).toBe(8);
  });

  it('releases a lease with `using`', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('leased');
    const outer = await withChunk(stream, (chunk) => {
      using lease = chunk.lease();
      expect(lease.toString()).toBe('leased');
      return lease;
    });
    expect(thrown(() => outer.bytes).code).toBe(RETURNED);
  });

  it('lets a lease be read and released after the proactor is disposed of', async () => {
    const proactor = bed.newProactor();
    const { stream, peer } = await bed.connected({ proactor });
    peer.write('outlives');
    const lease = await withChunk(stream, (chunk) => chunk.lease());
    await proactor.dispose();
    expect(lease.toString()).toBe('outlives');
    expect(proactor.stats().buffersProvided).toBeGreaterThanOrEqual(0);
    lease.release();
    lease.release();
  });

  it('reads once, up to a limit, and null at the end', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('abcdefghij');
    expect((await stream.read(3))?.toString()).toBe('abc');
    expect((await stream.read(3))?.toString()).toBe('def');
    expect((await stream.read())?.toString()).toBe('ghij');
    const pending = stream.read();
    peer.end('last');
    expect((await pending)?.toString()).toBe('last');
    expect(await stream.read()).toBeNull();
    expect(await stream.read()).toBeNull();
    await stream.closed;
    expect(await stream.read()).toBeNull();
  });

  it('gives read() memory of the caller’s own', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('first');
    const first = await stream.read();
    peer.write('second');
    const second = await stream.read();
    second!.fill(0);
    expect(first!.toString()).toBe('first');
  });

  it('iterates until the peer ends', async () => {
    const { stream, peer } = await bed.accepted();
    const reading = readAll(stream);
    for (const part of ['one ', 'two ', 'three']) {
      peer.write(part);
      await delay(5);
    }
    peer.end();
    expect((await reading).toString()).toBe('one two three');
    await stream.closed;
  });

  it('destroys the stream when an iteration is left early', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('more to come');
    for await (const data of stream) {
      expect(data.toString()).toBe('more to come');
      break;
    }
    expect(stream.destroyed).toBe(true);
    await stream.closed;
  });

  it('fails an iteration with the error that ends the stream', async () => {
    const { stream, peer } = await bed.connected();
    const failed = rejection(readAll(stream));
    await delay(10);
    peer.resetAndDestroy();
    expect(await failed).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
  });

  it('refuses to mix ways of reading, and goes on with the first', async () => {
    const { stream, peer } = await bed.connected();
    const pending = stream.read();
    expect((await rejection((async () => stream.read())())).code).toBe(ACTIVE);
    expect(thrown(() => (stream.onData = () => {})).code).toBe(ACTIVE);
    expect((await rejection(readAll(stream))).code).toBe(ACTIVE);
    peer.write('for read');
    expect((await pending)?.toString()).toBe('for read');

    const iterator = stream[Symbol.asyncIterator]();
    const next = iterator.next();
    expect(thrown(() => (stream.onData = () => {})).code).toBe(ACTIVE);
    expect((await rejection((async () => stream.read())())).code).toBe(ACTIVE);
    peer.write('for iteration');
    expect((await next).value?.toString()).toBe('for iteration');
    // Between two steps of the iteration, too.
    expect((await rejection((async () => stream.read())())).code).toBe(ACTIVE);
    expect((await rejection(readAll(stream))).code).toBe(ACTIVE);
    expect(stream.destroyed).toBe(false);
    await iterator.return();

    const other = await bed.connected();
    const texts: string[] = [];
    other.stream.onData = (chunk) => texts.push(chunk.toString());
    expect((await rejection((async () => other.stream.read())())).code).toBe(ACTIVE);
    expect((await rejection(readAll(other.stream))).code).toBe(ACTIVE);
    other.peer.write('for onData');
    await until('onData still gets it', () => texts.join('') === 'for onData');
  });

  it('hands over between ways of reading without loss', async () => {
    const { stream, peer } = await bed.connected();
    const numbers = Array.from({ length: 3000 }, (_, index) => `${index}\n`).join('');
    peer.end(numbers);
    let text = '';
    for (let round = 0; ; round++) {
      text += await withChunk(stream, (chunk) => chunk.toString());
      const data = await stream.read(700);
      if (data === null) break;
      text += data.toString();
      if (round > 3) {
        text += (await readAll(stream)).toString();
        break;
      }
      if (text.length === numbers.length) break;
    }
    expect(text).toBe(numbers);
  });

  it('calls onEnd once, after all data', async () => {
    const { stream, peer } = await bed.connected();
    const events: string[] = [];
    stream.onData = (chunk) => events.push(chunk.toString());
    stream.onEnd = () => events.push('end');
    stream.onClose = (error) => events.push(error === undefined ? 'close' : error.message);
    peer.end('bye');
    await stream.closed;
    expect(events).toEqual(['bye', 'end', 'close']);
  });

  it('holds back what comes while it is paused, and keeps its order', async () => {
    const { stream, peer } = await bed.accepted();
    let text = '';
    stream.onData = (chunk) => {
      text += chunk.toString();
      stream.pause();
      setTimeout(() => stream.resume(), 1);
    };
    expect(stream.isPaused).toBe(false);
    const sent = Array.from({ length: 400 }, (_, index) => `line ${index}\n`);
    for (const line of sent) {
      peer.write(line);
      if (Math.random() < 0.1) await delay(1);
    }
    peer.end();
    await stream.closed;
    expect(text).toBe(sent.join(''));
  });

  it('calls no handler while it is paused', async () => {
    const { stream, peer } = await bed.connected();
    let calls = 0;
    stream.onData = () => {
      calls++;
    };
    stream.pause();
    expect(stream.isPaused).toBe(true);
    peer.write('held back');
    await delay(30);
    expect(calls).toBe(0);
    stream.resume();
    await until('it comes', () => calls === 1);
  });

  it('makes the kernel hold a fast peer back while it is paused', async () => {
    const { stream, peer } = await bed.connected({ stream: { receiveBufferSize: 65536 } });
    stream.onData = () => {};
    stream.pause();
    await until('nothing is in flight', () => bed.proactor.stats().inFlight === 0);
    let left = 64 << 20;
    const piece = Buffer.alloc(1 << 20);
    const push = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!peer.write(piece)) break;
      }
    };
    peer.on('drain', push);
    push();
    await until('the peer is stuck', () => peer.writableNeedDrain);
    await delay(100);
    // Some of it is in the kernel's buffers; by far the most could not be sent.
    expect(left).toBeGreaterThan(48 << 20);
    expect(stream.bytesRead).toBe(0);
    stream.resume();
    await until('all came', () => stream.bytesRead === 64 << 20, 10_000);
  });

  for (const incremental of [true, false]) {
    const itThere = incremental ? itWithFeature('incrementalBuffers') : it;
    const buffers = incremental ? 'incremental buffers' : 'whole buffers';

    itThere(
      `queues at most one buffer beyond highWaterMark for a slow reader, with ${buffers}`,
      async () => {
        const proactor = bed.newProactor({ buffers: { incremental } });
        const highWaterMark = 10_000;
        const { stream, peer } = await bed.connected({
          proactor,
          stream: { highWaterMark, receiveBufferSize: 65536 },
        });
        peer.end(Buffer.alloc(16 << 20, 'x'));
        const bound = highWaterMark + proactor.buffers.size;
        let total = 0;
        for (let data = await stream.read(1); data !== null; data = await stream.read()) {
          total += data.length;
          if (total < 1 << 20) await delay(5);
          expect(stream.bytesRead - total).toBeLessThan(bound);
        }
        expect(total).toBe(16 << 20);
      },
    );

    itThere(`queues at most one buffer when it is paused again, with ${buffers}`, async () => {
      const proactor = bed.newProactor({ buffers: { incremental } });
      const { stream, peer } = await bed.connected({ proactor });
      let total = 0;
      const takeAndPause = (chunk: Chunk): void => {
        total += chunk.length;
        stream.pause();
      };
      stream.onData = takeAndPause;
      peer.end(Buffer.alloc(32 << 20, 'x'));
      // The first pause leaves what the kernel had received until then.
      await until('paused', () => stream.isPaused && proactor.stats().inFlight === 0);
      let wasEmpty = false;
      let pauses = 0;
      let queuedMax = 0;
      stream.onData = (chunk) => {
        takeAndPause(chunk);
        setImmediate(() => {
          const queued = stream.bytesRead - total;
          if (wasEmpty) {
            pauses++;
            queuedMax = Math.max(queuedMax, queued);
          }
          wasEmpty ||= queued === 0;
          stream.resume();
        });
      };
      stream.resume();
      await stream.closed;
      expect(total).toBe(32 << 20);
      expect(pauses).toBeGreaterThan(10);
      expect(queuedMax).toBeLessThanOrEqual(proactor.buffers.size);
    });
  }

  it('receives nothing before somebody asks', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('waiting');
    await delay(20);
    expect(stream.bytesRead).toBe(0);
    expect(bed.proactor.stats().inFlight).toBe(0);
    expect((await stream.read())?.toString()).toBe('waiting');
  });

  it('refuses wrong handlers and limits', async () => {
    const { stream } = await bed.connected();
    expect(thrown(() => (stream.onData = 'x' as never)).code).toBe('ERR_INVALID_ARG_TYPE');
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      expect((await rejection((async () => stream.read(limit))())).code).toBe('ERR_OUT_OF_RANGE');
    }
    const wrong = rejection((async () => stream.read('5' as never))());
    expect((await wrong).code).toBe('ERR_INVALID_ARG_TYPE');
  });

  it('tells of a reset as node:net does', async () => {
    const { stream, peer } = await bed.connected();
    stream.onData = () => {};
    const closed = closeError(stream);
    peer.resetAndDestroy();
    const error = await closed;
    expect(error).toMatchObject({ code: 'ECONNRESET', errno: -104, syscall: 'read' });
    expect(error!.message).toBe('read ECONNRESET');
    expect(await rejection(stream.read())).toBe(error);
    expect(Proactor.probe().available).toBe(true);
  });
});
