// The examples, run as the README says: each prints where it listens, serves, and stops cleanly on a signal.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { startExample } from './support/example';

/** A connection that ends with the test. */
async function connectTo(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < count) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

async function expectEcho(port: number): Promise<void> {
  const socket = await connectTo(port);
  const message = randomBytes(300_000);
  socket.write(message);
  const echoed = await readBytes(socket, message.length);
  expect(echoed.equals(message)).toBe(true);
  socket.end();
  await once(socket, 'close');
}

describe('examples/echo-server.mjs', () => {
  const variants = ['loop', 'thread'].flatMap((dispatch) =>
    ['operations', 'tcp'].map((tier) => [dispatch, tier] as const),
  );

  it.each(variants)(
    'echoes with --dispatch %s --tier %s and stops on SIGTERM',
    async (dispatch, tier) => {
      const example = await startExample('echo-server.mjs', [
        ...['--port', '0', '--host', '127.0.0.1'],
        ...['--dispatch', dispatch, '--tier', tier],
      ]);
      expect(example.host).toBe('127.0.0.1');
      await expectEcho(example.port);
      expect(await example.stop('SIGTERM')).toBe(0);
    },
  );

  it('stops on SIGINT with a connection open', async () => {
    const example = await startExample('echo-server.mjs', ['--port', '0']);
    const socket = await connectTo(example.port);
    socket.on('error', () => {});
    socket.write('x');
    await readBytes(socket, 1);
    expect(await example.stop('SIGINT')).toBe(0);
    socket.destroy();
  });
});
