// Frameworks and libraries as they are used, served from the Proactor through attach(), and their clients on it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { expect, it } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import {
  attach,
  buildConnector,
  createConnection,
  HttpAgent,
  HttpsAgent,
  shutdown,
} from 'proactor/http';
import { Agent, Client, fetch, Pool, request as undiciRequest } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { identity } from '../support/certificate';
import { atEnd } from '../support/cleanup';
import { patterned } from '../support/files';
import { HOST, listen, request, serve, serveSecurely } from '../support/http';
import { describeNet } from '../support/net-bed';

const ca = identity().ca;

describeNet('express', () => {
  it('routes, parses bodies, streams and handles errors', async () => {
    const app = express();
    app.use(express.json());
    app.get('/hello/:name', (incoming, response) => {
      response.json({ hello: incoming.params.name, ip: incoming.ip });
    });
    app.post('/sum', (incoming, response) => {
      const { numbers } = incoming.body as { numbers: number[] };
      response.send(String(numbers.reduce((a, b) => a + b)));
    });
    app.get('/file', (_incoming, response) => response.sendFile(__filename));
    app.get('/fails', async () => {
      throw new Error('on purpose');
    });
    const handleError: express.ErrorRequestHandler = (error: Error, _incoming, response, _next) => {
      response.status(500).send(error.message);
    };
    app.use(handleError);
    const port = await listen(attach(createServer(app)));
    const hello = await request(port, { path: '/hello/you' });
    expect(JSON.parse(String(hello.body))).toEqual({ hello: 'you', ip: HOST });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ numbers: [1, 2, 39] });
    const sum = await request(port, { path: '/sum', method: 'POST', headers, body });
    expect(String(sum.body)).toBe('42');
    expect(String((await request(port, { path: '/file' })).body)).toContain('streams and handles');
    const failed = await request(port, { path: '/fails' });
    expect([failed.status, String(failed.body)]).toEqual([500, 'on purpose']);
    expect((await request(port, { path: '/nowhere' })).status).toBe(404);
  });
});

describeNet('fastify', () => {
  it('listens on the Proactor through serverFactory, and closes', async () => {
    const app = fastify({ serverFactory: (handler) => attach(createServer(handler)) });
    app.post('/echo', async (incoming) => incoming.body);
    app.get('/ip', async (incoming) => incoming.ip);
    const url = new URL(await app.listen({ port: 0, host: HOST }));
    atEnd(() => app.close());
    const port = Number(url.port);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ list: [1, 'two', null] });
    const echo = await request(port, { path: '/echo', method: 'POST', headers, body });
    expect([echo.status, String(echo.body)]).toEqual([200, body]);
    expect(String((await request(port, { path: '/ip' })).body)).toBe(HOST);
    expect(
      (await request(port, { path: '/echo', method: 'POST', headers, body: '{' })).status,
    ).toBe(400);
    await app.close();
    await expect(request(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('serves HTTP/2 and HTTP/1 under TLS', async () => {
    const app = fastify({
      http2: true,
      serverFactory: (handler) =>
        attach(createSecureServer({ ...identity(), allowHTTP1: true }, handler as never)),
    });
    app.get('/', async (incoming) => incoming.raw.httpVersion);
    const url = await app.listen({ port: 0, host: HOST });
    atEnd(() => app.close());
    const dispatcher = new Agent({ connect: buildConnector({ ca, allowH2: true }), allowH2: true });
    atEnd(() => dispatcher.close());
    const { body } = await undiciRequest(url.replace('http:', 'https:'), { dispatcher });
    expect(await body.text()).toBe('2.0');
    const old = await request(Number(new URL(url).port), { secure: true });
    expect(String(old.body)).toBe('1.1');
  });
});

describeNet('ws', () => {
  async function serveEcho(secure: boolean) {
    const { server, port } = await (secure ? serveSecurely : serve)(() => {});
    const sockets = new WebSocketServer({ server: server as never });
    sockets.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    return { server, sockets, url: `${secure ? 'wss' : 'ws'}://localhost:${port}` };
  }

  async function expectEcho(socket: WebSocket): Promise<void> {
    atEnd(() => socket.terminate());
    await once(socket, 'open');
    for (const message of ['text', 'ünïcode', patterned(300_000), Buffer.alloc(0)]) {
      socket.send(message);
      const [data] = (await once(socket, 'message')) as [Buffer];
      expect(data.equals(Buffer.from(message as string))).toBe(true);
    }
    const pong = once(socket, 'pong');
    socket.ping('are you there');
    expect(String((await pong)[0])).toBe('are you there');
    socket.close(1000, 'done');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1000, 'done']);
  }

  it.each([false, true])(
    'echoes with an agent and with createConnection; TLS: %p',
    async (secure) => {
      const { url } = await serveEcho(secure);
      const agent = secure ? new HttpsAgent({ ca }) : new HttpAgent();
      await expectEcho(new WebSocket(url, { agent }));
      await expectEcho(new WebSocket(url, { createConnection: createConnection as never, ca }));
      await expectEcho(new WebSocket(url, { ca })); // a client of Node's own
    },
  );

  it('is told that the server ends, before shutdown() ends it', async () => {
    const { server, sockets, url } = await serveEcho(false);
    const client = new WebSocket(url, { agent: new HttpAgent() });
    await once(client, 'open');
    const closed = once(client, 'close');
    for (const socket of sockets.clients) socket.close(1001, 'going away');
    expect(await shutdown(server)).toBe(0);
    expect((await closed)[0]).toBe(1001);
  });
});

