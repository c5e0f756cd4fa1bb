// BoundSocket, which newer versions of Node have: servers listen on it and sockets connect from it, on the Proactor.
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import * as http from 'node:http';
import * as nodeNet from 'node:net';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { attach } from 'proactor/http';
import * as net from 'proactor/net';
import { atEnd } from './support/cleanup';
import { temporaryFolder } from './support/files';
import { request } from './support/http';
import { contentOf, describeNet, isOurs, listening } from './support/net-bed';
import { until } from './support/tcp-peer';

interface Bound {
  address(): nodeNet.AddressInfo | string;
  fd(): number;
  close(): void;
}

const { BoundSocket } = net as unknown as { BoundSocket: new (options?: object) => Bound };
const HOST = '127.0.0.1';
const itBound: typeof it.skip = BoundSocket === undefined ? it.skip : it;

const ADOPTED = expect.objectContaining({ code: 'ERR_SOCKET_HANDLE_ADOPTED' });
const descriptors = (): number => readdirSync('/proc/self/fd').length;
const handleOf = (holder: object): string =>
  (holder as { _handle: object })._handle.constructor.name;

function bind(options: object = { host: HOST }): Bound {
  return new BoundSocket(options);
}

/** Listens on `target` and sends back what comes, until the test's end. */
async function echoing(target: unknown, server = net.createServer()): Promise<nodeNet.Server> {
  server.on('connection', (socket) => socket.pipe(socket));
  atEnd(() => server.close());
  server.listen(target as { port: number });
  await once(server, 'listening');
  return server;
}

async function echo(socket: nodeNet.Socket, text: string): Promise<string> {
  atEnd(() => socket.destroy());
  socket.end(text);
  return String(await contentOf(socket));
}

it('is what node:net exports, by require() and by import', async () => {
  const expected = (nodeNet as unknown as { BoundSocket?: unknown }).BoundSocket;
  expect(BoundSocket).toBe(expected);
});

