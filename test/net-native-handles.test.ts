// TLS and HTTP/2 take a handle of Node's in the place of ours. Nothing that was received or written before is lost by
// it, and the connection still ends with the proactor.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as nodeNet from 'node:net';
import * as tls from 'node:tls';
import { expect, it } from '@jest/globals';
import { attach } from 'proactor/http';
import * as net from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { delay } from './support/completions';
import { listen, whenClosed } from './support/http';
import { connectedPair, describeNet } from './support/net-bed';
import { until } from './support/tcp-peer';

const kindOf = (socket: object): string => (socket as { _handle: object })._handle.constructor.name;

const { key, cert, ca } = identity();
const secureServer = (socket: nodeNet.Socket): tls.TLSSocket =>
  new tls.TLSSocket(socket, { isServer: true, key, cert });
const secureClient = (socket: nodeNet.Socket): tls.TLSSocket =>
  tls.connect({ socket, ca, servername: 'localhost' });

const echo = (socket: tls.TLSSocket): void => {
  socket.on('error', () => {});
  socket.pipe(socket);
};

/** Sends a MiB and expects it back. */
async function expectEchoed(socket: tls.TLSSocket): Promise<void> {
  const sent = randomBytes(1 << 20);
  const back: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => back.push(chunk));
  socket.end(sent);
  await once(socket, 'end');
  expect(Buffer.compare(Buffer.concat(back), sent)).toBe(0);
}

describeNet('TLS on a handle of Node’s', ({ proactor }) => {
  it('is put on two connected sockets that were not used', async () => {
    const { near, far } = await connectedPair();
    echo(secureServer(far));
    const client = secureClient(near);
    expect([kindOf(near), kindOf(far)]).toEqual(['TCP', 'TCP']);
    await expectEchoed(client);
    await until('both are closed', () => near.destroyed && far.destroyed);
  });

  it('is put on one that connects still', async () => {
    const server = attach(tls.createServer({ key, cert }, echo));
    const socket = net.connect(await listen(server), '127.0.0.1');
    expect(kindOf(socket)).not.toBe('TCP');
    const client = secureClient(socket);
    await once(client, 'secureConnect');
    expect(kindOf(socket)).toBe('TCP');
    await expectEchoed(client);
  });

  it('fails with what the connection fails with', async () => {
    const server = nodeNet.createServer();
    const port = await listen(server);
    server.close();
    const client = secureClient(net.connect(port, '127.0.0.1'));
    const [error] = await once(client, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await whenClosed(client);
  });

  it('is put on one that was used, in the middle of what is told of it', async () => {
    const { near, far } = await connectedPair();
    far.once('data', (line) => {
      expect(String(line)).toBe('STARTTLS\n');
      far.write('go\n');
      echo(secureServer(far));
    });
    near.write('STARTTLS\n');
    const [line] = await once(near, 'data');
    expect(String(line)).toBe('go\n');
    const client = secureClient(near);
    expect([kindOf(near), kindOf(far)]).toEqual(['TCP', 'TCP']);
    await expectEchoed(client);
    expect(far.bytesRead).toBeGreaterThan(1 << 20);
  });

  it('has what came before it, in one piece or many', async () => {
    for (let round = 0; round < 20; round++) {
      const { near, far } = await connectedPair();
      near.write('STARTTLS\n');
      const client = secureClient(near);
      const echoed = expectEchoed(client);
      let before = '';
      const onData = (chunk: Buffer): void => {
        before += chunk.toString('latin1');
        if (!before.includes('\n')) return;
        far.off('data', onData);
        const rest = before.slice(before.indexOf('\n') + 1);
        far.pause();
        if (rest !== '') far.unshift(Buffer.from(rest, 'latin1'));
        const wrap = (): void => echo(secureServer(far));
        if (round % 4 === 0) wrap();
        else if (round % 4 === 1) process.nextTick(wrap);
        else if (round % 4 === 2) setImmediate(wrap);
        else setTimeout(wrap, 5);
      };
      far.on('data', onData);
      await echoed;
    }
  });

  it('goes over our handle while a lot waits to be sent', async () => {
    const { near, far } = await connectedPair();
    const before = randomBytes(24 << 20); // more than two kernel buffers take
    far.write(before);
    echo(secureServer(far));
    expect(kindOf(far)).not.toBe('TCP');
    const received: Buffer[] = [];
    let length = 0;
    while (length < before.length) {
      const chunk = near.read(Math.min(before.length - length, near.readableLength)) as Buffer;
      if (chunk === null) await once(near, 'readable');
      else {
        received.push(chunk);
        length += chunk.length;
      }
    }
    expect(Buffer.compare(Buffer.concat(received), before)).toBe(0);
    await expectEchoed(secureClient(near));
  });

  it('is told of a reset that comes while it is put on', async () => {
    const { near, far } = await connectedPair();
    near.write('STARTTLS\n');
    await once(far, 'data');
    near.resetAndDestroy();
    const secure = secureServer(far);
    const events: string[] = [];
    secure.on('error', ({ code }: NodeJS.ErrnoException) => events.push(String(code)));
    await whenClosed(secure);
    expect(events).toEqual(['ECONNRESET']);
    expect(far.destroyed).toBe(true);
  });

  it('is told of an end that comes while it is put on', async () => {
    const { near, far } = await connectedPair();
    near.end('STARTTLS\n');
    await once(far, 'data');
    const secure = secureServer(far).resume();
    secure.on('error', () => {});
    await whenClosed(secure);
    expect(far.destroyed).toBe(true);
  });

  it('leaves nothing behind where it cannot be set up', async () => {
    const { near, far } = await connectedPair();
    expect(() => new tls.TLSSocket(far, { isServer: true, key: 'no key', cert })).toThrow();
    near.write('still here');
    const [data] = await once(far, 'data');
    expect(String(data)).toBe('still here');
  });

  it('ends with the proactor', async () => {
    const { near, far } = await connectedPair();
    echo(secureServer(far));
    const client = secureClient(near);
    const errors: string[] = [];
    client.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(String(code)));
    await once(client, 'secureConnect');
    const closed = [whenClosed(client), whenClosed(near), whenClosed(far)];
    await proactor().dispose();
    await Promise.all(closed);
    expect(errors).toEqual(['ERR_PROACTOR_DISPOSED']);
  });

  it('ends where that was asked for while it connected', async () => {
    const server = attach(tls.createServer({ key, cert }, echo));
    const port = await listen(server);
    const client = secureClient(net.connect(port, '127.0.0.1'));
    await expectEchoed(client);
    const socket = net.connect(port, '127.0.0.1');
    const early = secureClient(socket).on('error', () => {});
    socket.end();
    await whenClosed(early);
    expect(socket.destroyed).toBe(true);
  });

  it('keeps nobody alive that was not to be kept', async () => {
    const { near, far } = await connectedPair();
    far.unref();
    echo(secureServer(far));
    expect((far as unknown as { _handle: { hasRef(): boolean } })._handle.hasRef()).toBe(false);
    await expectEchoed(secureClient(near));
  });
});

