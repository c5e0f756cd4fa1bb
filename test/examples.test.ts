// The examples, run as the README says: each prints where it listens, serves, and stops cleanly on a signal.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { root } from './support/sources';

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

interface Example {
  readonly child: ChildProcess;
  readonly host: string;
  readonly port: number;
  /** Sends the signal and resolves to the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts an example on a free port and waits for `listening on HOST:PORT`. */
async function start(name: string, args: readonly string[]): Promise<Example> {
  const child = spawn(process.execPath, [path.join('examples', name), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const match = /^listening on (.+):(\d+)$/.exec(line);
      if (match) return { host: match[1] ?? '', port: Number(match[2]) };
    }
    throw new Error(`${name} never said that it listens`);
  })();
  const { host, port } = await listening;
  child.stdout.resume();
  const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const [code] = await exited;
    running.delete(child);
    return code;
  };
  return { child, host, port, stop };
}

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
      const example = await start('echo-server.mjs', [
        ...['--port', '0', '--host', '127.0.0.1'],
        ...['--dispatch', dispatch, '--tier', tier],
      ]);
      expect(example.host).toBe('127.0.0.1');
      await expectEcho(example.port);
      expect(await example.stop('SIGTERM')).toBe(0);
    },
  );

  it('stops on SIGINT with a connection open', async () => {
    const example = await start('echo-server.mjs', ['--port', '0']);
    const socket = await connectTo(example.port);
    socket.on('error', () => {});
    socket.write('x');
    await readBytes(socket, 1);
    expect(await example.stop('SIGINT')).toBe(0);
    socket.destroy();
  });
});