describeNet('a BoundSocket and a server', () => {
  itBound.each(['alone', 'as handle'])('listens on it, given %s', async (form) => {
    const bound = bind();
    const address = bound.address() as nodeNet.AddressInfo;
    const server = await echoing(form === 'alone' ? bound : { handle: bound });
    expect(server.address()).toEqual(address);
    expect(handleOf(server)).toBe('TcpListenHandle');
    expect(() => bound.close()).toThrow(ADOPTED);
    const accepted = once(server, 'connection') as Promise<[nodeNet.Socket]>;
    expect(await echo(nodeNet.connect(address.port, HOST), 'bound')).toBe('bound');
    expect(isOurs((await accepted)[0])).toBe(true);
  });

  itBound('frees the port when it is closed, and leaves no descriptor', async () => {
    const before = descriptors();
    const bound = bind();
    const { port } = bound.address() as nodeNet.AddressInfo;
    const server = await echoing(bound);
    server.close();
    await once(server, 'close');
    const second = await echoing({ port, host: HOST });
    second.close();
    await once(second, 'close');
    await until('all is closed', () => descriptors() === before);
  });

  itBound('listens on one of a Unix domain socket, whose file goes with the server', async () => {
    const file = path.join(temporaryFolder(), 'bound');
    const server = await echoing(bind({ path: file }));
    expect([server.address(), handleOf(server)]).toEqual([file, 'PipeListenHandle']);
    expect(await echo(net.connect(file), 'local')).toBe('local');
    expect(existsSync(file)).toBe(true);
    server.close();
    await until('the file is gone', () => !existsSync(file));
  });

  itBound('listens on an abstract name', async () => {
    const name = `\0proactor-bound-${process.pid}`;
    await echoing(bind({ path: name }));
    expect(await echo(net.connect(name), 'abstract')).toBe('abstract');
  });

  itBound('reports what cannot be listened on, as Node does', async () => {
    const codes: unknown[] = [];
    for (const module of [nodeNet, net]) {
      const { port } = (
        await echoing({ port: 0, host: HOST, reusePort: true })
      ).address() as nodeNet.AddressInfo;
      try {
        bind({ host: HOST, port });
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
      const used = bind();
      module
        .createServer()
        .listen(used as never)
        .close();
      expect(() => module.createServer().listen(used as never)).toThrow(ADOPTED);
    }
    expect(codes).toEqual(['EADDRINUSE', 'EADDRINUSE']);
  });

  itBound('is taken by an attached server of HTTP', async () => {
    const server = attach(http.createServer((_incoming, response) => response.end('bound')));
    const bound = bind();
    const { port } = bound.address() as nodeNet.AddressInfo;
    server.listen(bound as never);
    atEnd(() => server.close());
    await once(server, 'listening');
    expect(handleOf(server)).toBe('TcpListenHandle');
    expect(String((await request(port)).body)).toBe('bound');
  });
});

describeNet('a BoundSocket and a connection', () => {
  const content = 'x'.repeat(1 << 20);

  itBound('connects from it', async () => {
    const { port } = await listening((socket) => socket.pipe(socket), { allowHalfOpen: true });
    const bound = bind();
    const local = bound.address() as nodeNet.AddressInfo;
    const socket = new net.Socket({ handle: bound } as nodeNet.SocketConstructorOpts);
    expect(socket.address()).toEqual(local);
    socket.connect(port, HOST);
    await once(socket, 'connect');
    expect(handleOf(socket)).toBe('TcpHandle');
    expect([socket.localAddress, socket.localPort]).toEqual([HOST, local.port]);
    expect(await echo(socket, content)).toBe(content);
  });

  itBound('connects from one that net.connect() is given', async () => {
    const { port } = await listening((socket) => socket.pipe(socket), { allowHalfOpen: true });
    const bound = bind();
    const local = bound.address() as nodeNet.AddressInfo;
    const socket = net.connect({ port, host: HOST, handle: bound } as nodeNet.NetConnectOpts);
    expect(handleOf(socket)).toBe('TcpHandle');
    expect(await echo(socket, content)).toBe(content);
    expect(socket.localPort ?? local.port).toBe(local.port);
  });

  itBound('connects from one of a Unix domain socket, whose file goes with it', async () => {
    const folder = temporaryFolder();
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    await echoing(to, net.createServer({ allowHalfOpen: true }));
    const socket = new net.Socket({
      handle: bind({ path: from }),
    } as nodeNet.SocketConstructorOpts);
    socket.connect(to);
    await once(socket, 'connect');
    expect([handleOf(socket), socket.localAddress]).toEqual(['PipeHandle', from]);
    expect(existsSync(from)).toBe(true);
    expect(await echo(socket, content)).toBe(content);
    await until('the file is gone', () => !existsSync(from));
  });

  itBound('refuses what Node refuses', async () => {
    const outcomes = [nodeNet, net].map((module) => {
      const failures: unknown[] = [];
      const attempt = (options: object, target: object): void => {
        const handle = bind(options);
        const socket = new module.Socket({ handle } as nodeNet.SocketConstructorOpts);
        atEnd(() => socket.destroy());
        try {
          socket.connect(target as nodeNet.SocketConnectOpts);
        } catch (error) {
          failures.push((error as { code: string }).code);
        }
      };
      attempt({ host: HOST }, { port: 1, host: HOST, localPort: 2 });
      attempt({ host: HOST }, { port: 1e6, host: HOST });
      attempt({ path: path.join(temporaryFolder(), 'bound') }, { port: 1, host: HOST });
      return failures;
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[0]).toHaveLength(3);
  });

  itBound('reports a connection that is refused, and leaves no descriptor', async () => {
    const before = descriptors();
    const unused = bind();
    const { port } = unused.address() as nodeNet.AddressInfo;
    const socket = new net.Socket({ handle: bind() } as nodeNet.SocketConstructorOpts);
    socket.connect(port, HOST);
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: HOST, port });
    unused.close();
    new net.Socket({ handle: bind() } as nodeNet.SocketConstructorOpts).destroy();
    await until('all is closed', () => descriptors() === before);
  });
});

describeNet('moving to another thread', () => {
  const canMove = Object.getOwnPropertySymbols(nodeNet.Server.prototype).some(
    ({ description }) => description === 'messaging_transfer_list_symbol',
  );

  (canMove ? it : it.skip)('is refused for what is on the Proactor', async () => {
    const worker = new Worker(
      'require("node:worker_threads").parentPort.once("message", () => {})',
      {
        eval: true,
      },
    );
    atEnd(() => worker.terminate());
    const move = (what: object) => (): void => worker.postMessage(what, [what as never]);
    const attached = attach(nodeNet.createServer());
    for (const server of [net.createServer(), attached]) {
      await echoing(0, server);
      expect(move(server)).toThrow(expect.objectContaining({ code: 'ERR_PROACTOR_UNSUPPORTED' }));
      expect(server.listening).toBe(true);
    }
    const { port } = attached.address() as nodeNet.AddressInfo;
    const socket = net.connect(port);
    await once(socket, 'connect');
    expect(move(socket)).toThrow(
      expect.objectContaining({ code: 'ERR_WORKER_HANDLE_NOT_TRANSFERABLE' }),
    );
    expect(await echo(socket, 'still here')).toBe('still here');
  });
});