const responseOf = async (session: http2.ClientHttp2Session): Promise<string> => {
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => {}); // of its session
  let body = '';
  for await (const chunk of stream) body += String(chunk);
  return body;
};

describeNet('HTTP/2 in clear on a handle of Node’s', ({ proactor }) => {
  const serve = async (): Promise<{ port: number; sockets: nodeNet.Socket[] }> => {
    const sockets: nodeNet.Socket[] = [];
    const server = attach(http2.createServer((_request, response) => response.end('hello')));
    server.on('sessionError', () => {});
    server.on('connection', (socket: nodeNet.Socket) => sockets.push(socket));
    return { port: await listen(server), sockets };
  };
  const open = (socket: nodeNet.Socket): http2.ClientHttp2Session => {
    const session = http2.connect('http://localhost', { createConnection: () => socket });
    session.on('error', () => {});
    atEnd(() => session.destroy());
    return session;
  };

  it('has both ends, connected before or not', async () => {
    const { port, sockets } = await serve();
    const connecting = net.connect(port, '127.0.0.1');
    expect(await responseOf(open(connecting))).toBe('hello');
    expect(kindOf(connecting)).toBe('TCP');
    const connected = net.connect(port, '127.0.0.1');
    await once(connected, 'connect');
    expect(await responseOf(open(connected))).toBe('hello');
    expect(sockets.map(kindOf)).toEqual(['TCP', 'TCP']);
  });

  it('ends where that was asked for while it connected', async () => {
    const { port } = await serve();
    const socket = net.connect(port, '127.0.0.1');
    const session = open(socket);
    session.destroy();
    await until('the socket is closed', () => session.destroyed && socket.destroyed);
    const second = net.connect(port, '127.0.0.1');
    open(second).close();
    await until('the socket is closed', () => second.destroyed);
  });

  it('stays on ours where bytes came before', async () => {
    const raw = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write('go\n');
        server.emit('connection', socket);
      });
    });
    const server = http2.createServer((_request, response) => response.end('hello'));
    const socket = net.connect(await listen(raw), '127.0.0.1');
    socket.write('HTTP/2\n');
    const [line] = await once(socket, 'data');
    expect(String(line)).toBe('go\n');
    expect(await responseOf(open(socket))).toBe('hello');
    expect(kindOf(socket)).not.toBe('TCP');
  });

  it('ends with the proactor', async () => {
    const { port } = await serve();
    const socket = net.connect(port, '127.0.0.1');
    const session = open(socket);
    expect(await responseOf(session)).toBe('hello');
    await proactor().dispose();
    await until('the session ended', () => session.destroyed && socket.destroyed);
  });

  it('is told of a reset', async () => {
    const server = nodeNet.createServer((peer) => {
      peer.on('error', () => {});
      peer.once('data', () => delay(5).then(() => peer.resetAndDestroy()));
    });
    const session = open(net.connect(await listen(server), '127.0.0.1'));
    const [error] = await once(session, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    await until('it is closed', () => session.destroyed);
  });
});
