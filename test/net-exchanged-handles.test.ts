// What a socket has besides its bytes survives that TLS takes a handle of Node's for it: a buffer of the program's, bytes
// that wait, figures, callbacks, contexts.
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import * as nodeNet from 'node:net';
import { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { expect, it, jest } from '@jest/globals';
import { attach } from 'proactor/http';
import * as net from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { delay } from './support/completions';
import { listen, whenClosed } from './support/http';
import { connectedPair, describeNet } from './support/net-bed';
import { until } from './support/tcp-peer';

const { key, cert, ca } = identity();
const secureServer = (socket: nodeNet.Socket): tls.TLSSocket =>
  new tls.TLSSocket(socket, { isServer: true, key, cert }).on('error', () => {});
const secureClient = (socket: nodeNet.Socket): tls.TLSSocket =>
  tls.connect({ socket, ca, servername: 'localhost' });

async function sendPieces(socket: net.Socket, bytes: Buffer, pauseMs: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += 50) {
    socket.write(bytes.subarray(at, at + 50));
    if (pauseMs > 0) await delay(pauseMs - 1);
  }
}

/** A connection whose bytes go into a buffer, to a server that does something with its end. */
async function intoBuffer(
  serve: (peer: nodeNet.Socket) => void,
  size: number,
  onBytes: (bytes: Buffer) => boolean,
): Promise<net.Socket> {
  const port = await listen(nodeNet.createServer(serve));
  const buffer = Buffer.alloc(size);
  const callback = (length: number): boolean => onBytes(Buffer.from(buffer.subarray(0, length)));
  const socket = net.connect({ port, host: '127.0.0.1', onread: { buffer, callback } });
  atEnd(() => socket.destroy());
  return socket;
}

