// TcpStream, sending: what can be written, in which order it goes, and when writers are told.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { type Lease, Proactor, type TcpStream, type WriteData } from 'proactor';
import { patient } from './support/pace';
import { onBothDispatchers } from './support/tcp-bed';
import { peerRead, peerReadAll, readAll, rejection, thrown, until } from './support/tcp-peer';

const TEXT = 'plain, ümläut, €, 🙂';

/** Calls `task` in one turn and counts the sends that come of it. */
async function sendsOf(stream: TcpStream, task: () => void): Promise<number> {
  const { proactor } = stream;
  const { submitted } = proactor.stats();
  task();
  await until('all is sent', () => stream.writableLength === 0);
  return proactor.stats().submitted - submitted;
}

onBothDispatchers('TcpStream sending', (bed) => {
  it.each<[string, () => WriteData, Buffer]>([
    ['a string', () => TEXT, Buffer.from(TEXT)],
    ['an empty string', () => '', Buffer.alloc(0)],
    ['a long string', () => TEXT.repeat(5000), Buffer.from(TEXT.repeat(5000))],
    ['a Buffer', () => Buffer.from('buffer'), Buffer.from('buffer')],
    ['a Uint8Array', () => new Uint8Array([1, 2, 3]), Buffer.from([1, 2, 3])],
    [
      'a part of a Uint16Array',
      () => new Uint16Array([1, 2, 3]).subarray(1),
      Buffer.from([2, 0, 3, 0]),
    ],
    ['a DataView', () => new DataView(new ArrayBuffer(4), 1, 2), Buffer.alloc(2)],
    [
      'a large Float64Array',
      () => new Float64Array(5000).fill(1.5),
      Buffer.from(new Float64Array(5000).fill(1.5).buffer),
    ],
    ['an empty array', () => [], Buffer.alloc(0)],
    [
      'an array of everything',
      () => ['text', Buffer.from('-buffer-'), new Uint8Array(3).fill(48), '', randomFree],
      Buffer.concat([Buffer.from('text-buffer-000'), Buffer.from('z'.repeat(30_000))]),
    ],
  ])('sends %s', async (_, make, expected) => {
    const { stream, peer } = await bed.connected();
    stream.write('<');
    stream.write(make());
    await stream.end('>');
    const received = await peerReadAll(peer);
    expect(received.subarray(1, -1).equals(expected)).toBe(true);
    expect([received.at(0), received.at(-1)]).toEqual([60, 62]);
    expect(stream.bytesWritten).toBe(expected.length + 2);
  });

  it.each<[BufferEncoding, string]>([
    ['utf8', TEXT],
    ['utf-8', TEXT],
    ['utf16le', TEXT],
    ['ucs2', TEXT],
    ['latin1', 'caf\u00e9 \u0101'],
    ['binary', '\u00ff\u0000\u0080'],
    ['ascii', 'ascii \u00e9'],
    ['hex', '00ff10'],
    ['hex', 'abc'],
    ['hex', 'no hex'],
    ['base64', 'aGVsbG8='],
    ['base64url', '_-8'],
  ])('sends text in %s', async (encoding, text) => {
    const { stream, peer } = await bed.connected();
    stream.writeText(text, encoding);
    stream.writeText(text.repeat(4000), encoding);
    await stream.end();
    const expected = Buffer.concat([
      Buffer.from(text, encoding),
      Buffer.from(text.repeat(4000), encoding),
    ]);
    expect((await peerReadAll(peer)).equals(expected)).toBe(true);
  });

  it('sends chunks and leases, its own and those of others', async () => {
    const { stream, peer } = await bed.connected();
    const other = await bed.accepted();
    const foreign = await bed.connected({ proactor: new Proactor({ dispatch: 'loop' }) });
    const leases: Lease[] = [];
    for (const from of [stream, other.stream, foreign.stream]) {
      from.onData = (chunk) => {
        const lease = chunk.lease();
        leases.push(lease);
        stream.write([`<${chunk.length}:`, chunk, '|', lease, '>']);
      };
    }
    let expected = '';
    for (const [from, text] of [
      [peer, 'own'],
      [other.peer, 'of another stream'],
      [foreign.peer, 'of another proactor'],
    ] as const) {
      from.write(text);
      expected += `<${text.length}:${text}|${text}>`;
      await until('it is sent', () => stream.bytesWritten + stream.writableLength > 0);
      expect((await peerRead(peer, expected.length)).toString()).toBe(expected);
      expected = '';
    }
    // A lease may be released as soon as it is written.
    for (const lease of leases) {
      stream.write(lease);
      expected += lease.toString();
      lease.release();
    }
    expect((await peerRead(peer, expected.length)).toString()).toBe(expected);
    await foreign.stream.proactor.dispose();
    expect(foreign.stream.proactor.stats().blocksLent).toBe(0);
  });

  it('sends the bytes of a chunk as they were, whatever comes afterwards', async () => {
    const proactor = bed.newProactor({ buffers: { count: 2, size: 65536 } });
    const { stream, peer } = await bed.connected({ proactor });
    const source = await bed.connected({ proactor });
    const filler = Buffer.alloc(16 << 20, 'f');
    stream.write(filler); // the peer does not read yet, so all else waits
    const sizes: number[] = [];
    source.stream.onData = (chunk) => {
      sizes.push(chunk.length);
      using lease = chunk.lease();
      stream.write(chunk.bytes);
      stream.write(lease.bytes);
    };
    let expected = '';
    for (const letter of 'abcdefgh') {
      const before = sizes.length;
      source.peer.write(letter.repeat(40_000));
      const came = (): number => sizes.slice(before).reduce((sum, size) => sum + size, 0);
      await until('it is received', () => came() === 40_000);
      expected += letter.repeat(80_000);
    }
    const all = await peerRead(peer, filler.length + expected.length);
    expect(all.subarray(filler.length).toString() === expected).toBe(true);
    expect(Math.max(...sizes)).toBeGreaterThan(16384);
  });

  it('echoes chunks without copying them', async () => {
    const { stream, peer } = await bed.connected();
    stream.onData = (chunk) => {
      stream.write(chunk);
      expect(bed.proactor.stats().blocksLent).toBe(0);
    };
    const data = randomBytes(3_000_000);
    peer.write(data);
    expect((await peerRead(peer, data.length)).equals(data)).toBe(true);
  });

  it('sends what is written in one turn with one send', async () => {
    const { stream, peer } = await bed.connected();
    expect(await sendsOf(stream, () => stream.write('one'))).toBe(1);
    const many = await sendsOf(stream, () => {
      for (let count = 0; count < 100; count++) stream.write(`${count},`);
    });
    expect(many).toBe(1);
    const mixed = await sendsOf(stream, () => {
      stream.write(['a', Buffer.alloc(10_000, 'b')]);
      stream.write(Buffer.alloc(15_000, 'c'));
      stream.write('d');
    });
    expect(mixed).toBe(1);
    // Also from within a handler, for what comes of one batch.
    stream.onData = () => {
      for (let count = 0; count < 10; count++) stream.write('x');
    };
    await until('receiving began', () => bed.proactor.stats().inFlight === 1);
    const { submitted } = bed.proactor.stats();
    peer.write('go');
    await peerRead(peer, 3 + 290 + 25_002 + 10);
    await until('it is told', () => stream.writableLength === 0);
    expect(bed.proactor.stats().submitted - submitted).toBe(1);
  });

  it('keeps the order of small and large writes', async () => {
    const { stream, peer } = await bed.accepted();
    const parts = Array.from({ length: 300 }, (_, index) =>
      Buffer.alloc([1, 50, 5000, 20_000, 400_000][index % 5]!, `${index};`),
    );
    const reading = peerReadAll(peer);
    for (const [index, part] of parts.entries()) {
      stream.write(index % 7 === 0 ? part.toString() : part);
      if (index % 20 === 0) await delay(1);
    }
    await stream.end();
    expect((await reading).equals(Buffer.concat(parts))).toBe(true);
  });

  it('sends 100 MB from one buffer', async () => {
    const { stream, peer } = await bed.connected();
    const data = randomBytes(100 << 20);
    const digest = createHash('sha1').update(data).digest('hex');
    const hash = createHash('sha1');
    peer.on('data', (chunk) => hash.update(chunk));
    peer.resume();
    const ended = new Promise((resolve) => peer.on('end', resolve));
    expect(stream.write(data)).toBe(false);
    // The socket took a part of it at once.
    expect(stream.bytesWritten + stream.writableLength).toBe(data.length);
    expect(stream.writableLength).toBeGreaterThan(0);
    await stream.end();
    await ended;
    expect(hash.digest('hex')).toBe(digest);
    expect(stream.bytesWritten).toBe(data.length);
  });

  it('calls callbacks in order, each when its bytes are with the kernel', async () => {
    const { stream, peer } = await bed.connected();
    const calls: string[] = [];
    stream.write('small', (error) => calls.push(`small ${error} ${stream.bytesWritten >= 5}`));
    stream.write(Buffer.alloc(1 << 20), (error) => {
      calls.push(`large ${error} ${stream.bytesWritten >= 5 + (1 << 20)}`);
    });
    stream.write('', (error) => calls.push(`empty ${error}`));
    stream.write('tail', (error) => calls.push(`tail ${error} ${stream.writableLength}`));
    expect(calls).toEqual([]);
    peer.resume();
    await until('all are called', () => calls.length === 4);
    expect(calls).toEqual([
      'small undefined true',
      'large undefined true',
      'empty undefined',
      'tail undefined 0',
    ]);
  });

  it('calls the callback of an empty write', async () => {
    const { stream } = await bed.connected();
    const calls: unknown[] = [];
    stream.write('', (error) => calls.push(error));
    await until('it is called', () => calls.length === 1);
    await stream.writeAsync(Buffer.alloc(0));
    await stream.writeAsync([]);
    expect(calls).toEqual([undefined]);
  });

  it('lets a buffer be changed after its callback, and a small one at once', async () => {
    const { stream, peer } = await bed.connected();
    const large = Buffer.alloc(3 << 20, 'a');
    const small = Buffer.from('small');
    const reading = peerReadAll(peer);
    stream.write(small);
    small.fill(0);
    await stream.writeAsync(large);
    large.fill('b');
    await stream.end();
    expect((await reading).toString()).toBe(`small${'a'.repeat(3 << 20)}`);
  });

  it('fulfils writeAsync, and ends the wait alone when its signal is aborted', async () => {
    const { stream, peer } = await bed.connected();
    await stream.writeAsync('first ');
    await stream.writeAsync(['sec', 'ond '], { signal: new AbortController().signal });
    const before = rejection(stream.writeAsync('never', { signal: AbortSignal.abort() }));
    expect(await before).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    const controller = new AbortController();
    const filler = Buffer.alloc(16 << 20, 'f');
    const waiting = rejection(stream.writeAsync(filler, { signal: controller.signal }));
    await delay(20);
    controller.abort();
    expect(await waiting).toMatchObject({ name: 'AbortError' });
    stream.write('last');
    const all = peerReadAll(peer);
    await stream.end();
    const text = (await all).toString();
    expect(text.slice(0, 13)).toBe('first second ');
    expect(text.slice(13)).toBe(`${'f'.repeat(16 << 20)}last`);
  });

  it('says false at highWaterMark, and calls onDrain when all is sent', async () => {
    const { stream, peer } = await bed.connected({ stream: { highWaterMark: 1000 } });
    const events: string[] = [];
    stream.onDrain = () => events.push(`drain ${stream.writableLength}`);
    expect(stream.write(Buffer.alloc(999))).toBe(true);
    expect(stream.write('x')).toBe(false);
    expect(stream.write('y')).toBe(false);
    expect(stream.writableLength).toBe(1001);
    await until('it drained', () => events.length > 0);
    expect(stream.write('z')).toBe(true);
    await peerRead(peer, 1002);
    await delay(10);
    expect(events).toEqual(['drain 0']);
  });

  it('is held back by a peer that never reads', async () => {
    const { stream, peer } = await bed.connected();
    const before = process.memoryUsage().rss;
    const piece = Buffer.alloc(64 << 10);
    let written = 0;
    let drains = 0;
    const push = (): void => {
      while (stream.write(piece)) written += piece.length;
      written += piece.length;
    };
    stream.onDrain = () => {
      drains++;
      push();
    };
    push();
    // Until the kernel's buffers are full, which takes some megabytes.
    const quietMs = patient(300);
    for (let seen = -1; seen !== drains; await delay(quietMs)) seen = drains;
    expect(written).toBeLessThan(64 << 20);
    // What waits is one write beyond the mark; the rest is with the kernel or was never accepted.
    expect(stream.writableLength).toBeGreaterThanOrEqual(65536);
    expect(stream.writableLength).toBeLessThanOrEqual(2 * 65536);
    expect(stream.bytesWritten + stream.writableLength).toBe(written);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    stream.onDrain = null;
    const reading = peerReadAll(peer);
    await stream.end();
    expect((await reading).length).toBe(written);
  });

  it('writes between two of ours, both ways at once', async () => {
    const { near, far } = await bed.both();
    const there = randomBytes(5 << 20);
    const back = randomBytes(7 << 20);
    const [atFar, atNear] = await Promise.all([
      readAll(far),
      readAll(near),
      near.end(there),
      far.end(back),
    ]);
    expect(atFar.equals(there)).toBe(true);
    expect(atNear.equals(back)).toBe(true);
    await Promise.all([near.closed, far.closed]);
    expect([near.bytesRead, near.bytesWritten]).toEqual([back.length, there.length]);
  });

  it('refuses what cannot be written, and sends nothing of it', async () => {
    const { stream, peer } = await bed.connected();
    for (const data of [undefined, null, 5, {}, true, new ArrayBuffer(3), Symbol('s')]) {
      expect(thrown(() => stream.write(data as never)).code).toBe('ERR_INVALID_ARG_TYPE');
      const inside = thrown(() => stream.write(['fine', data as never]));
      expect(inside.code).toBe('ERR_INVALID_ARG_TYPE');
      expect(inside.message).toContain('data[1]');
    }
    expect(thrown(() => stream.write('x', 'utf8' as never)).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(thrown(() => stream.writeText('x', 'utf9' as never)).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(thrown(() => stream.writeText(5 as never, 'hex')).code).toBe('ERR_INVALID_ARG_TYPE');
    const signal = rejection((async () => stream.writeAsync('x', { signal: 5 as never }))());
    expect((await signal).code).toBe('ERR_INVALID_ARG_TYPE');
    const promised = rejection((async () => stream.writeAsync(5 as never))());
    expect((await promised).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(stream.writableLength).toBe(0);
    await stream.end('only this');
    expect((await peerReadAll(peer)).toString()).toBe('only this');
  });

  it('fails where a buffer is detached before its turn comes', async () => {
    const { stream, peer } = await bed.connected();
    const large = new Uint8Array(8 << 20);
    const errors: (Error | undefined)[] = [];
    stream.onClose = (error) => errors.push(error);
    stream.write(large, (error) => errors.push(error));
    structuredClone(large.buffer, { transfer: [large.buffer] });
    await stream.closed;
    expect(errors).toHaveLength(2);
    for (const error of errors)
      expect(error).toMatchObject({ code: 'ERR_PROACTOR_MEMORY_DETACHED' });
    peer.destroy();
  });
});

const randomFree = Buffer.from('z'.repeat(30_000));
