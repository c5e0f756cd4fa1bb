// attach(): servers of Node's own modules, on the Proactor.
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { Proactor, TcpAcceptor } from 'proactor';
import { attach, shutdown } from 'proactor/http';
import * as proactorNet from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { connectRaw, HOST, listen, listenLocally, readAll, request } from './support/http';
import { describeNet, isOurs } from './support/net-bed';

describeNet('a server that attach() was given', ({ dispatcher, proactor }) => {
  it('of node:http takes its connections from the Proactor', async () => {
    const server = http.createServer((incoming, response) => {
      response.end(`${incoming.url} ${isOurs(incoming.socket)}`);
    });
    expect(attach(server)).toBe(server);
    const port = await listen(server);
    const { status, body } = await request(port, { path: '/x?y' });
    expect([status, String(body)]).toEqual([200, '/x?y true']);
    expect(proactor().stats().completions).toBeGreaterThan(1);
  });

  it('listens to none of its connections', async () => {
    const server = attach(net.createServer());
    const accepted = once(server, 'connection') as Promise<[net.Socket]>;
    const port = await listen(server);
    await connectRaw(port);
    const [socket] = await accepted;
    atEnd(() => socket.destroy());
    const plain = new net.Socket();
    const count = (each: net.Socket): number[] =>
      ['close', 'end', 'error', 'data'].map((event) => each.listenerCount(event));
    expect(count(socket)).toEqual(count(plain));
  });

  it('of node:https does, under TLS', async () => {
    const server = attach(
      https.createServer(identity(), (incoming, response) => {
        const { encrypted, authorized } = incoming.socket as tls.TLSSocket;
        response.end(`${encrypted} ${authorized}`);
      }),
    );
    const accepted = once(server, 'connection') as Promise<[net.Socket]>;
    const port = await listen(server);
    const { body } = await request(port, { secure: true });
    expect(String(body)).toBe('true false');
    expect(isOurs((await accepted)[0])).toBe(true);
  });

  it('of node:http2 does, with TLS and without', async () => {
    const answer = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void => {
      stream.respond({ ':status': 200 });
      stream.end(`${headers[':path']} ${isOurs(stream.session!.socket as net.Socket)}`);
    };
    const plain = attach(http2.createServer());
    const secure = attach(http2.createSecureServer(identity()));
    plain.on('stream', answer);
    secure.on('stream', answer);
    const accepted = once(secure, 'connection') as Promise<[net.Socket]>;
    const urls = [
      `http://${HOST}:${await listen(plain)}`,
      `https://${HOST}:${await listen(secure)}`,
    ];
    for (const url of urls) {
      const session = http2.connect(url, { ca: identity().ca });
      atEnd(() => session.destroy());
      const streams = ['/a', '/b', '/c'].map((path) => session.request({ ':path': path }));
      const bodies = await Promise.all(streams.map(readAll));
      expect(bodies.map((body) => body.split(' ')[0])).toEqual(['/a', '/b', '/c']);
      session.close();
      await once(session, 'close');
    }
    expect(isOurs((await accepted)[0])).toBe(true);
  });

  it('of node:http2 does, for clients of HTTP/1, too', async () => {
    const server = attach(
      http2.createSecureServer({ ...identity(), allowHTTP1: true }, (incoming, response) => {
        response.end(`HTTP/${incoming.httpVersion}`);
      }),
    );
    const { body } = await request(await listen(server), { secure: true });
    expect(String(body)).toBe('HTTP/1.1');
  });

  it('of node:tls does', async () => {
    const server = attach(tls.createServer(identity(), (socket) => socket.pipe(socket)));
    const port = await listen(server);
    const socket = tls.connect({ host: HOST, port, ca: identity().ca });
    atEnd(() => socket.destroy());
    const message = 'to and fro '.repeat(10_000);
    socket.end(message);
    expect(await readAll(socket)).toBe(message);
  });

  it('of node:net does, on a Unix domain socket as well', async () => {
    const server = attach(net.createServer((socket) => socket.end(`ours: ${isOurs(socket)}`)));
    expect(await readAll(await connectRaw(await listen(server)))).toBe('ours: true');
    const local = attach(net.createServer((socket) => socket.end(`ours: ${isOurs(socket)}`)));
    const name = await listenLocally(local);
    expect(local.address()).toBe(name);
    const client = net.connect(name);
    expect(await readAll(client)).toBe('ours: true');
  });

  it('of proactor/net stays what it is', async () => {
    const server = attach(proactorNet.createServer((socket) => socket.end(`${isOurs(socket)}`)));
    expect(await readAll(await connectRaw(await listen(server)))).toBe('true');
  });

  it('keeps its own methods, events and limits', async () => {
    const server = attach(net.createServer((socket) => socket.resume()));
    const port = await listen(server);
    expect(server.listening).toBe(true);
    expect(server.address()).toEqual({ address: HOST, family: 'IPv4', port });
    server.maxConnections = 1;
    const first = await connectRaw(port);
    const dropped = once(server, 'drop');
    const second = await connectRaw(port);
    expect((await dropped)[0]).toMatchObject({ localPort: port, remotePort: second.localPort });
    const count = new Promise((resolve) => server.getConnections((_error, n) => resolve(n)));
    expect(await count).toBe(1);
    first.end();
    server.close();
    await once(server, 'close');
    expect(server.address()).toBe(null);
  });

  it('can listen again after it was closed, and reports an address in use', async () => {
    const server = attach(http.createServer((_incoming, response) => response.end('again')));
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    server.listen(port, HOST);
    await once(server, 'listening');
    expect(String((await request(port)).body)).toBe('again');
    const other = attach(http.createServer());
    other.listen(port, HOST);
    expect((await once(other, 'error'))[0]).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'listen',
      port,
    });
  });

  it('can be given while it looks up where to listen', async () => {
    const server = net.createServer((socket) => socket.end(`${isOurs(socket)}`));
    server.listen({ port: 0, host: 'localhost' });
    attach(server);
    await once(server, 'listening');
    atEnd(() => shutdown(server, { timeoutMs: 0 }));
    const { port, address } = server.address() as net.AddressInfo;
    expect(await readAll(await connectRaw(port, address))).toBe('true');
  });

  it('may be given twice', async () => {
    let connections = 0;
    const server = attach(attach(http.createServer((_incoming, response) => response.end('once'))));
    server.on('connection', () => connections++);
    const port = await listen(server);
    expect(String((await request(port)).body)).toBe('once');
    expect(connections).toBe(1);
  });

  it('takes connections from the proactor that it was given, the last time', async () => {
    const [first, second] = [dispatcher.open(), dispatcher.open()];
    const server = attach(
      http.createServer((_incoming, response) => response.end('given')),
      {
        proactor: first,
      },
    );
    attach(server, { proactor: second });
    attach(server);
    expect(String((await request(await listen(server))).body)).toBe('given');
    expect(second.stats().completions).toBeGreaterThan(1);
    expect([first.stats().completions, proactor().stats().completions]).toEqual([0, 0]);
  });

  it('ends with its proactor', async () => {
    const own = dispatcher.open();
    const errors: unknown[] = [];
    const server = attach(
      net.createServer((socket) =>
        socket.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(code)),
      ),
      { proactor: own },
    );
    const accepted = once(server, 'connection');
    const client = await connectRaw(await listen(server));
    await accepted;
    const closed = once(server, 'close');
    await own.dispose();
    await closed;
    expect(await readAll(client)).toBe('');
    expect(errors).toEqual(['ERR_PROACTOR_DISPOSED']);
    expect(() => server.listen(0)).toThrow(
      expect.objectContaining({ code: 'ERR_PROACTOR_DISPOSED' }),
    );
  });
});

