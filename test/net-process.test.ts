// proactor/net in a process of its own: what keeps it alive, what is sent when it exits, and what it refuses.
import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { type Ended, runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { describeEach } from './support/dispatchers';

/** A server of Node's that collects what each connection brings. */
async function collector(): Promise<{ port: number; received: Promise<string> }> {
  let collect: (text: string) => void = () => {};
  const received = new Promise<string>((resolve) => {
    collect = resolve;
  });
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => collect(text));
  });
  atEnd(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, received };
}

const withPort = (port: number) => ({ env: { PORT: String(port) } });

describeEach('proactor/net in a process of its own', (dispatcher) => {
  it('sends what was written right before process.exit()', async () => {
    const { port, received } = await collector();
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const net = require('./dist/net/index.js') as typeof import('proactor/net');
        net.useProactor(open());
        const socket = net.connect(Number(process.env['PORT']), '127.0.0.1', () => {
          socket.write('written, then gone');
          process.exit(3);
        });
      },
      withPort(port),
    );
    expect(ended).toMatchObject({ code: 3, stderr: '' });
    expect(await received).toBe('written, then gone');
  });

  it.each([
    ['long text', 20_000],
    ['a large buffer behind a small one', 40_003],
    ['corked chunks', 40_003],
    ['more than one turn wrote', 3],
    ['what exit handlers write', 6],
    ['what the socket keeps behind a large buffer', 40_006],
    ['many writes', 500_000],
    ['many writes after one in an earlier turn', 500_003],
  ])('sends all of it before process.exit(): %s', async (what, bytes) => {
    const { port, received } = await collector();
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const net = require('./dist/net/index.js') as typeof import('proactor/net');
        net.useProactor(open());
        const socket = net.connect(Number(process.env['PORT']), '127.0.0.1');
        const writers: Record<string, () => unknown> = {
          'long text': () => socket.write('x'.repeat(20_000)),
          'a large buffer behind a small one': () => {
            socket.write('abc');
            socket.write(Buffer.alloc(40_000));
          },
          'corked chunks': () => {
            socket.cork();
            socket.write('abc');
            socket.write(Buffer.alloc(40_000));
            socket.uncork();
          },
          'more than one turn wrote': async () => {
            for (const letter of 'abc') {
              await new Promise((resolve) => setImmediate(resolve));
              socket.write(letter);
            }
          },
          'many writes': () => {
            for (let i = 0; i < 100; i++) socket.write('z'.repeat(5000));
          },
          'many writes after one in an earlier turn': async () => {
            socket.write('abc');
            await new Promise((resolve) => setImmediate(resolve));
            for (let i = 0; i < 100; i++) socket.write(Buffer.alloc(5000));
          },
          'what the socket keeps behind a large buffer': async () => {
            socket.write('abc');
            for (let i = 0; i < 5; i++) await null; // and it is in flight
            socket.write(Buffer.alloc(40_000));
            socket.write('d');
            socket.write(Buffer.from('ef'));
          },
          'what exit handlers write': () => {
            socket.write('abc');
            process.on('exit', () => socket.write('def'));
          },
        };
        socket.on('connect', async () => {
          await writers[process.env['WHAT']!]!();
          process.exit(3);
        });
      },
      { env: { PORT: String(port), WHAT: what } },
    );
    expect(ended).toMatchObject({ code: 3, stderr: '' });
    expect((await received).length).toBe(bytes);
  });

  it('sends what was written before an exception that nobody catches', async () => {
    const { port, received } = await collector();
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const net = require('./dist/net/index.js') as typeof import('proactor/net');
        net.useProactor(open());
        const socket = net.connect(Number(process.env['PORT']), '127.0.0.1', () => {
          socket.write('the reason');
          throw new Error('thrown in a handler');
        });
      },
      withPort(port),
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('thrown in a handler');
    expect(await received).toBe('the reason');
  });

  it('ends by itself when sockets and servers are unreferenced or closed', async () => {
    const { port } = await collector();
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const net = require('./dist/net/index.js') as typeof import('proactor/net');
        net.useProactor(open());
        net.createServer().listen(0).unref();
        const socket = net.connect(Number(process.env['PORT']), '127.0.0.1', () => {
          console.log('connected');
          socket.unref();
        });
      },
      withPort(port),
    );
    expect(ended).toMatchObject({ code: 0, stdout: 'connected\n', timedOut: false });
  });

  it('refuses to send a socket to a process that was started before it was imported, in words', async () => {
    const { port } = await collector();
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const { fork } = require('node:child_process') as typeof import('node:child_process');
        const child = fork('-e', ['process.once("message", () => process.exit())'], {
          execArgv: ['-e', 'process.once("message", () => process.exit())'],
        });
        const net = require('./dist/net/index.js') as typeof import('proactor/net');
        net.useProactor(open());
        const socket = net.connect(Number(process.env['PORT']), '127.0.0.1', () => {
          try {
            child.send('here', socket);
          } catch (error) {
            console.log((error as { code: string }).code, (error as Error).message);
          }
          child.kill();
          socket.destroy();
        });
      },
      withPort(port),
    );
    expect(ended.stdout).toMatch(/^ERR_PROACTOR_UNSUPPORTED .*started before/);
    expect(ended).toMatchObject({ code: 0, timedOut: false } satisfies Partial<Ended>);
  });

  it('gives everything back when a worker is terminated under load', async () => {
    const ended = await runProgram(
      dispatcher,
      async ({ open, require }) => {
        const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
        const fs = require('node:fs') as typeof import('node:fs');
        open(); // the module's own binary is loaded before descriptors are counted
        const source = `
          const net = require(${JSON.stringify(`${process.cwd()}/dist/net/index.js`)});
          const { parentPort } = require('node:worker_threads');
          const server = net.createServer((socket) => socket.pipe(socket)).listen(0, () => {
            let connected = 0;
            for (let i = 0; i < 8; i++) {
              const socket = net.connect(server.address().port, () => {
                socket.write(Buffer.alloc(100_000));
                if (++connected === 8) parentPort.postMessage('ready');
              });
              socket.on('data', (chunk) => socket.write(chunk));
            }
          });`;
        const count = () => fs.readdirSync('/proc/self/fd').length;
        const run = async () => {
          const worker = new Worker(source, { eval: true });
          await new Promise((resolve) => worker.once('message', resolve));
          await worker.terminate();
        };
        await run(); // what Node itself opens with the first one
        const before = count();
        for (let i = 0; i < 5; i++) await run();
        console.log(count() - before);
        process.exit();
      },
      { timeoutMs: 30_000 },
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', timedOut: false });
    expect(Number(ended.stdout)).toBeLessThanOrEqual(0);
  });
});
