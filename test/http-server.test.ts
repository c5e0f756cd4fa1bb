// What a server of node:http has to master, on connections of the Proactor.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as http from 'node:http';
import type * as net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { patterned } from './support/files';
import {
  connectRaw,
  keepAliveAgent,
  readAll,
  readUntil,
  request,
  serve,
  serveSecurely,
} from './support/http';
import { describeNet } from './support/net-bed';
import { amount } from './support/pace';

const BODY_BYTES = amount(4 << 20);
const echo: http.RequestListener = (incoming, response) => {
  incoming.pipe(response);
};
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const statusesIn = (text: string): string[] => text.match(/HTTP\/1\.1 \d+/g) ?? [];

describeNet('a server of node:http on the Proactor', () => {
  it('answers many requests on one connection', async () => {
    let connections = 0;
    const { server, port } = await serve((incoming, response) => response.end(incoming.url));
    server.on('connection', () => connections++);
    const agent = keepAliveAgent();
    for (let i = 0; i < 100; i++) {
      const { body } = await request(port, { agent, path: `/${i}` });
      expect(String(body)).toBe(`/${i}`);
    }
    expect(connections).toBe(1);
  });

  it('answers pipelined requests in their order, the slow ones first', async () => {
    const { port } = await serve(async (incoming, response) => {
      await delay(incoming.url === '/0' ? 50 : 0);
      response.end(`<${incoming.url}>`);
    });
    const socket = await connectRaw(port);
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
    const text = await readUntil(socket, '</19>');
    expect(text.match(/<[^>]+>/g)).toEqual(paths.map((path) => `<${path}>`));
  });

  it('takes a request that comes byte by byte', async () => {
    const { port } = await serve(async (incoming, response) =>
      response.end(await readAll(incoming)),
    );
    const socket = await connectRaw(port);
    socket.setNoDelay(true);
    const text =
      'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';
    for (const character of text) {
      socket.write(character);
      await new Promise(setImmediate);
    }
    expect(await readAll(socket)).toMatch(/\r\n\r\nhello$/);
  });

  it.each(['with a length', 'in chunks'])('echoes a large body %s', async (way) => {
    const { port } = await serve(echo);
    const body = patterned(BODY_BYTES);
    const headers = way === 'in chunks' ? { 'transfer-encoding': 'chunked' } : {};
    const answer = await request(port, { method: 'POST', headers, body });
    expect(answer.body.length).toBe(body.length);
    expect(hashOf(answer.body)).toBe(hashOf(body));
  });

  it('echoes a large body under TLS', async () => {
    const { port } = await serveSecurely(echo);
    const body = patterned(BODY_BYTES, 2);
    const answer = await request(port, { method: 'POST', body, secure: true });
    expect(hashOf(answer.body)).toBe(hashOf(body));
  });

  it('holds a sender back while nobody reads the body', async () => {
    let paused: http.IncomingMessage | undefined;
    const { port } = await serve((incoming, response) => {
      paused = incoming;
      incoming.on('end', () => response.end('all'));
    });
    const socket = await connectRaw(port);
    const body = Buffer.alloc(24 << 20); // more than the kernel and the receive buffers take
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
    const isSent = new Promise<boolean>((resolve) => socket.write(body, () => resolve(true)));
    expect(await Promise.race([isSent, delay(300, false)])).toBe(false);
    expect(paused?.socket.bytesRead).toBeLessThan(body.length / 2);
    paused?.resume();
    expect(await isSent).toBe(true);
    expect(await readUntil(socket, 'all')).toContain('200 OK');
  });

  it('holds itself back while nobody reads the response', async () => {
    const size = amount(24 << 20);
    const { port } = await serve((_incoming, response) => {
      response.end(Buffer.alloc(size));
    });
    const socket = await connectRaw(port);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await delay(100);
    expect((await readAll(socket)).length).toBeGreaterThan(size);
  });

  it('goes on after an upload that was broken off', async () => {
    const { server, port } = await serve(echo);
    const socket = await connectRaw(port);
    const arrived = once(server, 'request') as Promise<[http.IncomingMessage]>;
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome');
    const [incoming] = await arrived;
    const failed = once(incoming, 'error');
    socket.destroy();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET', message: 'aborted' });
    expect(incoming.complete).toBe(false);
    expect((await request(port, { method: 'POST', body: 'still there' })).body.toString()).toBe(
      'still there',
    );
  });

  it('notices that a client left before the response was ready', async () => {
    let closed: Promise<unknown> | undefined;
    const { server, port } = await serve((_incoming, response) => {
      closed = once(response, 'close');
    });
    const socket = await connectRaw(port);
    const arrived = once(server, 'request');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, response] = (await arrived) as [unknown, http.ServerResponse];
    socket.resetAndDestroy();
    await closed;
    expect(response.writableFinished).toBe(false);
    expect(response.destroyed).toBe(true);
  });

  it('goes on after a download that was broken off', async () => {
    const { port } = await serve((_incoming, response) => {
      response.end(Buffer.alloc(amount(8 << 20)));
    });
    const socket = await connectRaw(port);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    expect((await request(port)).body.length).toBe(amount(8 << 20));
  });

  it('hands over a connection that is upgraded, with what came behind the head', async () => {
    const { server, port } = await serve(() => {});
    server.on('upgrade', (incoming, socket: net.Socket, head: Buffer) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${incoming.headers.upgrade}\r\n`);
      socket.write(`Connection: Upgrade\r\n\r\n${head}`);
      socket.on('data', (chunk) => socket.write(String(chunk).toUpperCase()));
      socket.on('end', () => socket.end());
    });
    const socket = await connectRaw(port);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhead');
    expect(await readUntil(socket, 'head')).toMatch(/101.*Upgrade: echo.*\r\n\r\nhead$/s);
    socket.end('shout');
    expect(await readAll(socket)).toBe('SHOUT');
  });

  it('lets the client go on (100), and offers the other informational answers', async () => {
    const { port } = await serve((incoming, response) => {
      response.writeProcessing();
      incoming.pipe(response);
    });
    const sent = http.request({ port, method: 'POST', headers: { expect: '100-continue' } });
    const seen: number[] = [];
    sent.on('information', ({ statusCode }) => seen.push(statusCode));
    sent.once('continue', () => sent.end('gone on'));
    sent.flushHeaders();
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    expect(await readAll(response)).toBe('gone on');
    expect(seen).toContain(102);
  });

  it('refuses what is no HTTP, and goes on', async () => {
    const { server, port } = await serve(echo);
    const failures: unknown[] = [];
    server.on('clientError', (error: NodeJS.ErrnoException, socket: net.Socket) => {
      failures.push(error.code);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const socket = await connectRaw(port);
    socket.write('\x16\x03\x01 what is this\r\n\r\n');
    expect(statusesIn(await readAll(socket))).toEqual(['HTTP/1.1 400']);
    expect(failures).toEqual([expect.stringMatching(/^HPE_/)]);
    expect((await request(port, { method: 'POST', body: 'x' })).status).toBe(200);
  });

  it('refuses a head that is too large', async () => {
    const { port } = await serve(echo, { maxHeaderSize: 2048 });
    const socket = await connectRaw(port);
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(4096)}\r\n\r\n`);
    expect(statusesIn(await readAll(socket))).toEqual(['HTTP/1.1 431']);
  });

  it('closes a connection that was idle for keepAliveTimeout', async () => {
    const { port } = await serve((_incoming, response) => response.end('x'), {
      keepAliveTimeout: 50,
    });
    const socket = await connectRaw(port);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await readAll(socket)).toMatch(/Keep-Alive.*x/s);
  });

  it('answers 408 where the head, or the whole request, takes too long', async () => {
    const options = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 50 };
    const { port } = await serve((incoming, response) => {
      incoming.resume().on('end', () => response.end());
    }, options);
    const [slowHead, slowBody] = [await connectRaw(port), await connectRaw(port)];
    slowHead.write('GET / HTTP/1.1\r\nHost: x\r\nX-Unfini');
    slowBody.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
    const texts = await Promise.all([readAll(slowHead), readAll(slowBody)]);
    expect(texts.map(statusesIn)).toEqual([['HTTP/1.1 408'], ['HTTP/1.1 408']]);
  });

  it("emits 'timeout' for a connection without traffic", async () => {
    const { server, port } = await serve(() => {});
    server.setTimeout(50);
    const socket = await connectRaw(port);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await readAll(socket)).toBe(''); // without a listener the connection is destroyed
  });

  it('answers what it has taken when it is closed under load', async () => {
    const { server, port } = await serve(async (_incoming, response) => {
      await delay(5);
      response.end('served');
    });
    const agent = keepAliveAgent();
    const served = Array<number>(20).fill(0);
    const clients = served.map(async (_, index) => {
      try {
        for (;;) {
          const { body } = await request(port, { agent });
          if (String(body) === 'served') served[index]!++;
        }
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    while (served.some((count) => count < 5)) await delay(10);
    const closed = once(server, 'close');
    server.close();
    const interval = setInterval(() => server.closeIdleConnections(), 10);
    await closed;
    clearInterval(interval);
    const codes = await Promise.all(clients);
    expect(codes.filter((code) => !/ECONNRE/.test(`${code}`))).toEqual([]);
  });
});