describeNet('undici', () => {
  it('requests, pipelines and streams over its pools', async () => {
    const { port } = await serve((incoming, response) => incoming.pipe(response));
    const pool = new Pool(`http://${HOST}:${port}`, { connect: buildConnector(), connections: 4 });
    atEnd(() => pool.close());
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const { body } = await pool.request({ path: '/', method: 'POST', body: `body ${i}` });
        return body.text();
      }),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => `body ${i}`));
    const large = patterned(4 << 20);
    const { body } = await pool.request({ path: '/', method: 'POST', body: large });
    expect(Buffer.from(await body.arrayBuffer()).equals(large)).toBe(true);
    const client = new Client(`http://${HOST}:${port}`, {
      connect: buildConnector(),
      pipelining: 10,
    });
    atEnd(() => client.close());
    const pipelined = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.request({ path: `/${i}`, method: 'GET' })),
    );
    expect(pipelined.map(({ statusCode }) => statusCode)).toEqual(Array(50).fill(200));
    for (const answer of pipelined) await answer.body.dump();
  });

  it('fetches, over TLS and HTTP/2 as well', async () => {
    const server = attach(
      createSecureServer({ ...identity(), allowHTTP1: true }, (incoming, response) => {
        response.end(`HTTP/${incoming.httpVersion}`);
      }),
    );
    const url = `https://localhost:${await listen(server)}/`;
    for (const [allowH2, version] of [
      [false, 'HTTP/1.1'],
      [true, 'HTTP/2.0'],
    ] as const) {
      const agent = new Agent({ connect: buildConnector({ ca, allowH2 }), allowH2 });
      atEnd(() => agent.close());
      expect(await (await fetch(url, { dispatcher: agent })).text()).toBe(version);
    }
  });

  it('reports what fails', async () => {
    const { server, port } = await serve(() => {});
    const agent = new Agent({ connect: buildConnector() });
    atEnd(() => agent.destroy());
    const url = `http://${HOST}:${port}`;
    const signal = AbortSignal.timeout(50);
    await expect(fetch(url, { dispatcher: agent, signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await shutdown(server, { timeoutMs: 0 });
    await expect(fetch(url, { dispatcher: agent })).rejects.toMatchObject({
      cause: { code: 'ECONNREFUSED' },
    });
  });
});