describeNet('An exchange of handles keeps', ({ proactor }) => {
  it('bytes from a buffer of the program’s, before the connection is there', async () => {
    const onBytes = jest.fn(() => true);
    const client = secureClient(
      await intoBuffer((peer) => secureServer(peer).end('hello'), 64, onBytes),
    );
    const [data] = await once(client, 'data');
    expect(String(data)).toBe('hello');
    expect(onBytes).not.toHaveBeenCalled();
  });

  it('bytes from a buffer of the program’s, after a line in clear', async () => {
    const lines: string[] = [];
    const serve = (peer: nodeNet.Socket): void => {
      peer.write('go\n');
      secureServer(peer).end('hello');
    };
    const secured = new Promise<tls.TLSSocket>((resolve) => {
      const socket = intoBuffer(serve, 64, (bytes) => {
        lines.push(String(bytes));
        socket.then(secureClient).then(resolve);
        return true;
      });
    });
    const [data] = await once(await secured, 'data');
    expect(String(data)).toBe('hello');
    expect(lines).toEqual(['go\n']);
  });

  it('what did not fit into the buffer of the program’s', async () => {
    const serve = (peer: nodeNet.Socket): void => {
      peer.write('STARTTLS\n');
      secureClient(peer).write('secret');
    };
    const socket = await intoBuffer(serve, 9, () => false);
    await until('the line is read', () => socket.bytesRead > 0);
    await delay(20);
    const [data] = await once(secureServer(socket), 'data');
    expect(String(data)).toBe('secret');
  });

  it('what came for a socket that was paused before', async () => {
    for (let round = 0; round < 10; round++) {
      const socket = await intoBuffer(
        (peer) => secureClient(peer).write('secret'),
        65536,
        () => true,
      );
      await once(socket, 'connect');
      socket.pause();
      await delay(round);
      if (socket.bytesRead > 0) continue;
      const [data] = await once(secureServer(socket), 'data');
      expect(String(data)).toBe('secret');
    }
  });

  // They are in the stream's own queue, with the ring and in the kernel.
  it('the order of bytes that wait in three places', async () => {
    for (let round = 0; round < 16; round++) {
      const { near, far } = await connectedPair({ highWaterMark: 8 * round + 1 });
      near.setNoDelay(true);
      const inPieces = new Duplex({
        read() {},
        write(bytes: Buffer, _encoding, done) {
          sendPieces(near, bytes, round % 3).then(() => done(), done);
        },
      });
      near.on('data', (data) => inPieces.push(data));
      near.write('STARTTLS\n');
      const client = tls.connect({ socket: inPieces, ca, servername: 'localhost' });
      client.on('error', () => {}).write('secret');
      for (let line = ''; !line.endsWith('\n'); ) {
        const character = far.read(1) as Buffer | null;
        if (character === null) await once(far, 'readable');
        else line += String(character);
      }
      if (round % 2 === 0) await delay(round % 5);
      const [data] = await once(secureServer(far), 'data');
      expect(String(data)).toBe('secret');
      client.destroy();
    }
  });

  it('how many bytes there were', async () => {
    const { near, far } = await connectedPair();
    near.write('STARTTLS\n');
    await once(far, 'data');
    const server = secureServer(far);
    const client = secureClient(near);
    client.write('x');
    await once(server, 'data');
    expect(far.bytesRead).toBe(near.bytesWritten);
    expect(far.bytesRead).toBeGreaterThan(100);
    const written = near.bytesWritten;
    client.destroy();
    await whenClosed(near);
    expect(near.bytesWritten).toBeGreaterThanOrEqual(written);
  });

  it('what was written when it was connected, before TLS', async () => {
    let line = '';
    const server = net.createServer((socket) => {
      socket.on('readable', function read() {
        for (let next: unknown; !line.endsWith('\n'); line += String(next)) {
          next = socket.read(1);
          if (next === null) return;
        }
        socket.off('readable', read);
        secureServer(socket).end('hello');
      });
    });
    const socket = net.connect(await listen(server), '127.0.0.1');
    const client = secureClient(socket);
    socket.prependOnceListener('connect', () => socket.write('PROXY\n'));
    const [data] = await once(client, 'data');
    expect(String(data)).toBe('hello');
    expect(line).toBe('PROXY\n');
  });

  it('that it was destroyed or ended when it was connected, before TLS', async () => {
    const port = await listen(nodeNet.createServer((peer) => peer.on('error', () => {})));
    for (const end of ['destroy', 'end'] as const) {
      const socket = net.connect(port, '127.0.0.1');
      const client = secureClient(socket).on('error', () => {});
      socket.prependOnceListener('connect', () => socket[end]());
      await Promise.all([whenClosed(socket), whenClosed(client)]);
      expect(client.destroyed).toBe(true);
    }
  });

  it('who waits for what is sent', async () => {
    const { near, far } = await connectedPair();
    const length = 8 << 20;
    let received = 0;
    let client: tls.TLSSocket | undefined;
    near.on('readable', () => {
      while (received < length) {
        const chunk = near.read(Math.min(length - received, near.readableLength)) as Buffer | null;
        if (chunk === null) return;
        received += chunk.length;
      }
      near.removeAllListeners('readable');
      client = secureClient(near);
    });
    const told = new Promise<unknown>((resolve) => far.write(Buffer.alloc(length), resolve));
    const server = secureServer(far);
    server.end('hello');
    expect((await told) ?? undefined).toBeUndefined();
    await until('the client reads', () => client !== undefined);
    const [data] = await once(client!, 'data');
    expect(String(data)).toBe('hello');
  });

  it('nothing of a connection that was reset', async () => {
    const { near, far } = await connectedPair();
    const disown = jest.spyOn(proactor(), 'disown');
    const own = jest.spyOn(proactor(), 'own');
    secureServer(far);
    const [owned] = own.mock.calls[0]!;
    far.resetAndDestroy();
    await whenClosed(far);
    expect(disown.mock.calls).toContainEqual([owned]);
    near.destroy();
  });

  it('the context of the socket', async () => {
    const storage = new AsyncLocalStorage<string>();
    const server = attach(tls.createServer({ key, cert }, (socket) => socket.end('hello')));
    const port = await listen(server);
    for (const isConnected of [false, true]) {
      const socket = storage.run('connection', () => net.connect(port, '127.0.0.1'));
      if (isConnected) await once(socket, 'connect');
      const stores: unknown[] = [];
      const client = storage.run('tls', () => secureClient(socket));
      client.resume().once('end', () => stores.push(storage.getStore()));
      socket.once('close', () => stores.push(storage.getStore()));
      await whenClosed(socket);
      expect(stores).toEqual(['tls', 'connection']);
    }
  });
});
