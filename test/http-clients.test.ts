// Node's own clients of HTTP on connections of the Proactor: agents, createConnection, and undici's connector.
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type * as tls from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import {
  attach,
  buildConnector,
  type Connector,
  type ConnectorTarget,
  createConnection,
  HttpAgent,
  HttpsAgent,
} from 'proactor/http';
import * as proactorNet from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import {
  gate,
  HOST,
  listen,
  listenLocally,
  readAll,
  request,
  serve,
  serveSecurely,
  whenClosed,
} from './support/http';
import { describeNet, isOurs as isOursItself } from './support/net-bed';
import { patient } from './support/pace';
import { unusedPort } from './support/sockets';

const answerUrl: http.RequestListener = (incoming, response) => response.end(incoming.url);
const ca = identity().ca;
// How long a server's tickets for the next session may be behind its handshake.
const TICKETS_MS = patient(50);

function httpAgent(options?: http.AgentOptions): HttpAgent {
  const agent = new HttpAgent(options);
  atEnd(() => agent.destroy());
  return agent;
}

function httpsAgent(options?: https.AgentOptions): HttpsAgent {
  const agent = new HttpsAgent({ ca, ...options });
  atEnd(() => agent.destroy());
  return agent;
}

/** An agent as programs may call it, whatever its types say. */
interface Connecting {
  createConnection(...args: readonly unknown[]): net.Socket;
}

/** What the Proactor connected is an instance of its own class, under TLS as well. */
function isOurs(socket: net.Socket): boolean {
  const under = (socket as { _parent?: net.Socket })._parent ?? socket;
  return isOursItself(under);
}

/** A name with two addresses, at the first of which nobody listens. */
const twoAddresses: net.LookupFunction = (_name, _options, callback) => {
  const addresses = ['127.0.0.2', HOST].map((address) => ({ address, family: 4 }));
  (callback as (error: null, addresses: readonly object[]) => void)(null, addresses);
};

const unasked: readonly [string, (socket: net.Socket) => void][] = [
  ['that the server ends', (socket) => socket.end()],
  ['that the server resets', (socket) => socket.resetAndDestroy()],
  [
    'on which an unasked answer comes',
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked'),
  ],
];

describeNet('HttpAgent', () => {
  it('connects on the Proactor, and keeps connections where it is told to', async () => {
    const { port } = await serve(answerUrl);
    const agent = httpAgent({ keepAlive: true });
    expect(agent).toBeInstanceOf(http.Agent);
    const sockets = new Set<net.Socket>();
    agent.on('free', (socket: net.Socket) => sockets.add(socket));
    for (let i = 0; i < 5; i++) {
      expect(String((await request(port, { agent, path: `/${i}` })).body)).toBe(`/${i}`);
    }
    expect([...sockets].map(isOurs)).toEqual([true]);
  });

  it('connects to a port and a host, as net.connect does', async () => {
    const { port } = await serve(answerUrl);
    const agent = httpAgent() as unknown as Connecting;
    const connected = gate();
    const socket = agent.createConnection(port, HOST, connected.open);
    atEnd(() => socket.destroy());
    await connected.passed;
    socket.end('GET /raw HTTP/1.0\r\n\r\n');
    expect(await readAll(socket)).toMatch(/\/raw$/);
    expect(isOurs(socket)).toBe(true);
  });

  it('keeps to maxSockets', async () => {
    let open = 0;
    let most = 0;
    const { server, port } = await serve(async (_incoming, response) => {
      await delay(5);
      response.end('x');
    });
    server.on('connection', (socket) => {
      most = Math.max(most, ++open);
      socket.on('close', () => open--);
    });
    const agent = httpAgent({ maxSockets: 2, keepAlive: true });
    await Promise.all(Array.from({ length: 10 }, () => request(port, { agent })));
    expect(most).toBe(2);
  });

  // Newer Nodes close a connection on which an answer comes that nobody asked for; older ones give it to the next request.
  it.each(unasked)('treats a kept connection as Node does %s', async (_when, act) => {
    const outcome = async (agent: http.Agent): Promise<unknown> => {
      atEnd(() => agent.destroy());
      const server = net.createServer((socket) => {
        socket.on('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nasked');
        });
        socket.on('error', () => {});
        atEnd(() => socket.destroy());
      });
      const port = await listen(server);
      const accepted = once(server, 'connection') as Promise<[net.Socket]>;
      const kept = once(agent, 'free') as Promise<[net.Socket]>;
      await request(port, { agent });
      const [socket] = await kept;
      const [served] = await accepted;
      setImmediate(act, served);
      const errors: unknown[] = [];
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
      await delay(patient(60));
      const { destroyed } = socket;
      const second = await request(port, { agent }).catch((error) => error.code);
      return [destroyed, errors, String(second.body ?? second)];
    };
    const expected = await outcome(new http.Agent({ keepAlive: true }));
    expect(await outcome(new HttpAgent({ keepAlive: true }))).toEqual(expected);
  });

  it('connects to a Unix domain socket', async () => {
    const socketPath = await listenLocally(attach(http.createServer(answerUrl)));
    const sent = http.get({ socketPath, agent: httpAgent(), path: '/local' });
    const closed = whenClosed(sent);
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    expect(await readAll(response)).toBe('/local');
    await closed;
    expect(isOurs(sent.socket!)).toBe(true);
  });

  it('tries the addresses of a name one after the other', async () => {
    const { port } = await serve(answerUrl);
    const options = { host: 'two.test', lookup: twoAddresses, agent: httpAgent(), path: '/found' };
    expect(String((await request(port, options)).body)).toBe('/found');
  });

  it('reports what cannot be reached, as Node does', async () => {
    const port = unusedPort();
    await expect(request(port, { agent: httpAgent() })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: HOST,
      port,
    });
  });

  it('ends a request that is destroyed, while connecting as well', async () => {
    const { port } = await serve(() => {});
    const sent = http.get({ port, host: HOST, agent: httpAgent() });
    sent.on('error', () => {});
    const closed = whenClosed(sent);
    sent.destroy();
    await closed;
    const answered = http.get({ port, host: HOST, agent: httpAgent() });
    const failed = once(answered, 'error');
    await once(answered, 'socket');
    await delay(20);
    answered.destroy();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it("emits 'timeout' where no response comes", async () => {
    const { port } = await serve(() => {});
    const sent = http.get({ port, host: HOST, agent: httpAgent(), timeout: 50 });
    sent.on('error', () => {});
    await once(sent, 'timeout');
    sent.destroy();
  });
});

