// Sockets and servers of proactor/net that go to another process, and what both processes have of them then.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as nodeNet from 'node:net';
import { expect, it } from '@jest/globals';
import * as net from 'proactor/net';
import { root } from './support/child';
import { atEnd } from './support/cleanup';
import { gate, HOST, listen, listenLocally, readAll, readUntil, whenClosed } from './support/http';
import { describeNet, listening } from './support/net-bed';

type Stdio = 'ignore' | 'inherit' | 'ipc' | net.Socket | net.Server | object;

/** A process of Node's that runs `source`; its `send()` is there. */
function startChild(source: string, stdio: readonly Stdio[] = []): ChildProcess {
  const child = spawn(process.execPath, ['-e', source], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(stdio as 'ignore'[])],
    env: { ...process.env, ROOT: root },
  });
  atEnd(() => child.kill('SIGKILL'));
  return child;
}

/** A client of Node's own. */
async function connectTo(to: nodeNet.NetConnectOpts): Promise<nodeNet.Socket> {
  const socket = nodeNet.connect(to);
  atEnd(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const ECHO_CHILD = `
  process.on('message', (text, socket) => {
    socket.on('data', (data) => socket.end(text + ' ' + data));
  });`;
const SERVING_CHILD = `
  process.on('message', (text, server) => {
    if (text === 'close') return process.serving.close(() => process.disconnect());
    process.serving = server.on('connection', (socket) => socket.end('from the child'));
    process.send('serving');
  });`;

/** Connects until it is this process, or the other one, that answers. */
async function answeredBy(who: 'here' | 'the child', to: nodeNet.NetConnectOpts): Promise<void> {
  for (;;) {
    const text = await readAll(await connectTo(to));
    if (text === `from ${who}`) return;
    expect(text).toMatch(/^from /);
  }
}

async function listenOn(server: net.Server, kind: string): Promise<nodeNet.NetConnectOpts> {
  if (kind !== 'TCP') return { path: await listenLocally(server) };
  return { port: await listen(server), host: HOST };
}

describeNet('a socket', () => {
  it.each(['TCP', 'a Unix domain socket'])('of %s goes to a child', async (kind) => {
    const child = startChild(ECHO_CHILD);
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      socket.write('before, ');
      child.send('child:', socket);
      expect((socket as { _handle?: unknown })._handle).toBe(null);
    });
    const to = await listenOn(server, kind);
    const client = await connectTo(to);
    client.write('hello');
    expect(await readAll(client)).toBe('before, child: hello');
    const closed = whenClosed(server);
    server.close();
    await closed;
  });

  it('goes to the parent', async () => {
    const { port } = await listening((socket) => socket.write('hello'));
    const child = startChild(`
      const net = require(process.env.ROOT + '/dist/net/index.js');
      const socket = net.connect({ port: ${port}, host: '${HOST}', onread: undefined }, () => {
        process.send('yours', socket.pause(), () => process.disconnect());
      });`);
    const [, socket] = (await once(child, 'message')) as [string, nodeNet.Socket];
    atEnd(() => socket.destroy());
    expect(socket.remotePort).toBe(port);
  });

  it('that stays open goes on here as well', async () => {
    const child = startChild(`
      process.on('message', (text, socket) => socket.write(text, () => process.send('written')));`);
    const received = gate();
    const { port } = await listening((socket) => {
      child.send('child, ', socket, { keepOpen: true });
      child.once('message', () => {
        child.disconnect();
        socket.write('parent');
        socket.once('data', received.open);
      });
    });
    const client = await connectTo({ port, host: HOST });
    await readUntil(client, 'child, parent');
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    client.write('x');
    await received.passed;
  });

  it('goes on where the child has no channel any more', async () => {
    const child = startChild('process.disconnect()');
    await once(child, 'disconnect');
    child.on('error', () => {});
    const { port } = await listening((socket) => {
      expect(child.send('never', socket)).toBe(false);
      socket.on('data', (data) => socket.end(`here ${data}`));
    });
    const client = await connectTo({ port, host: HOST });
    client.write('hello');
    expect(await readAll(client)).toBe('here hello');
  });

  it('is refused before it is connected', async () => {
    const child = startChild(ECHO_CHILD);
    const { port } = await listening((socket) => socket.resume());
    const socket = net.connect(port, HOST);
    atEnd(() => socket.destroy());
    expect(() => child.send('too early', socket)).toThrow(
      expect.objectContaining({ code: 'ERR_PROACTOR_UNSUPPORTED' }),
    );
    await once(socket, 'connect');
  });

  it("is a child's input and output", async () => {
    const { port } = await listening(
      (socket) => {
        const child = spawn('cat', { stdio: [socket, socket, 'inherit'] });
        atEnd(() => child.kill('SIGKILL'));
        child.on('spawn', () => socket.destroy());
      },
      { pauseOnConnect: true },
    );
    const client = await connectTo({ port, host: HOST });
    client.end('through cat');
    expect(await readAll(client)).toBe('through cat');
  });
});

describeNet('a server', () => {
  it.each(['TCP', 'a Unix domain socket'])('of %s goes to a child', async (kind) => {
    const child = startChild(SERVING_CHILD);
    const server = net.createServer((socket) => socket.end('from here'));
    const to = await listenOn(server, kind);
    child.send('a server', server);
    await once(child, 'message');
    await answeredBy('the child', to);
  });

  it('lives on in the child when it is closed here', async () => {
    const child = startChild(SERVING_CHILD);
    const { server, port } = await listening((socket) => socket.end('from here'));
    child.send('a server', server);
    await once(child, 'message');
    const closed = whenClosed(server);
    server.close();
    await closed;
    for (let i = 0; i < 5; i++) {
      const client = await connectTo({ port, host: HOST });
      expect(await readAll(client)).toBe('from the child');
    }
  });

  it('takes the file of a Unix domain socket away when it is closed here', async () => {
    const child = startChild(SERVING_CHILD);
    const server = net.createServer();
    const path = await listenLocally(server);
    child.send('a server', server);
    await once(child, 'message');
    expect([server.address(), existsSync(path)]).toEqual([path, true]);
    const closed = whenClosed(server);
    server.close();
    await closed;
    expect(existsSync(path)).toBe(false);
  });

  it('that went to a child goes on here as well', async () => {
    const child = startChild(SERVING_CHILD);
    const { server, port } = await listening((socket) => socket.end('from here'));
    let listened = 0;
    server.on('listening', () => listened++);
    child.send('a server', server);
    await once(child, 'message');
    await answeredBy('here', { port, host: HOST });
    child.send('close');
    await once(child, 'disconnect');
    for (let i = 0; i < 5; i++) await answeredBy('here', { port, host: HOST });
    expect([server.listening, listened]).toEqual([true, 0]);
    const closed = whenClosed(server);
    server.close();
    await closed;
    await expect(connectTo({ port, host: HOST })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('goes to a child as a descriptor, and lives on there', async () => {
    const { server, port } = await listening(() => {});
    const { _handle: handle } = server as unknown as { _handle: object };
    const child = startChild(
      `const server = require('net').createServer((socket) => socket.end('from the child'));
       server.listen({ fd: 4 }, () => process.send('serving'));`,
      [handle],
    );
    await once(child, 'message');
    const closed = whenClosed(server);
    server.close();
    await closed;
    expect(await readAll(await connectTo({ port, host: HOST }))).toBe('from the child');
  });
});
