// Much at once through sockets of proactor/net: nothing is lost, reordered or mixed with what is another's,
// however the bytes come in: through shared buffers, of which there may be few, or read into the socket's own.
import { once } from 'node:events';
import * as nodeNet from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, it } from '@jest/globals';
import * as net from 'proactor/net';
import { atEnd } from './support/cleanup';
import { describeEach } from './support/dispatchers';
import { connectedPair, contentOf, describeNet, listening } from './support/net-bed';

/** Bytes whose every place, and whose connection, can be told from their values. */
function marked(connection: number, length: number): Buffer {
  const words = new Uint32Array(length / 4);
  for (let i = 0; i < words.length; i++) words[i] = (connection << 24) | i;
  return Buffer.from(words.buffer);
}

async function echoOf(port: number, data: Buffer): Promise<Buffer> {
  const socket = nodeNet.connect({ port, host: '127.0.0.1' });
  atEnd(() => socket.destroy());
  await once(socket, 'connect');
  socket.end(data);
  return contentOf(socket);
}

describeEach('many large echoes on few buffers', (dispatcher) => {
  it.each([
    { count: 2, size: 262144 },
    { count: 4, size: 131072 },
    { count: 64, size: 262144 },
  ])('come back whole with $count of $size bytes', async (buffers) => {
    net.useProactor(dispatcher.open({ buffers }));
    const { port } = await listening(
      (socket) => {
        socket.on('data', (chunk) => {
          if (!socket.write(chunk)) socket.pause();
        });
        socket.on('drain', () => socket.resume());
        socket.on('end', () => socket.end());
      },
      { allowHalfOpen: true },
    );
    const messages = Array.from({ length: 24 }, (_, i) => marked(i, 1 << 20));
    const echoes = await Promise.all(messages.map((message) => echoOf(port, message)));
    for (const [i, echo] of echoes.entries()) expect(echo.equals(messages[i]!)).toBe(true);
  });
});

describeNet('a large transfer over a socket of proactor/net', () => {
  const size = 8 << 20;

  it('arrives whole at a reader that stops and goes on', async () => {
    const { near, far } = await connectedPair();
    const data = marked(1, size);
    far.end(data);
    const received: Buffer[] = [];
    let pauses = 0;
    near.on('data', (chunk: Buffer) => {
      received.push(chunk);
      if (received.length % 5 !== 0) return;
      pauses++;
      near.pause();
      setImmediate(() => near.resume());
    });
    await once(near, 'end');
    expect(pauses).toBeGreaterThan(4);
    expect(Buffer.concat(received).equals(data)).toBe(true);
    expect(near.bytesRead).toBe(size);
    expect(far.bytesWritten).toBe(size);
  });

  it('keeps its order when small and large pieces follow each other', async () => {
    const { near, far } = await connectedPair();
    const data = marked(2, size);
    const received = contentOf(near);
    let at = 0;
    for (let i = 0; at < size; i++) {
      const length = [1, 100, 20_000, 16_384, 300_000, 70_000][i % 6]!;
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i % 4 === 0) far.cork();
      far.write(data.subarray(at, at + length));
      if (i % 4 === 3) process.nextTick(() => far.uncork());
      at += length;
    }
    far.end();
    expect((await received).equals(data)).toBe(true);
  });

  it('is the same after bulk has gone over to small messages, and back', async () => {
    const { near, far } = await connectedPair();
    far.pipe(far);
    near.on('data', () => {});
    let answered = 0;
    near.on('data', (chunk: Buffer) => {
      answered += chunk.length;
    });
    const answer = async (data: Buffer): Promise<void> => {
      const wanted = answered + data.length;
      near.write(data);
      while (answered < wanted) await once(near, 'data');
    };
    for (let round = 0; round < 3; round++) {
      await answer(marked(round, 1 << 20));
      for (let i = 0; i < 100; i++) await answer(Buffer.from(`message ${i}`));
    }
    expect(answered).toBe(near.bytesWritten);
  });

  it('does not go through what its receiver keeps', async () => {
    const { near, far } = await connectedPair();
    const data = marked(3, size);
    const kept: Buffer[] = [];
    await Promise.all([
      pipeline(Readable.from([data]), far),
      pipeline(
        near,
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            kept.push(chunk);
            done();
          },
        }),
      ),
    ]);
    const before = kept.map((chunk) => Buffer.from(chunk));
    // More of other bytes by the same way.
    const second = await connectedPair();
    second.far.end(Buffer.alloc(size, 0xff));
    await contentOf(second.near);
    expect(Buffer.concat(kept).equals(data)).toBe(true);
    expect(Buffer.concat(before).equals(data)).toBe(true);
  });

  it('is over for its sender when the receiver resets in the middle', async () => {
    const { near, far } = await connectedPair();
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => far.once('error', resolve));
    const called = new Promise<void>((resolve) => {
      far.write(marked(4, 64 << 20), () => resolve());
    });
    near.once('data', () => near.resetAndDestroy());
    near.resume();
    expect(['ECONNRESET', 'EPIPE']).toContain((await failure).code);
    await called;
  });
});
