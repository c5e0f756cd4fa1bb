// What TcpAcceptor says to wrong arguments and to the system's refusals, and how it lives through the
// process's own troubles: no descriptors left, a handler that throws, nothing else to do.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ListenOptions as NodeListenOptions } from 'node:net';
import { expect, it } from '@jest/globals';
import { type ListenOptions, TcpAcceptor } from 'proactor';
import { HOST, onBothDispatchers } from './support/tcp-bed';
import { inChild } from './support/tcp-child';
import { rejection, shapeOf } from './support/tcp-peer';

/** The error of node:net for the same call. */
async function nodeListenError(options: NodeListenOptions): Promise<unknown> {
  const server = createServer();
  const failed = once(server, 'error');
  server.listen(options);
  const [error] = (await failed) as [unknown];
  return error;
}

const firstFreePort = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));

onBothDispatchers('TcpAcceptor', (bed) => {
  it('fails as node:net does where the port is in use', async () => {
    const { port } = await bed.serve();
    const error = await rejection(bed.listen({ port }));
    expect(shapeOf(error)).toEqual(shapeOf(await nodeListenError({ port, host: HOST })));
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', address: HOST, port });
    expect(error.message).toBe(`listen EADDRINUSE: address already in use ${HOST}:${port}`);
  });

  it('fails as node:net does where the address is not ours', async () => {
    const error = await rejection(bed.listen({ host: '203.0.113.7' }));
    expect(shapeOf(error)).toEqual(
      shapeOf(await nodeListenError({ port: 0, host: '203.0.113.7' })),
    );
    expect(error.code).toBe('EADDRNOTAVAIL');
  });

  it('fails as node:net does where the name is unknown', async () => {
    const error = await rejection(bed.listen({ host: 'no..name' }));
    const own = (await nodeListenError({ port: 0, host: 'no..name' })) as Error;
    expect(shapeOf(error)).toEqual(shapeOf(own));
    expect(error.message).toBe(own.message);
  });

  const itWithPrivilegedPorts = firstFreePort > 1 ? it : it.skip;
  itWithPrivilegedPorts('fails as node:net does where the port is privileged', async () => {
    const { reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        if (process.getuid?.() === 0) process.setuid?.(65534);
        const pick = ({ code, errno, syscall, address, port }: Record<string, unknown>) =>
          report({ code, errno, syscall, address, port });
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        await TcpAcceptor.listen(proactor, { host: '127.0.0.1', port: 1 }).catch(pick);
        const net = require('node:net') as typeof import('node:net');
        net
          .createServer()
          .on('error', pick as never)
          .listen(1, '127.0.0.1');
      },
      [bed.dispatch],
    );
    expect(stderr).toBe('');
    expect(reports[0]).toMatchObject({ code: 'EACCES', syscall: 'listen', port: 1 });
    expect(reports[0]).toEqual(reports[1]);
  });

  it('leaves no descriptor behind where listening fails', async () => {
    const { port } = await bed.serve();
    const count = (): number => require('node:fs').readdirSync('/proc/self/fd').length as number;
    void bed.proactor;
    const before = count();
    for (let turn = 0; turn < 20; turn++) await rejection(bed.listen({ port }));
    expect(count()).toBe(before);
  });

  it.each<[string, object, string]>([
    ['port', { port: 65536 }, 'ERR_SOCKET_BAD_PORT'],
    ['port', { port: 1.5 }, 'ERR_SOCKET_BAD_PORT'],
    ['port', { port: 'http' }, 'ERR_SOCKET_BAD_PORT'],
    ['host', { host: 5 }, 'ERR_INVALID_ARG_TYPE'],
    ['backlog', { backlog: '9' }, 'ERR_INVALID_ARG_TYPE'],
    ['backlog', { backlog: -1 }, 'ERR_OUT_OF_RANGE'],
    ['reusePort', { reusePort: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['ipv6Only', { ipv6Only: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
    ['noDelay', { noDelay: 0 }, 'ERR_INVALID_ARG_TYPE'],
    ['keepAlive', { keepAlive: 'on' }, 'ERR_INVALID_ARG_TYPE'],
    ['keepAlive', { keepAlive: -5 }, 'ERR_OUT_OF_RANGE'],
    ['allowHalfOpen', { allowHalfOpen: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['highWaterMark', { highWaterMark: 0 }, 'ERR_OUT_OF_RANGE'],
    ['receiveBufferSize', { receiveBufferSize: 0 }, 'ERR_OUT_OF_RANGE'],
    ['sendBufferSize', { sendBufferSize: '1' }, 'ERR_INVALID_ARG_TYPE'],
  ])('rejects a wrong %s: %p', async (name, options, code) => {
    const error = await rejection(bed.listen(options as ListenOptions));
    expect(error.code).toBe(code);
    expect(error.message).toContain(name);
  });

  it('rejects wrong options, handlers and hosts', async () => {
    const { proactor } = bed;
    const codeOf = async (...args: unknown[]): Promise<string | undefined> => {
      const listen = TcpAcceptor.listen as (...all: unknown[]) => Promise<unknown>;
      return (await rejection(listen.call(TcpAcceptor, proactor, ...args))).code;
    };
    expect(await codeOf(null)).toBe('ERR_INVALID_ARG_TYPE');
    expect(await codeOf('8080')).toBe('ERR_INVALID_ARG_TYPE');
    expect(await codeOf({ host: HOST }, 'handler')).toBe('ERR_INVALID_ARG_TYPE');
    const acceptor = await bed.listen();
    expect(() => {
      acceptor.onConnection = 5 as never;
    }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });
});

onBothDispatchers('TcpAcceptor in a process of its own', ({ dispatch }) => {
  it('waits while there are no descriptors, says so, and goes on', async () => {
    const { code, reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        const fs = require('node:fs') as typeof import('node:fs');
        const { spawn } = require('node:child_process') as typeof import('node:child_process');
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const errors: NodeJS.ErrnoException[] = [];
        const times: number[] = [];
        let served = 0;
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
          served++;
          stream.end('x');
        });
        acceptor.onError = (error) => {
          errors.push(error);
          times.push(performance.now());
          if (errors.length !== 3) return;
          const { code, errno, syscall } = errors[0]!;
          report({ code, errno, syscall });
          // It does not spin: it tries about every 100 ms.
          report({ served, isCalm: times[2]! - times[0]! > 150 });
          for (const fd of taken) fs.closeSync(fd);
        };
        // The clients are in another process, which has descriptors.
        const client = spawn(
          process.execPath,
          [
            '-e',
            `let left = 5;
             process.stdin.once('data', () => {
               for (let i = 0; i < 5; i++) {
                 require('node:net').connect(${acceptor.address.port}, '127.0.0.1')
                   .on('data', () => {}).on('close', () => { if (--left === 0) process.exit(0); });
               }
             });`,
          ],
          { stdio: ['pipe', 'inherit', 'inherit'] },
        );
        const taken: number[] = [];
        try {
          for (;;) taken.push(fs.openSync('/dev/null', 'r'));
        } catch (error) {
          report((error as NodeJS.ErrnoException).code);
        }
        client.stdin.write('go');
        client.on('exit', async (status) => {
          report({ served, status });
          await acceptor.close();
          await proactor.dispose();
        });
      },
      [dispatch],
      { descriptors: 64 },
    );
    expect(stderr).toBe('');
    expect(reports).toEqual([
      'EMFILE',
      { code: 'EMFILE', errno: -24, syscall: 'accept' },
      { served: 0, isCalm: true },
      { served: 5, status: 0 },
    ]);
    expect(code).toBe(0);
  });

  it('goes on after a handler and after onError threw', async () => {
    const { code, reports, stderr } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        const net = require('node:net') as typeof import('node:net');
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const thrown: string[] = [];
        process.on('uncaughtException', (error) => thrown.push(error.message));
        let count = 0;
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
          const number = ++count;
          stream.end('x');
          if (number !== 4) throw new Error(`handler ${number}`);
        });
        for (let i = 0; i < 4; i++) {
          await new Promise((resolve) =>
            net.connect(acceptor.address.port, '127.0.0.1').resume().on('close', resolve),
          );
        }
        report(thrown);
        await acceptor.close();
        await proactor.dispose();
      },
      [dispatch],
    );
    expect(stderr).toBe('');
    expect(reports).toEqual([['handler 1', 'handler 2', 'handler 3']]);
    expect(code).toBe(0);
  });

  it('keeps the process alive, unless it is unreferenced or paused', async () => {
    const { code, reports } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const make = () => TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, () => {});
        const acceptor = await make();
        (await make()).unref();
        (await make()).pause();
        // Without a handler nothing is in flight.
        await TcpAcceptor.listen(proactor, { host: '127.0.0.1' });
        const startMs = Date.now();
        setTimeout(() => {
          report('still alive');
          acceptor.unref();
        }, 100).unref();
        process.on('exit', () => report(Date.now() - startMs < 5000));
      },
      [dispatch],
    );
    expect(reports).toEqual(['still alive', true]);
    expect(code).toBe(0);
  });

  it('keeps the process alive again after ref()', async () => {
    const { code, reports } = await inChild(
      async ({ Proactor, TcpAcceptor }, report, dispatch) => {
        const proactor = new Proactor({ dispatch: dispatch as 'loop' });
        const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, () => {});
        acceptor.unref().ref();
        setTimeout(async () => {
          report('still alive');
          await acceptor.close();
        }, 100).unref();
      },
      [dispatch],
    );
    expect(reports).toEqual(['still alive']);
    expect(code).toBe(0);
  });
});
