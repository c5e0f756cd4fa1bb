// What keeps a process alive, and what happens to work in flight when it ends.
import * as net from 'node:net';
import { expect, it } from '@jest/globals';
import { type Program, runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { type Dispatcher, describeAll, describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';

const connectAndReceive: Program = async ({ open, require }) => {
  const { addon } = require('./dist/ring/binding.js') as {
    addon: { openSocket(family: number, type: number, protocol: number): number };
  };
  const proactor = open();
  const fd = addon.openSocket(2, 1, 0);
  await proactor.connect(fd, { address: '127.0.0.1', port: Number(process.env['PORT']) });
  proactor.unrefOperation(proactor.recv(fd, Buffer.alloc(8), 0, 8, 0, () => {}));
  proactor.unrefOperation(proactor.recvMultishot(fd, proactor.buffers, 0, () => {}));
};

const ended = (dispatcher: Dispatcher, program: Program) =>
  runProgram(dispatcher, program, { timeoutMs: 8000 });

describeAll('a process', (dispatcher: Dispatcher) => {
  it('ends when only idle proactors are left', async () => {
    const result = await ended(dispatcher, ({ open }) => {
      open();
      open().nop(() => console.log('completed'));
    });
    expect(result).toMatchObject({ code: 0, stdout: 'completed\n', stderr: '', timedOut: false });
  });

  it('stays alive while an operation is in flight', async () => {
    const result = await ended(dispatcher, ({ open }) => {
      const proactor = open();
      proactor.timeout(100, 0, () => {
        proactor.timeout(50).then(() => console.log('promise'));
        console.log('handler');
      });
    });
    expect(result).toMatchObject({ code: 0, stdout: 'handler\npromise\n', timedOut: false });
  });

  it('stays alive for one that is referenced again, not for one that is not', async () => {
    const result = await ended(dispatcher, ({ open }) => {
      const proactor = open();
      const start = Date.now();
      proactor.unrefOperation(proactor.timeout(60_000, 0, () => console.log('never')));
      const id = proactor.timeout(100, 0, () => console.log('referenced'));
      proactor.unrefOperation(id);
      proactor.unrefOperation(id);
      proactor.refOperation(id);
      process.on('exit', () => console.log(Date.now() - start < 5000));
    });
    expect(result).toMatchObject({ code: 0, stdout: 'referenced\ntrue\n', timedOut: false });
  });

  itWithOperation('timeoutMultishot')(
    'calls the handler of an operation that does not keep it alive, if it lives',
    async () => {
      const result = await ended(dispatcher, ({ open }) => {
        const proactor = open();
        let ticks = 0;
        const timer = setInterval(() => {}, 1000);
        const id = proactor.timeoutMultishot(10, 0, 0, () => {
          if (++ticks === 3) clearInterval(timer);
        });
        proactor.unrefOperation(id);
        process.on('exit', () => console.log(ticks >= 3));
      });
      expect(result.stdout).toBe('true\n');
      expect(result).toMatchObject({ code: 0, stderr: '', timedOut: false });
    },
  );

  it('may initiate again when it is about to end', async () => {
    const result = await ended(dispatcher, ({ open }) => {
      const proactor = open();
      let left = 3;
      process.on('beforeExit', () => {
        if (left-- > 0) proactor.timeout(5, 0, () => console.log('again'));
        else proactor.dispose();
      });
    });
    expect(result).toMatchObject({ code: 0, stdout: 'again\nagain\nagain\n', timedOut: false });
  });

  it('ends with an unreferenced receive in flight, and its peer notices', async () => {
    const closed = new Promise<string>((resolve) => {
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.on('close', () => resolve('closed'));
        socket.resume();
      });
      atEnd(() => server.close());
      server.listen(0, '127.0.0.1', async () => {
        const { port } = server.address() as net.AddressInfo;
        const result = await runProgram(dispatcher, connectAndReceive, {
          env: { PORT: String(port) },
        });
        const late = `ended with ${JSON.stringify(result)} and the connection open`;
        setTimeout(resolve, 1000, late);
      });
    });
    expect(await closed).toBe('closed');
  });

  it('that forks another keeps its memory to itself', async () => {
    const result = await ended(dispatcher, ({ open, require }) => {
      const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
      const proactor = open();
      proactor.timeout(60_000, 0, () => {});
      setTimeout(() => {
        // No descriptor of the proactor's is inherited.
        const names = execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
        console.log(/io_uring|eventfd/.test(names) ? names : 'nothing inherited');
        proactor.dispose();
      }, 20);
    });
    expect(result).toMatchObject({ code: 0, stdout: 'nothing inherited\n', timedOut: false });
  });
});

describeEach('with work in flight a process', (dispatcher: Dispatcher) => {
  const inFlight = `
    const fs = require('node:fs');
    const proactor = open();
    const { addon } = require('./dist/ring/binding.js');
    const { encodeAddress } = require('./dist/socket-address.js');
    const listener = addon.openSocket(2, 1, 0);
    const bytes = new Uint8Array(128);
    addon.bind(listener, bytes, encodeAddress({ address: '127.0.0.1', port: 0 }, bytes));
    addon.listen(listener, 10);
    proactor.acceptMultishot(listener, 0, () => {});
    for (let i = 0; i < 100; i++) proactor.timeout(60_000, 0, () => {});
    const spin = () => { if (!proactor.disposed) proactor.nop(spin); };
    for (let i = 0; i < 10; i++) spin();
    proactor.pollMultishot(listener, 1, () => {});
  `;
  const ways: readonly (readonly [string, number, string])[] = [
    ['process.exit()', 7, `setTimeout(() => process.exit(7), 20);`],
    ['process.exit() at once', 7, `process.exit(7);`],
    ['process.exit() in a handler', 7, `proactor.timeout(20, 0, () => process.exit(7));`],
    ['process.exit() after a promise', 7, `proactor.timeout(20).then(() => process.exit(7));`],
    ['an uncaught exception', 1, `setTimeout(() => { throw new Error('end'); }, 20);`],
    ['an exception in a handler', 1, `proactor.timeout(20, 0, () => { throw new Error('end'); });`],
    ['a rejection', 1, `proactor.timeout(20).then(() => { throw new Error('end'); });`],
    ['a rejected operation', 1, `proactor.close(1000000);`],
    ['disposing', 0, `setTimeout(() => proactor.dispose(), 20);`],
  ];

  it.each(ways)('ends by %s with status %i', async (_way, code, end) => {
    // As text: the program is put together from parts.
    const program = new Function('{ open, require }', `${inFlight}\n${end}`) as Program;
    for (let round = 0; round < 2; round++) {
      const result = await ended(dispatcher, program);
      expect(result).toMatchObject({ code, signal: null, timedOut: false });
    }
  });
});