describe('attach() throws', () => {
  const attachAny = attach as (...args: readonly unknown[]) => unknown;

  it.each([undefined, null, 7, 'server', {}, new net.Socket(), http.createServer])(
    'ERR_INVALID_ARG_TYPE for what is no server: %p',
    (value) => {
      expect(() => attachAny(value)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    },
  );

  it('ERR_INVALID_ARG_TYPE for a server of the other tier, whose connections are on the Proactor', async () => {
    const proactor = new Proactor();
    atEnd(() => proactor.dispose());
    const acceptor = await TcpAcceptor.listen(proactor, { port: 0, host: HOST }, () => {});
    expect(() => attachAny(acceptor)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });

  it.each([
    [null, 'options'],
    [7, 'options'],
    [{ proactor: null }, 'options.proactor'],
    [{ proactor: {} }, 'options.proactor'],
    [{ proactor: 'loop' }, 'options.proactor'],
  ])('ERR_INVALID_ARG_TYPE for wrong options, by name: %p', (options, name) => {
    expect(() => attachAny(net.createServer(), options)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining(`"${name}"`),
      }),
    );
  });

  it('ERR_SERVER_ALREADY_LISTEN for a server that listens', async () => {
    const server = http.createServer();
    await listen(server);
    expect(() => attach(server)).toThrow(
      expect.objectContaining({
        code: 'ERR_SERVER_ALREADY_LISTEN',
        message: expect.stringMatching(/before listen/),
      }),
    );
  });

  it('ERR_PROACTOR_DISPOSED for a proactor that is', async () => {
    const proactor = new Proactor();
    await proactor.dispose();
    expect(() => attach(net.createServer(), { proactor })).toThrow(
      expect.objectContaining({ code: 'ERR_PROACTOR_DISPOSED' }),
    );
  });
});
