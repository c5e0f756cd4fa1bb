// examples/tcp-proxy.mjs: byte for byte in both directions, each of which ends by itself.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Example, runExample, startExample } from './support/example';

const opened = new Set<Socket | Server>();
afterEach(() => {
  for (const one of opened) {
    if ('destroy' in one) one.destroy();
    else one.close();
  }
  opened.clear();
});

/** A server of node:net; half-open, so that its ends are its own. */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    opened.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  opened.add(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function connectTo({ port }: Example): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  opened.add(socket);
  await once(socket, 'connect');
  return socket;
}

/** Everything up to the peer's end. (An iteration would end the socket as well.) */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

describe.each(['loop', 'thread'])('examples/tcp-proxy.mjs --dispatch %s', (dispatch) => {
  const start = (target: string, ...args: string[]): Promise<Example> =>
    startExample('tcp-proxy.mjs', ['--port', '0', '--dispatch', dispatch, '--to', target, ...args]);

  it('passes data on in both directions at the same time', async () => {
    const port = await serve((socket) => socket.pipe(socket));
    const proxy = await start(`localhost:${port}`);
    const message = randomBytes(20_000_000);
    const socket = await connectTo(proxy);
    socket.end(message);
    expect(sha256(await readAll(socket))).toBe(sha256(message));
    expect(await proxy.stop('SIGTERM')).toBe(0);
  });

  it('keeps half-close: an answer that comes after the end of the question', async () => {
    const port = await serve(async (socket) => socket.end(sha256(await readAll(socket))));
    const proxy = await start(`127.0.0.1:${port}`);
    const question = randomBytes(300_000);
    const socket = await connectTo(proxy);
    socket.end(question);
    expect((await readAll(socket)).toString()).toBe(sha256(question));
    expect(await proxy.stop('SIGINT')).toBe(0);
  });

  it('holds a sender back whose reader is slow', async () => {
    let reader: Socket | undefined;
    const port = await serve((socket) => {
      reader = socket.pause();
    });
    const proxy = await start(`127.0.0.1:${port}`);
    const socket = await connectTo(proxy);
    const message = randomBytes(40_000_000);
    socket.end(message);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(socket.writableLength).toBeGreaterThan(message.length / 2);
    expect(sha256(await readAll(reader!))).toBe(sha256(message));
    expect(await proxy.stop('SIGTERM')).toBe(0);
  });

  it('passes a reset on, and resets where nobody can be reached', async () => {
    const accepted: Socket[] = [];
    const port = await serve((socket) => accepted.push(socket.resume()));
    const proxy = await start(`127.0.0.1:${port}`);
    const socket = await connectTo(proxy);
    while (accepted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const failed = new Promise((resolve) => accepted[0]!.once('close', resolve));
    socket.resetAndDestroy();
    expect(await failed).toBe(true);

    const free = await serve(() => {});
    for (const one of opened) if (!('destroy' in one)) one.close();
    const nowhere = await startExample('tcp-proxy.mjs', [
      ...['--port', '0', '--dispatch', dispatch, '--to', `127.0.0.1:${free}`],
    ]);
    nowhere.child.stderr?.unpipe(process.stderr);
    const refused = await connectTo(nowhere);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(await nowhere.stop('SIGTERM')).toBe(0);
    expect(await proxy.stop('SIGTERM')).toBe(0);
  });

  it('stops with connections open', async () => {
    const port = await serve((socket) => socket.resume());
    const proxy = await start(`127.0.0.1:${port}`);
    const socket = await connectTo(proxy);
    socket.on('error', () => {});
    socket.write('unfinished');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await proxy.stop('SIGTERM')).toBe(0);
  });
});

describe('examples/tcp-proxy.mjs', () => {
  it('says how to use it', async () => {
    const { code, output } = await runExample('tcp-proxy.mjs', ['--help']);
    expect([code, output]).toEqual([0, expect.stringContaining('--to HOST:PORT')]);
  });

  it.each([
    [[], 2, "--to must be HOST:PORT, not ''"],
    [['--to', '7000'], 2, '--to must be HOST:PORT'],
    [['--to', 'host:0'], 2, '--to must be an integer from 1 to 65535'],
    [['--to', '[::1]:1', '--port', '-1'], 2, "Option '--port"],
    [['--to', '[::1]:1', '--connect-timeout', '0'], 2, '--connect-timeout must be'],
    [['--to', 'h:1', '--port', '0', '--dispatch', 'wrong'], 2, '--dispatch must be loop or thread'],
  ])('says what is wrong with %j', async (args, status, message) => {
    const { code, errors } = await runExample('tcp-proxy.mjs', args);
    expect([code, errors]).toEqual([status, expect.stringContaining(message)]);
    expect(errors).not.toContain('    at ');
  });
});
