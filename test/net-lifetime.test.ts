// Sockets of proactor/net at their end: what was written arrives, descriptors are closed, and nothing is kept.
import { type EventEmitter, once } from 'node:events';
import { readdirSync } from 'node:fs';
import * as nodeNet from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { channels, constants, Proactor } from 'proactor';
import * as net from 'proactor/net';
import { addon } from '#lib/ring/binding';
import { atEnd } from './support/cleanup';
import { delay } from './support/completions';
import { readAll } from './support/http';
import { connectedPair, contentOf, describeNet, listening } from './support/net-bed';
import { patient } from './support/pace';
import { disown, tcpSocket } from './support/sockets';
import { until } from './support/tcp-peer';

/** As `once`, which an 'error' before would reject. */
const closeOf = (emitter: EventEmitter): Promise<void> =>
  new Promise((resolve) => emitter.once('close', () => resolve()));

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describeNet('a socket of proactor/net at its end', ({ proactor }) => {
  it('lets what comes of the last bytes be written before it sees their end', async () => {
    const { port } = await listening((socket) => {
      socket.on('data', async (data) => {
        for (let i = 0; i < 10; i++) await new Promise(process.nextTick);
        socket.write(`answer to ${data}`);
      });
    });
    for (let i = 0; i < 20; i++) {
      const client = nodeNet.connect(port, '127.0.0.1', () => client.end(`question ${i}`));
      expect(await readAll(client)).toBe(`answer to question ${i}`);
    }
  });

  it('is an instance of the class of Node, and takes that of Node for one', async () => {
    const { near, far } = await connectedPair();
    for (const socket of [near, far]) {
      expect(socket).toBeInstanceOf(net.Socket);
      expect(socket).toBeInstanceOf(nodeNet.Socket);
    }
    expect(new nodeNet.Socket()).toBeInstanceOf(net.Socket);
    expect(new nodeNet.Server()).toBeInstanceOf(net.Server);
    expect({}).not.toBeInstanceOf(net.Socket);
  });

  it('sends what was written before destroy() if the callback said so', async () => {
    const { near, far } = await connectedPair();
    const received = contentOf(near);
    far.write('last words', () => far.destroy());
    expect(String(await received)).toBe('last words');
  });

  it('sends what was taken in the same turn as destroy()', async () => {
    const { near, far } = await connectedPair();
    const received = contentOf(near);
    far.write('one ');
    far.write('two');
    far.destroy();
    expect(String(await received)).toBe('one two');
  });

  it('sends what was taken to a peer that reads only later, and tells "close" without waiting', async () => {
    const { near, far } = await connectedPair();
    near.pause();
    const piece = Buffer.alloc(32768, 'x');
    // Until the kernel takes no more, then a little that waits here.
    let taken = 0;
    const onTaken = (): void => {
      if (!far.destroyed) taken += piece.length;
    };
    for (let i = 0; i < 4096 && far.writableLength === 0; i++) {
      far.write(piece, onTaken);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(far.writableLength).toBeGreaterThan(0);
    expect(taken).toBeGreaterThan(0);
    far.destroy();
    await closeOf(far);
    near.resume();
    const received = await contentOf(near);
    expect(received.length).toBeGreaterThanOrEqual(taken);
  });

  it('drops what was not taken when it is destroyed', async () => {
    const { near, far } = await connectedPair();
    near.pause();
    let error: Error | null | undefined;
    far.write(Buffer.alloc(64 << 20), (failure) => {
      error = failure;
    });
    far.destroy();
    await closeOf(far);
    near.resume();
    const received = await contentOf(near);
    expect(received.length).toBeLessThan(64 << 20);
    await until('the callback is called', () => error !== undefined);
  });

  it('flushes everything before the end, to a slow reader, too', async () => {
    const { near, far } = await connectedPair();
    near.pause();
    const sent = Buffer.alloc(8 << 20, 'abcdefghijklmnopqrstuvwxyz');
    far.end(sent);
    await new Promise((resolve) => setTimeout(resolve, patient(20)));
    near.resume();
    const received = await contentOf(near);
    expect(received.equals(sent)).toBe(true);
  });

  it('resets the connection with resetAndDestroy()', async () => {
    const { near, far } = await connectedPair();
    const error = closeOf(near).then(() => near.errored);
    far.resetAndDestroy();
    expect(await error).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
  });

  it('leaves no descriptor, however it ends', async () => {
    const endings: ((socket: nodeNet.Socket) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.end('bye'),
      (socket) => socket.destroy(),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.destroySoon(),
      (socket) => socket.write('x', () => socket.destroy()),
    ];
    const { port } = await listening((socket) => socket.resume());
    const before = descriptors();
    for (const end of [...endings, ...endings]) {
      const socket = net.connect(port, '127.0.0.1').on('error', () => {});
      socket.resume();
      await once(socket, 'connect');
      end(socket);
      await closeOf(socket);
    }
    await until('all descriptors are closed', () => descriptors() <= before);
  });

  it('leaves no descriptor of a connect that is given up', async () => {
    const { port } = await listening(() => {});
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      const socket = net.connect(port, '127.0.0.1').on('error', () => {});
      if (i % 2 === 0) await new Promise((resolve) => process.nextTick(resolve));
      socket.destroy();
      await closeOf(socket);
    }
    await until('all descriptors are closed', () => descriptors() <= before + 1);
  });

  it('is destroyed together with the proactor, and so is the server', async () => {
    const { near, far } = await connectedPair();
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const closed = [closeOf(near), closeOf(far), closeOf(server)];
    await proactor().dispose();
    await Promise.all(closed);
    expect(near.errored).toMatchObject({ code: 'ERR_PROACTOR_DISPOSED' });
  });

  it('is no error of a socket that had ended and waited for the other end', async () => {
    const { near, far } = await connectedPair({ allowHalfOpen: true });
    let failures = 0;
    near.on('error', () => failures++);
    near.end('the last');
    expect(String(await contentOf(far))).toBe('the last');
    const closed = closeOf(near);
    await proactor().dispose();
    await closed;
    expect(failures).toBe(0);
  });

  it('runs on a proactor that the module makes itself where the one it was given is disposed of', async () => {
    await proactor().dispose();
    const made: Proactor[] = [];
    const onOpen = (message: unknown): unknown =>
      made.push((message as { proactor: Proactor }).proactor);
    channels.open.subscribe(onOpen);
    atEnd(() => channels.open.unsubscribe(onOpen));
    atEnd(() => made[0]?.dispose());
    const { near, far } = await connectedPair();
    far.end('still here');
    expect(String(await contentOf(near))).toBe('still here');
    expect(made.length).toBe(1);
  });

  it('knows what came and was not given out yet, for an agent that is about to use it again', async () => {
    const isPending = (socket: nodeNet.Socket): boolean =>
      (socket as unknown as { _handle: { hasPendingRead(): boolean } })._handle.hasPendingRead();
    const pairs = [await connectedPair(), await connectedPair()];
    const given = Promise.all(pairs.map(({ near }) => once(near, 'data')));
    const seen: boolean[] = [];
    for (const { near } of pairs) {
      const other = pairs.find((pair) => pair.near !== near)!;
      near.once('data', () => {
        const untilMs = performance.now() + patient(seen.length === 0 ? 2000 : 20);
        while (!isPending(other.near) && performance.now() < untilMs);
        seen.push(isPending(other.near));
      });
    }
    expect(pairs.map(({ near }) => isPending(near))).toEqual([false, false]);
    for (const { far } of pairs) far.write('x');
    await given;
    expect(seen).toEqual([true, false]);
  });

  it('frees the address at once when a server is closed', async () => {
    const first = net.createServer().listen(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address() as nodeNet.AddressInfo;
    first.close();
    const second = net.createServer().listen(port, '127.0.0.1');
    atEnd(() => second.close());
    await once(second, 'listening');
    expect((second.address() as nodeNet.AddressInfo).port).toBe(port);
  });

  it('keeps a descriptor of the caller with Node', async () => {
    const { port } = await listening((socket) => socket.pipe(socket));
    const fd = disown(tcpSocket());
    await proactor().connect(fd, { address: '127.0.0.1', port });
    const socket = new net.Socket({ fd });
    atEnd(() => socket.destroy());
    socket.write('through a descriptor');
    const [data] = await once(socket, 'data');
    expect(String(data)).toBe('through a descriptor');
  });
});

describe('useProactor() throws', () => {
  it.each([undefined, null, 7, {}, 'loop'])('ERR_INVALID_ARG_TYPE for %p', (value) => {
    expect(() => net.useProactor(value as unknown as Proactor)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining('"proactor"'),
      }),
    );
  });

  it('ERR_PROACTOR_DISPOSED for one that was disposed of', async () => {
    const proactor = new Proactor();
    await proactor.dispose();
    expect(() => net.useProactor(proactor)).toThrow(
      expect.objectContaining({ code: 'ERR_PROACTOR_DISPOSED' }),
    );
  });
});

describeNet('a server of proactor/net', ({ proactor }) => {
  it('says once that its socket accepts nothing any more, and tries no more', async () => {
    const { server } = await listening(() => {});
    const errors: NodeJS.ErrnoException[] = [];
    server.on('error', (error) => errors.push(error));
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    addon!.shutdown(fd, constants.SHUT_RDWR);
    await until('it is told', () => errors.length > 0);
    const { completions } = proactor().stats();
    await delay(250);
    expect(errors).toMatchObject([{ code: 'EINVAL', syscall: 'accept' }]);
    expect(proactor().stats().completions - completions).toBeLessThan(5);
    server.close();
    await closeOf(server);
  });
});
