// TCP streams in a process of their own: what keeps it alive, and what an exception in a handler leaves.
import { expect, it } from '@jest/globals';
import { patient } from './support/pace';
import { onBothDispatchers } from './support/tcp-bed';
import { inChild } from './support/tcp-child';

onBothDispatchers('TcpStream in a process of its own', ({ dispatch }) => {
  it('keeps the process alive while it receives, unless it is unreferenced', async () => {
    const { code, reports, runMs } = await inChild(
      async ({ Proactor, TcpStream }, report, dispatch) => {
        const net = require('node:net') as typeof import('node:net');
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const server = net.createServer((socket) => socket.unref()).listen(0, '127.0.0.1');
        server.unref();
        await new Promise((resolve) => server.on('listening', resolve));
        const { port } = server.address() as import('node:net').AddressInfo;
        const make = () => TcpStream.connect(proactor, { port, host: '127.0.0.1' });
        const [first, second, idle] = await Promise.all([make(), make(), make()]);
        // One that was unreferenced before it received, one that is later.
        first.unref().onData = () => {};
        second.onData = () => {};
        report(idle.destroyed);
        setTimeout(() => {
          report('still alive');
          second.unref();
          second.ref();
          setTimeout(() => {
            report('still alive');
            second.unref();
          }, 50).unref();
        }, 50).unref();
      },
      [dispatch],
    );
    expect(reports).toEqual([false, 'still alive', 'still alive']);
    expect(code).toBe(0);
    expect(runMs).toBeLessThan(patient(5000));
  });

  it('keeps the process alive until what was written is sent', async () => {
    const { code, reports } = await inChild(
      async ({ Proactor, TcpStream }, report, dispatch) => {
        const { spawn } = require('node:child_process') as typeof import('node:child_process');
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        // A server in another process, which says how much came.
        const program = `
           const server = require('node:net').createServer((socket) => {
             setTimeout(() => socket.resume(), 100);
             socket.on('end', () => {
               require('node:fs').writeSync(1, socket.bytesRead + '\\n');
               process.exit();
             });
           }).listen(0, '127.0.0.1', () => process.send(server.address().port));`;
        const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
        const server = spawn(process.execPath, ['-e', program], { stdio: [...stdio] });
        const [port] = await new Promise<number[]>((resolve) =>
          server.on('message', (message) => resolve([message as number])),
        );
        server.unref();
        server.channel?.unref();
        const stream = await TcpStream.connect(proactor, { port: port!, host: '127.0.0.1' });
        stream.unref();
        stream.write(Buffer.alloc(10 << 20));
        void stream.end();
        process.on('exit', () => report({ left: stream.writableLength }));
      },
      [dispatch],
    );
    expect(reports).toContainEqual({ left: 0 });
    expect(reports).toContainEqual(10 << 20);
    expect(code).toBe(0);
  });

  it('lets the process end after a small write that nobody waits for', async () => {
    const { code, runMs } = await inChild(
      async ({ Proactor, TcpStream, TcpAcceptor }, _report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, () => {});
        const { port } = acceptor.address;
        const stream = await TcpStream.connect(proactor, { port, host: '127.0.0.1' });
        acceptor.unref();
        stream.unref().onData = () => {};
        stream.write('small');
      },
      [dispatch],
    );
    expect(code).toBe(0);
    expect(runMs).toBeLessThan(patient(5000));
  });

  it('goes on after exceptions in every kind of handler', async () => {
    const { code, reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor, TcpStream }, report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const caught: string[] = [];
        process.on('uncaughtException', (error) => caught.push(error.message));
        const fail = (name: string) => () => {
          throw new Error(name);
        };
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' });
        const accepting = acceptor[Symbol.asyncIterator]().next();
        const near = await TcpStream.connect(proactor, {
          host: '127.0.0.1',
          port: acceptor.address.port,
          highWaterMark: 10,
        });
        const far = (await accepting).value as import('proactor').TcpStream;
        let text = '';
        far.onData = (chunk) => {
          text += chunk.toString();
          throw new Error('data');
        };
        far.onEnd = fail('end');
        far.onClose = fail('close');
        near.onDrain = fail('drain');
        near.onTimeout = fail('timeout');
        near.setTimeout(20);
        near.onClose = fail('close');
        // Several callbacks of one send, the first of which throw.
        const called: number[] = [];
        for (let i = 0; i < 5; i++) {
          near.write(`part ${i};`, () => {
            called.push(i);
            if (i < 3) throw new Error('callback');
          });
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
        near.setTimeout(0);
        // What waits while it is paused comes in pieces, each of which throws.
        far.pause();
        near.write('held back;');
        await new Promise((resolve) => setTimeout(resolve, 20));
        far.resume();
        await near.end('last');
        await Promise.all([near.closed, far.closed]);
        await acceptor.close();
        report({ text, called, kinds: [...new Set(caught)].sort() });
        const { inFlight, blocksLent, buffersProvided } = proactor.stats();
        report({ inFlight, blocksLent, isWhole: buffersProvided === proactor.buffers.count });
        await proactor.dispose();
      },
      [dispatch],
    );
    expect(stderr).toBe('');
    expect(reports).toEqual([
      {
        text: 'part 0;part 1;part 2;part 3;part 4;held back;last',
        called: [0, 1, 2, 3, 4],
        kinds: ['callback', 'close', 'data', 'drain', 'end', 'timeout'],
      },
      { inFlight: 0, blocksLent: 0, isWhole: true },
    ]);
    expect(code).toBe(0);
  });

  it('serves others when one of many throws in the middle of a batch', async () => {
    const { code, reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        const net = require('node:net') as typeof import('node:net');
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        let caught = 0;
        process.on('uncaughtException', () => caught++);
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
          stream.onData = (chunk) => {
            stream.write(chunk);
            if (chunk.toString().startsWith('bad')) throw new Error('bad');
          };
        });
        const count = 40;
        const echo = async (index: number): Promise<boolean> => {
          const text = `${index % 3 === 0 ? 'bad' : 'good'} ${index};`.repeat(200);
          const socket = net.connect(acceptor.address.port, '127.0.0.1');
          let back = '';
          socket.on('data', (data) => {
            back += data;
            if (back.length >= text.length) socket.end();
          });
          for (let at = 0; at < text.length; at += 300) socket.write(text.slice(at, at + 300));
          await new Promise((resolve) => socket.on('close', resolve));
          return back === text;
        };
        const results = await Promise.all(Array.from({ length: count }, (_, index) => echo(index)));
        report({ right: results.filter(Boolean).length, hasCaught: caught > 0 });
        await acceptor.close();
        await proactor.dispose();
      },
      [dispatch],
    );
    expect(stderr).toBe('');
    expect(reports).toEqual([{ right: 40, hasCaught: true }]);
    expect(code).toBe(0);
  });

  it('ends the process at an exception that nobody catches', async () => {
    const { code, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor, TcpStream }, _report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
          stream.onData = () => {
            throw new Error('nobody catches this');
          };
        });
        const { port } = acceptor.address;
        const stream = await TcpStream.connect(proactor, { port, host: '127.0.0.1' });
        stream.write('x');
      },
      [dispatch],
    );
    expect(stderr).toContain('Error: nobody catches this');
    expect(code).toBe(1);
  });
});
