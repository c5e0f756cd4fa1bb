// Callbacks of the program's that are called in turn: one that throws is an uncaught exception, and keeps none of the others
// back. In processes of their own, where such an exception can be watched.
import { expect, it } from '@jest/globals';
import { type Program, runProgram } from './support/child';
import { describeEach } from './support/dispatchers';

const resuming: Program = async ({ open, require }) => {
  const { TcpAcceptor } = require('proactor') as typeof import('proactor');
  const net = require('node:net') as typeof import('node:net');
  let uncaught = 0;
  process.on('uncaughtException', () => uncaught++);
  const proactor = open();
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  let taken = 0;
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' });
  const connect = (count: number): void => {
    for (let i = 0; i < count; i++) net.connect(acceptor.address.port, '127.0.0.1').unref();
  };
  acceptor.onConnection = (stream) => {
    taken++;
    stream.destroy();
    if (taken === 1) acceptor.pause();
    if (taken % 3 === 0) throw new Error('thrown by a handler');
  };
  connect(10);
  while (taken === 0) await sleep(1);
  await sleep(100);
  const beforeResume = taken;
  acceptor.resume();
  const duringResume = taken;
  while (taken < 10) await sleep(1);
  connect(5);
  while (taken < 15) await sleep(1);
  await sleep(20);
  console.log(JSON.stringify({ isSync: duringResume > beforeResume, taken, uncaught }));
  process.exit();
};

const waitingForBuffers: Program = async ({ open, require }) => {
  const { TcpStream } = require('proactor') as typeof import('proactor');
  const net = require('node:net') as typeof import('node:net');
  let uncaught = 0;
  process.on('uncaughtException', () => uncaught++);
  const proactor = open({ buffers: { count: 2, size: 1024, incremental: false } });
  const { buffers } = proactor;
  const server = net.createServer((peer) => peer.write(Buffer.alloc(4096)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as import('node:net').AddressInfo;
  const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
  // Both buffers are held, so that those who ask for one have to wait.
  const receive = (): Promise<number> =>
    new Promise((resolve) => {
      proactor.recvProvided(stream.fd, buffers, 0, (result, flags) => {
        resolve(buffers.take(result, flags));
      });
    });
  const held = [await receive(), await receive()];
  let told = 0;
  for (let i = 0; i < 9; i++) {
    buffers.whenAvailable(() => {
      told++;
      if (i % 3 === 0) throw new Error('thrown by a waiter');
    });
  }
  await proactor.nop();
  const before = told;
  for (const offset of held) buffers.release(offset);
  await proactor.nop();
  console.log(JSON.stringify({ before, told, uncaught }));
  process.exit();
};

const disposing: Program = async ({ open, require }) => {
  const net = require('proactor/net') as typeof import('proactor/net');
  const { TcpAcceptor } = require('proactor') as typeof import('proactor');
  let uncaught = 0;
  process.on('uncaughtException', () => uncaught++);
  const proactor = open();
  net.useProactor(proactor);
  const servers = [1, 2, 3].map(() => net.createServer().listen(0, '127.0.0.1'));
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, () => {});
  const [first] = servers;
  first!.close = () => {
    throw new Error('thrown by a method of the program');
  };
  await proactor.dispose();
  const listening = servers.slice(1).filter((server) => server.listening).length;
  console.log(JSON.stringify({ listening, closed: acceptor.closed, uncaught }));
  process.exit();
};

describeEach('a callback that throws', (dispatcher) => {
  it.each([
    ['of queued connections', resuming, { isSync: false, taken: 15, uncaught: 5 }],
    ['that waits for receive buffers', waitingForBuffers, { before: 0, told: 9, uncaught: 3 }],
    ['when the proactor ends', disposing, { listening: 0, closed: true, uncaught: 1 }],
  ] as const)('%s keeps no other back', async (_title, program, expected) => {
    const { stdout, stderr } = await runProgram(dispatcher, program);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(expected);
  });
});
