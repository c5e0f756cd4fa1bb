// shutdown(): what is being done is finished, what is idle is closed, what is left in the end is destroyed.
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as tls from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { attach, shutdown } from 'proactor/http';
import * as proactorNet from 'proactor/net';
import { identity } from './support/certificate';
import { runCommand } from './support/child';
import { atEnd } from './support/cleanup';
import {
  connectRaw,
  gate,
  HOST,
  keepAliveAgent,
  listen,
  readAll,
  readUntil,
  request,
  serve,
  serveSecurely,
} from './support/http';
import { describeNet } from './support/net-bed';
import { patient } from './support/pace';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
// Less than shutdown's own time: what ends within it ended by itself.
const SOON_MS = patient(700);

/** Runs `shutdown` and says how many connections it destroyed and whether it was quick. */
async function timed(server: net.Server, timeoutMs = 5000): Promise<[number, 'soon' | 'late']> {
  const startedMs = performance.now();
  const destroyed = await shutdown(server, { timeoutMs });
  return [destroyed, performance.now() - startedMs < SOON_MS ? 'soon' : 'late'];
}

async function connectTls(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: HOST, port, ca: identity().ca });
  atEnd(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

function connectHttp2(url: string): http2.ClientHttp2Session {
  const session = http2.connect(url, { ca: identity().ca });
  atEnd(() => session.destroy());
  session.on('error', () => {});
  return session;
}

/** Why the session takes no request any more: thrown, or, in newer Nodes, an error of the request. */
async function refusalOf(session: http2.ClientHttp2Session): Promise<unknown> {
  try {
    const [error] = await once(session.request({ ':path': '/' }), 'error');
    return error;
  } catch (error) {
    return error;
  }
}

describeNet('shutdown() of a server of HTTP/1', () => {
  it('ends one without connections at once', async () => {
    const { server, port } = await serve(() => {});
    expect(await timed(server)).toEqual([0, 'soon']);
    expect(server.listening).toBe(false);
    const failed = once(net.connect(port, HOST), 'connect');
    await expect(failed).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('ends what is open after many connections that ended by themselves', async () => {
    const { server, port } = await serve(() => {});
    const lasting = await connectRaw(port);
    for (let i = 0; i < 150; i++) {
      const socket = await connectRaw(port);
      socket.end();
      await readAll(socket);
    }
    expect(await timed(server, 10)).toEqual([1, 'soon']);
    expect(await readAll(lasting)).toBe('');
  });

  it('closes idle connections at once', async () => {
    const { server, port } = await serve((_incoming, response) => response.end('x'));
    const sockets = await Promise.all([connectRaw(port), connectRaw(port)]);
    for (const socket of sockets) {
      socket.write(GET);
      await readUntil(socket, '\r\n\r\nx');
    }
    expect(await timed(server)).toEqual([0, 'soon']);
    expect(await Promise.all(sockets.map(readAll))).toEqual(['', '']);
  });

  it('lets a request be answered, and says that the connection ends', async () => {
    const { open, passed } = gate();
    const { server, port } = await serve(async (_incoming, response) => {
      await passed;
      response.end('finished');
    });
    const answer = request(port, { agent: keepAliveAgent() });
    await once(server, 'request');
    const ended = timed(server);
    await delay(50);
    open();
    const { body, headers } = await answer;
    expect([String(body), headers.connection]).toEqual(['finished', 'close']);
    expect(await ended).toEqual([0, 'soon']);
  });

  it('lets a response be finished whose head was sent, then closes', async () => {
    const { open, passed } = gate();
    const { server, port } = await serve(async (_incoming, response) => {
      response.write('first ');
      await passed;
      response.end('last');
    });
    const socket = await connectRaw(port);
    socket.write(GET);
    await readUntil(socket, 'first');
    const ended = timed(server);
    await delay(50);
    open();
    expect(await readAll(socket)).toContain('last\r\n0\r\n\r\n');
    expect(await ended).toEqual([0, 'soon']);
  });

  it('lets a request be finished of which a part was received', async () => {
    const { server, port } = await serve((incoming, response) => incoming.pipe(response));
    const socket = await connectRaw(port);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n');
    await delay(20);
    const ended = timed(server);
    await delay(100);
    socket.write('\r\nhalf');
    await delay(100);
    socket.write('half');
    expect(await readAll(socket)).toMatch(/Connection: close.*half.*half/s);
    expect(await ended).toEqual([0, 'soon']);
  });

  it('answers all requests that were pipelined before', async () => {
    const { open, passed } = gate();
    let arrived = 0;
    const { server, port } = await serve(async (incoming, response) => {
      arrived++;
      await passed;
      response.end(`<${incoming.url}>`);
    });
    const socket = await connectRaw(port);
    socket.write(['/1', '/2', '/3'].map((path) => GET.replace('/', path)).join(''));
    while (arrived < 3) await delay(5);
    const ended = timed(server);
    open();
    expect((await readAll(socket)).match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>']);
    expect(await ended).toEqual([0, 'soon']);
  });

  it('answers a request that comes meanwhile on a busy connection, the last on it', async () => {
    const { open, passed } = gate();
    const { server, port } = await serve(async (incoming, response) => {
      if (incoming.url === '/1') response.flushHeaders();
      await passed;
      response.end(`<${incoming.url}>`);
    });
    const socket = await connectRaw(port);
    socket.write(GET.replace('/', '/1'));
    await readUntil(socket, '\r\n\r\n');
    const ended = timed(server);
    const arrived = once(server, 'request');
    socket.write(GET.replace('/', '/2'));
    await arrived;
    open();
    expect(await readAll(socket)).toMatch(/<\/1>.*Connection: close.*<\/2>/s);
    expect(await ended).toEqual([0, 'soon']);
  });

  it('waits a while for the first request of a connection, and closes it then', async () => {
    const { server, port } = await serve((_incoming, response) => response.end('in time'));
    const [silent, late] = [await connectRaw(port), await connectRaw(port)];
    await delay(20);
    const startedMs = performance.now();
    const ended = shutdown(server);
    await delay(200);
    late.write(GET);
    expect(await readAll(late)).toMatch(/Connection: close.*in time/s);
    expect(await readAll(silent)).toBe('');
    expect(await ended).toBe(0);
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect(performance.now() - startedMs).toBeLessThan(patient(4000));
  });

  it('destroys what is left when time is up, and says how much', async () => {
    const { server, port } = await serve(() => {}); // never answers
    let arrived = 0;
    server.on('request', () => arrived++);
    const sockets = await Promise.all([connectRaw(port), connectRaw(port), connectRaw(port)]);
    for (const socket of sockets) socket.write(GET);
    while (arrived < 3) await delay(5);
    const startedMs = performance.now();
    expect(await shutdown(server, { timeoutMs: 200 })).toBe(3);
    expect(performance.now() - startedMs).toBeGreaterThan(190);
    expect(await Promise.all(sockets.map(readAll))).toEqual(['', '', '']);
  });

  it('leaves an upgraded connection to the application until time is up', async () => {
    const { server, port } = await serve(() => {});
    server.on('upgrade', (_incoming, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      socket.pipe(socket);
    });
    const connectUpgraded = async (): Promise<net.Socket> => {
      const socket = await connectRaw(port);
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      await readUntil(socket, '\r\n\r\n');
      return socket;
    };
    const [ending, staying] = [await connectUpgraded(), await connectUpgraded()];
    const ended = shutdown(server, { timeoutMs: 400 });
    ending.write('still echoes');
    await readUntil(ending, 'still echoes');
    ending.end();
    expect(await ended).toBe(1);
    expect(await readAll(staying)).toBe('');
  });

  it('does the same under TLS', async () => {
    const { open, passed } = gate();
    const { server, port } = await serveSecurely(async (incoming, response) => {
      if (incoming.url === '/slow') await passed;
      response.end(incoming.url);
    });
    const [idle, busy] = [await connectTls(port), await connectTls(port)];
    idle.write(GET);
    await readUntil(idle, '\r\n\r\n/');
    busy.write(GET.replace('/', '/slow'));
    await once(server, 'request');
    const ended = timed(server);
    expect(await readAll(idle)).toBe('');
    open();
    expect(await readAll(busy)).toMatch(/Connection: close.*\/slow/s);
    expect(await ended).toEqual([0, 'soon']);
  });

  it('closes connections under TLS on which no request comes', async () => {
    const { server, port } = await serveSecurely(() => {});
    const silent = await connectTls(port);
    const withoutHello = await connectRaw(port);
    await delay(20);
    expect(await shutdown(server, { timeoutMs: patient(4000) })).toBe(0);
    expect([await readAll(silent), await readAll(withoutHello)]).toEqual(['', '']);
  });

  it('can be called again, with less time', async () => {
    const { server, port } = await serve(() => {});
    const socket = await connectRaw(port);
    socket.write(GET);
    await once(server, 'request');
    const first = shutdown(server, { timeoutMs: 60_000 });
    await delay(20);
    expect(await shutdown(server, { timeoutMs: 20 })).toBe(1);
    expect(await first).toBe(0);
  });

  it('ends the connections of a server that was closed before', async () => {
    const { open, passed } = gate();
    const { server, port } = await serve(async (_incoming, response) => {
      await passed;
      response.end('finished');
    });
    const answer = request(port);
    await once(server, 'request');
    server.close();
    const ended = timed(server);
    open();
    expect(String((await answer).body)).toBe('finished');
    expect(await ended).toEqual([0, 'soon']);
  });

  it('leaves a server that can listen again, and adds nothing to its responses then', async () => {
    const { server, port } = await serve((_incoming, response) => response.end('again'));
    await shutdown(server);
    expect(await timed(server)).toEqual([0, 'soon']); // of what is not listening
    server.listen(port, HOST);
    await once(server, 'listening');
    const { headers } = await request(port, { agent: keepAliveAgent() });
    expect(headers.connection).toBe('keep-alive');
  });

  it('does all that for a server of node:http that was never attached', async () => {
    const { open, passed } = gate();
    const server = http.createServer(async (_incoming, response) => {
      await passed;
      response.end('finished');
    });
    const port = await listen(server);
    const [busy, silent] = [await connectRaw(port), await connectRaw(port)];
    busy.write(GET);
    await once(server, 'request');
    const ended = shutdown(server);
    open();
    expect(await readAll(busy)).toMatch(/Connection: close.*finished/s);
    expect(await readAll(silent)).toBe('');
    expect(await ended).toBe(0);
  });
});

describeNet('shutdown() of a server of HTTP/2', () => {
  describe.each(['without TLS', 'with TLS'])('%s', (kind) => {
    const isSecure = kind === 'with TLS';
    const urlOf = (port: number): string => `${isSecure ? 'https' : 'http'}://${HOST}:${port}`;
    const create = (): http2.Http2Server =>
      attach(isSecure ? http2.createSecureServer(identity()) : http2.createServer());

    it('closes idle sessions, and lets requests be finished', async () => {
      const { open, passed } = gate();
      const server = create();
      server.on('stream', async (stream, headers) => {
        stream.respond({ ':status': 200 });
        stream.write('first ');
        if (headers[':path'] === '/slow') await passed;
        stream.end('last');
      });
      const url = urlOf(await listen(server));
      const [idle, busy] = [connectHttp2(url), connectHttp2(url)];
      expect(await readAll(idle.request({ ':path': '/' }))).toBe('first last');
      const slow = busy.request({ ':path': '/slow' });
      await once(slow, 'data');
      const goneAway = once(busy, 'goaway');
      const ended = timed(server);
      await once(idle, 'close');
      await goneAway;
      expect(await refusalOf(busy)).toMatchObject({ code: 'ERR_HTTP2_GOAWAY_SESSION' });
      const rest = readAll(slow);
      open();
      expect(await rest).toBe('last');
      expect(await ended).toEqual([0, 'soon']);
    });

    it('destroys sessions whose requests take too long', async () => {
      const server = create();
      server.on('stream', (stream) => stream.on('error', () => {}));
      const session = connectHttp2(urlOf(await listen(server)));
      const never = session.request({ ':path': '/' });
      never.on('error', () => {});
      await once(server, 'stream');
      const closed = once(session, 'close');
      expect(await shutdown(server, { timeoutMs: 100 })).toBe(1);
      await closed;
    });
  });

  it('ends those with HTTP/1 as well', async () => {
    const { open, passed } = gate();
    const options = { ...identity(), allowHTTP1: true };
    const server = http2.createSecureServer(options, async (incoming, response) => {
      await passed;
      response.end(`finished ${incoming.httpVersion}`);
    });
    const port = await listen(attach(server));
    const old = await connectTls(port);
    old.write(GET);
    await once(server, 'request');
    const session = connectHttp2(`https://${HOST}:${port}`);
    const current = session.request({ ':path': '/' });
    await once(server, 'request');
    const ended = timed(server);
    const read = Promise.all([readAll(old), readAll(current)]);
    open();
    const [oldText, currentText] = await read;
    expect(oldText).toMatch(/Connection: close.*finished 1.1/s);
    expect(currentText).toBe('finished 2.0');
    expect(await ended).toEqual([0, 'soon']);
  });
});

describeNet('shutdown() of a server without HTTP', () => {
  const servers = [
    ['node:net, attached', () => attach(net.createServer())],
    ['node:net', () => net.createServer()],
    ['proactor/net', () => proactorNet.createServer()],
  ] as const;

  it.each(servers)(
    'of %s waits for its connections, and destroys them then',
    async (_kind, create) => {
      const server = create();
      let accepted = 0;
      server.on('connection', (socket) => {
        accepted++;
        socket.pipe(socket);
      });
      const port = await listen(server);
      const [ending, staying] = [await connectRaw(port), await connectRaw(port)];
      while (accepted < 2) await delay(5);
      const ended = shutdown(server, { timeoutMs: 300 });
      ending.end('to and fro');
      expect(await readAll(ending)).toBe('to and fro');
      expect(await ended).toBe(1);
      expect(await readAll(staying)).toBe('');
    },
  );

  it('of node:tls waits for its connections, and destroys them then', async () => {
    const server = attach(tls.createServer(identity(), (socket) => socket.pipe(socket)));
    server.on('tlsClientError', () => {});
    const port = await listen(server);
    const [ending, staying] = [await connectTls(port), await connectTls(port)];
    const ended = shutdown(server, { timeoutMs: 300 });
    ending.end('to and fro');
    expect(await readAll(ending)).toBe('to and fro');
    expect(await ended).toBe(1);
    expect(await readAll(staying)).toBe('');
  });

  it('is over when the connections are, before time is up', async () => {
    const server = attach(net.createServer((socket) => socket.resume()));
    const socket = await connectRaw(await listen(server));
    const ended = timed(server);
    await delay(20);
    socket.end();
    expect(await ended).toEqual([0, 'soon']);
  });
});

describe('shutdown()', () => {
  const shutdownAny = shutdown as (...args: readonly unknown[]) => unknown;

  it.each([
    [undefined, undefined],
    [{}, undefined],
    [net.createServer(), null],
    [net.createServer(), { timeoutMs: '5' }],
  ])('throws ERR_INVALID_ARG_TYPE for %p, %p', (server, options) => {
    expect(() => shutdownAny(server, options)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'throws ERR_OUT_OF_RANGE for timeoutMs %p',
    (timeoutMs) => {
      expect(() => shutdown(net.createServer(), { timeoutMs })).toThrow(
        expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
      );
    },
  );

  it('gives up a connection that was accepted before it was imported', async () => {
    const source = `
      const net = require('node:net');
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        net.connect(server.address().port, '127.0.0.1');
        server.once('connection', async (socket) => {
          await new Promise(setImmediate);
          const { shutdown } = require('proactor/http');
          console.log(await shutdown(server, { timeoutMs: 10 }), socket.destroyed);
          process.exit();
        });
      });`;
    const ended = await runCommand(process.execPath, ['-e', source]);
    expect(ended).toMatchObject({ code: 0, stdout: '0 false\n', stderr: '' });
  });
});