describeNet('HttpsAgent', () => {
  it('connects on the Proactor, with TLS of Node', async () => {
    const { port } = await serveSecurely(answerUrl);
    const agent = httpsAgent({ keepAlive: true });
    expect(agent).toBeInstanceOf(https.Agent);
    const sockets = new Set<net.Socket>();
    agent.on('free', (socket: net.Socket) => sockets.add(socket));
    for (let i = 0; i < 5; i++) {
      const answer = await request(port, { agent, secure: true, path: `/${i}` });
      expect(String(answer.body)).toBe(`/${i}`);
    }
    expect([...sockets].map(isOurs)).toEqual([true]);
  });

  it('connects to a port, with or without a host, with options', async () => {
    const { port } = await serveSecurely(answerUrl);
    const agent = httpsAgent() as unknown as Connecting;
    const others = { ca, servername: 'localhost' };
    for (const args of [
      [port, HOST, others],
      [port, { host: HOST, ...others }],
      [{ port, host: HOST, ...others }],
    ]) {
      const socket = agent.createConnection(...args) as tls.TLSSocket;
      atEnd(() => socket.destroy());
      await once(socket, 'secureConnect');
      expect([socket.authorized, isOurs(socket)]).toEqual([true, true]);
    }
  });

  it('takes a connection that there is', async () => {
    const { port } = await serveSecurely(answerUrl);
    const under = net.connect({ port, host: HOST });
    atEnd(() => under.destroy());
    const agent = httpsAgent() as unknown as Connecting;
    const others = { ca, servername: 'localhost', port: 1, host: HOST };
    const socket = agent.createConnection({ ...others, socket: under }) as tls.TLSSocket;
    await once(socket, 'secureConnect');
    expect(socket.remotePort).toBe(port);
  });

  it('tells one error of a connection that is given up before it is there', async () => {
    const agent = httpsAgent() as unknown as Connecting;
    const signal = AbortSignal.abort();
    // Nobody listens there.
    const socket = agent.createConnection({ port: 1, host: HOST, signal }) as tls.TLSSocket;
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    await once(socket, 'close').catch(() => {});
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(errors.map(({ name }) => name)).toEqual(['AbortError']);
  });

  it('asks for the name of the host, and checks the certificate for it', async () => {
    const { server, port } = await serveSecurely(answerUrl);
    const names: unknown[] = [];
    server.on('secureConnection', ({ servername }) => names.push(servername));
    const agent = httpsAgent();
    await request(port, { agent, secure: true, host: 'localhost' });
    await request(port, { agent, secure: true });
    expect(names).toEqual(['localhost', false]);
    const lookup = twoAddresses;
    await expect(
      request(port, { agent, secure: true, host: 'other.test', lookup }),
    ).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const stranger = httpsAgent({ ca: undefined });
    await expect(
      request(port, { agent: stranger, secure: true, ca: undefined }),
    ).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('resumes sessions', async () => {
    const { server, port } = await serveSecurely(answerUrl);
    const reused: boolean[] = [];
    server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
    const agent = httpsAgent({ maxCachedSessions: 1 });
    for (let i = 0; i < 3; i++) await request(port, { agent, secure: true });
    expect(reused).toEqual([false, true, true]);
  });

  it('tries the addresses of a name one after the other, under one TLS socket', async () => {
    const { port } = await serveSecurely(answerUrl);
    const options = { host: 'localhost', lookup: twoAddresses, path: '/found' };
    const answer = await request(port, { agent: httpsAgent(), secure: true, ...options });
    expect(String(answer.body)).toBe('/found');
    expect(isOurs(answer.response.socket)).toBe(true);
  });

  it('reports where none of the addresses can be reached', async () => {
    const port = unusedPort();
    const options = { host: 'localhost', lookup: twoAddresses, secure: true };
    const failure = await request(port, { agent: httpsAgent(), ...options }).catch(
      (error: AggregateError) => error,
    );
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' });
    expect((failure as AggregateError).errors.map(({ address }) => address)).toEqual([
      '127.0.0.2',
      HOST,
    ]);
  });

  it('keeps to maxSockets from the first connection on', async () => {
    const { server, port } = await serveSecurely(answerUrl);
    let connections = 0;
    server.on('connection', () => connections++);
    const agent = httpsAgent({ maxSockets: 2, keepAlive: true });
    await Promise.all(Array.from({ length: 8 }, () => request(port, { agent, secure: true })));
    expect(connections).toBe(2);
  });

  it("emits 'timeout' while there is no TLS yet", async () => {
    const port = await listen(attach(net.createServer((socket) => socket.resume())));
    const agent = httpsAgent();
    const sent = https.get({ port, host: HOST, agent, timeout: 50 });
    sent.on('error', () => {});
    await once(sent, 'timeout');
    const closed = whenClosed(sent);
    sent.destroy();
    await closed;
    expect(Object.keys(agent.sockets)).toEqual([]);
  });

  it('reports a peer that hangs up during the handshake', async () => {
    const port = await listen(attach(net.createServer((socket) => socket.end())));
    await expect(request(port, { agent: httpsAgent(), secure: true })).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
  });
});

describeNet('createConnection', () => {
  it('connects for a request without an agent', async () => {
    const { port } = await serve(answerUrl);
    const answer = await request(port, { agent: undefined, createConnection, path: '/plain' });
    expect(String(answer.body)).toBe('/plain');
    expect(isOurs(answer.response.socket)).toBe(true);
  });

  it('speaks TLS for a request of node:https, with the name of the host', async () => {
    const { server, port } = await serveSecurely(answerUrl);
    const secured = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
    const options = { agent: undefined, createConnection, secure: true, host: 'localhost' };
    const answer = await request(port, { ...options, path: '/secure' });
    expect(String(answer.body)).toBe('/secure');
    expect(isOurs(answer.response.socket)).toBe(true);
    expect((await secured)[0].servername).toBe('localhost');
  });

  it('connects to a Unix domain socket', async () => {
    const socketPath = await listenLocally(attach(http.createServer(answerUrl)));
    const sent = http.get({ socketPath, createConnection, path: '/local' });
    const closed = whenClosed(sent);
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    expect(await readAll(response)).toBe('/local');
    await closed;
  });
});

describeNet('buildConnector()', () => {
  const connect = (connector: Connector, target: Partial<ConnectorTarget>): Promise<net.Socket> =>
    new Promise((resolve, reject) => {
      const whole = { hostname: HOST, protocol: 'http:', port: '', ...target };
      connector(whole, (error, socket) => {
        if (error !== null) return reject(error);
        atEnd(() => socket.destroy());
        resolve(socket);
      });
    });

  it('gives a socket of the Proactor that is connected', async () => {
    const port = await listen(attach(net.createServer((socket) => socket.end('welcome'))));
    const socket = await connect(buildConnector(), { port: String(port) });
    expect([isOurs(socket), socket.readyState]).toEqual([true, 'open']);
    expect(await readAll(socket)).toBe('welcome');
  });

  it('gives one with TLS, offers the protocols that are asked for, and resumes sessions', async () => {
    const server = attach(http2.createSecureServer({ ...identity(), allowHTTP1: true }));
    const port = String(await listen(server));
    const target = { protocol: 'https:', hostname: 'localhost', host: `localhost:${port}`, port };
    const agreed = async (connector: Connector, more: Partial<ConnectorTarget> = {}) => {
      const socket = (await connect(connector, { ...target, ...more })) as tls.TLSSocket;
      const result = [socket.alpnProtocol, socket.isSessionReused()];
      await delay(TICKETS_MS);
      socket.destroy();
      return result;
    };
    const [old, both] = [buildConnector({ ca }), buildConnector({ ca, allowH2: true })];
    const forgetful = buildConnector({ ca, maxCachedSessions: 0 });
    expect(await agreed(old)).toEqual(['http/1.1', false]);
    expect(await agreed(old)).toEqual(['http/1.1', true]);
    expect(await agreed(old, { allowH2: true })).toEqual(['h2', true]);
    expect(await agreed(both)).toEqual(['h2', false]);
    for (let i = 0; i < 2; i++) expect(await agreed(forgetful)).toEqual(['http/1.1', false]);
  });

  it('keeps as many sessions as it may', async () => {
    const { port } = await serveSecurely(answerUrl);
    const connector = buildConnector({
      ca,
      maxCachedSessions: 2,
      checkServerIdentity: () => undefined,
    });
    const isReused = async (servername: string): Promise<boolean> => {
      const target = { protocol: 'https:', port: String(port), servername };
      const socket = (await connect(connector, target)) as tls.TLSSocket;
      const result = socket.isSessionReused();
      await delay(TICKETS_MS);
      socket.destroy();
      return result;
    };
    for (const name of ['a', 'b', 'c']) expect(await isReused(name)).toBe(false);
    expect([await isReused('c'), await isReused('b'), await isReused('a')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('speaks TLS on a connection that it is given', async () => {
    const { port } = await serveSecurely(answerUrl);
    const httpSocket = proactorNet.connect(port, HOST);
    const target = { protocol: 'https:', hostname: 'localhost', port: '1', httpSocket };
    const socket = await connect(buildConnector({ ca }), target);
    expect((socket as tls.TLSSocket).authorized).toBe(true);
  });

  it('connects to a Unix domain socket', async () => {
    const socketPath = await listenLocally(
      attach(net.createServer((socket) => socket.end('local'))),
    );
    expect(await readAll(await connect(buildConnector({ socketPath }), {}))).toBe('local');
    expect(await readAll(await connect(buildConnector(), { socketPath }))).toBe('local');
  });

  it('calls back with what failed', async () => {
    const port = String(unusedPort());
    await expect(connect(buildConnector(), { port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    const secure = await serveSecurely(answerUrl);
    const target = { protocol: 'https:', port: String(secure.port) };
    await expect(connect(buildConnector(), target)).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it('gives up after a while, TLS included', async () => {
    const port = await listen(attach(net.createServer((socket) => socket.resume())));
    const target = { protocol: 'https:', port: String(port) };
    const startedMs = performance.now();
    await expect(connect(buildConnector({ timeout: 100 }), target)).rejects.toMatchObject({
      name: 'ConnectTimeoutError',
      code: 'UND_ERR_CONNECT_TIMEOUT',
    });
    expect(performance.now() - startedMs).toBeLessThan(patient(2000));
    const patiently = connect(buildConnector({ timeout: 0 }), target).catch(() => 'failed');
    expect(await Promise.race([patiently, delay(300, 'waits')])).toBe('waits');
  });
});

describe('buildConnector() throws', () => {
  const buildAny = buildConnector as (options: unknown) => unknown;

  it.each([null, 7, { timeout: '1' }, { maxCachedSessions: '1' }])(
    'ERR_INVALID_ARG_TYPE for %p',
    (options) => {
      expect(() => buildAny(options)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    },
  );

  it.each([
    { timeout: -1 },
    { timeout: 2 ** 31 },
    { maxCachedSessions: -1 },
    { maxCachedSessions: 1.5 },
  ])('ERR_OUT_OF_RANGE for %p', (options) => {
    expect(() => buildAny(options)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });
});
