// Several things that happen to one socket or server of proactor/net at once: they are told one after the other, each
// with time for ticks and promises behind it, and none takes another's place.
import { type EventEmitter, once } from 'node:events';
import * as nodeNet from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { expect, it } from '@jest/globals';
import * as net from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { describeNet, listening } from './support/net-bed';
import { patient } from './support/pace';

/** Holds this thread up: what comes meanwhile is dispatched together. */
function holdUp(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, patient(20));
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, patient(20)));

/**
 * Sends so much to `near`, which has to read it, that the kernel then takes 100,000 bytes at once, whether somebody reads or
 * not. Linux 6.1 takes 65,536 at first, and what is not with the receiver yet is dropped by a reset.
 */
async function widen(near: nodeNet.Socket, far: nodeNet.Socket): Promise<void> {
  // The small ones end what a socket does differently after large ones.
  for (const size of [2 << 20, ...Array<number>(80).fill(1)]) {
    const wanted = near.bytesRead + size;
    far.write(Buffer.alloc(size));
    while (near.bytesRead < wanted) await new Promise(setImmediate);
  }
}

const eventOf = <T>(emitter: EventEmitter, name: string): Promise<T> =>
  new Promise((resolve) => emitter.once(name, resolve));

/** A socket of ours, and the other end, which is Node's: what it does is with the kernel at once. */
async function pairWithNode(
  options: nodeNet.NetConnectOpts | object = {},
): Promise<{ near: nodeNet.Socket; far: nodeNet.Socket }> {
  const server = nodeNet
    .createServer({ noDelay: true, allowHalfOpen: true })
    .listen(0, '127.0.0.1');
  atEnd(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as nodeNet.AddressInfo;
  const accepted = once(server, 'connection');
  const near = net.connect({ ...options, port, host: '127.0.0.1' });
  const [far] = (await accepted) as [nodeNet.Socket];
  if (near.connecting) await once(near, 'connect');
  far.on('error', () => {});
  atEnd(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

describeNet('what comes at once to a socket of proactor/net', () => {
  it.each([
    { way: 'by a repeated receive', pauses: false },
    { way: 'by receives one at a time', pauses: true },
  ])('is seen by who waits for one event after the other, $way', async ({ pauses }) => {
    const { near, far } = await pairWithNode();
    if (pauses) near.pause();
    near.resume();
    await soon();
    for (const size of [1, 120_000]) {
      let bytes = 0;
      let event = once(near, 'data');
      far.write(Buffer.alloc(size));
      far.write('b');
      holdUp();
      while (bytes < size + 1) {
        const [chunk] = (await event) as [Buffer];
        bytes += chunk.length;
        event = once(near, 'data');
      }
      event.catch(() => {});
    }
    const last = once(near, 'data');
    far.end('the last');
    holdUp();
    expect(String((await last)[0])).toBe('the last');
    await once(near, 'end');
  });

  it('is seen before the reset behind it', async () => {
    const { near, far } = await pairWithNode();
    near.on('data', () => {});
    await widen(near, far);
    const before = near.bytesRead;
    let bytes = 0;
    near.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const failure = eventOf<NodeJS.ErrnoException>(near, 'error');
    far.write(Buffer.alloc(100_000));
    far.resetAndDestroy();
    holdUp();
    expect((await failure).code).toBe('ECONNRESET');
    expect([bytes, near.bytesRead - before]).toEqual([100_000, 100_000]);
  });

  it('waits while the socket is paused, a reset too', async () => {
    // So little that the second piece, which finds it paused, fills it up: Node reads on until then.
    const { near, far } = await pairWithNode({ highWaterMark: 16_384 });
    near.resume();
    await widen(near, far);
    let failed = false;
    let bytes = 0;
    near.on('error', () => {
      failed = true;
    });
    near.once('data', () => near.pause());
    near.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    far.write(Buffer.alloc(100_000));
    far.resetAndDestroy();
    holdUp();
    await soon();
    expect(bytes).toBeLessThanOrEqual(65_536);
    near.resume();
    await eventOf(near, 'close');
    expect([bytes, failed]).toEqual([100_000, true]);
  });

  it('does not turn a reset into an end or another error where a large write meets it first', async () => {
    const { near, far } = await pairWithNode();
    near.pause();
    near.resume(); // so that it is read at once, and no receive in flight finds out
    await soon();
    let ended = false;
    near.on('end', () => {
      ended = true;
    });
    const failure = eventOf<NodeJS.ErrnoException>(near, 'error');
    far.resetAndDestroy();
    near.write(Buffer.alloc(100_000));
    expect((await failure).code).toBe('ECONNRESET');
    expect(ended).toBe(false);
  });
});

describeNet('an end of a connection under TLS', () => {
  it.each([0, 100_000])('comes behind what TLS says last, after %i bytes', async (size) => {
    const { near, far } = await pairWithNode();
    const { key, cert, ca } = identity();
    const peer = new TLSSocket(far, { isServer: true, key, cert });
    const failures: unknown[] = [];
    const secure = connectTls({ socket: near, ca, servername: 'localhost' });
    for (const socket of [secure, peer]) socket.on('error', (error) => failures.push(error));
    let bytes = 0;
    peer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const ended = eventOf(peer, 'end');
    await once(secure, 'secureConnect');
    if (size > 0) secure.write(Buffer.alloc(size));
    secure.end();
    await ended;
    await soon();
    expect(failures).toEqual([]);
    expect(bytes).toBe(size);
  });

  it.each(['meanwhile', 'afterwards'])('is told to both who ask for it, %s', async (when) => {
    const { near, far } = await pairWithNode();
    const { key, cert, ca } = identity();
    const peer = new TLSSocket(far, { isServer: true, key, cert });
    peer.resume().on('error', () => {});
    const secure = connectTls({ socket: near, ca, servername: 'localhost' });
    await once(secure, 'secureConnect');
    const endOf = (socket: nodeNet.Socket): Promise<void> =>
      new Promise((resolve) => socket.end(() => resolve()));
    const first = endOf(secure);
    if (when === 'afterwards') await first;
    await Promise.all([first, endOf(near)]);
  });

  it('sends what TLS writes last: why a handshake was refused', async () => {
    const { near, far } = await pairWithNode();
    const { key, cert } = identity();
    // The end on the Proactor is the one that refuses, and is destroyed then.
    const refusing = new TLSSocket(near, { isServer: true, key, cert, minVersion: 'TLSv1.3' });
    refusing.on('error', () => {});
    const socket = connectTls({ socket: far, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = await once(socket, 'error').catch((failure) => [failure]);
    expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });
});

describeNet('several connections at once', () => {
  it('are seen by who waits for one after the other', async () => {
    const { server, port } = await listening(() => {});
    const count = 8;
    for (let i = 0; i < count; i++) {
      const client = nodeNet.connect(port, '127.0.0.1').on('error', () => {});
      atEnd(() => client.destroy());
    }
    holdUp();
    for (let i = 0; i < count; i++) await once(server, 'connection');
  });

  it('are closed where the server is closed at the first', async () => {
    let seen = 0;
    const { server, port } = await listening((socket) => {
      seen++;
      socket.destroy();
      server.close();
    });
    const clients = Array.from({ length: 8 }, () =>
      nodeNet.connect(port, '127.0.0.1').on('error', () => {}),
    );
    const closed = Promise.all(clients.map((client) => eventOf(client, 'close')));
    for (const client of clients) client.resume();
    holdUp();
    await closed;
    expect(seen).toBeGreaterThan(0);
  });
});
