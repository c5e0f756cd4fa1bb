// Test suites replace timers and clocks. What this package does goes by the real ones, as Node's own modules do.
import { expect, it } from '@jest/globals';
import { type Program, runProgram } from './support/child';
import { describeEach } from './support/dispatchers';

/** With all that a suite can replace standing still, once by node:test and once by hand, as sinon and jest do it. */
const standingStill: Program = async ({ open, require }) => {
  const net = require('proactor/net') as typeof import('proactor/net');
  const { TcpAcceptor, TcpStream } = require('proactor') as typeof import('proactor');
  const node = require('node:net') as typeof import('node:net');
  const timers = require('node:timers') as typeof import('node:timers');
  const { mock } = require('node:test') as typeof import('node:test');
  const later = setTimeout;
  net.useProactor(open());
  mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval'] });
  const still = (): never => undefined as never;
  for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const) {
    globalThis[name] = still as never;
    (timers as Record<string, unknown>)[name] = still;
  }
  globalThis.queueMicrotask = still;
  performance.now = () => 0;
  Date.now = () => 0;

  const log: string[] = [];
  const server = net.createServer((socket) => {
    socket.on('data', () => log.push('data'));
    socket.on('end', () => log.push('end'));
    socket.on('close', () => log.push('close'));
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as import('node:net').AddressInfo;
    const peer = node.connect(port, '127.0.0.1', () => peer.end('hello'));
  });
  const refused = net.connect(1, '127.0.0.1');
  refused.on('error', (error: NodeJS.ErrnoException) => log.push(String(error.code)));
  refused.on('close', () => log.push('refused'));
  const proactor = open();
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
    stream.onClose = () => log.push('tier 2 close');
  });
  const { port } = acceptor.address;
  const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port, timeoutMs: 5000 });
  stream.write('x');
  log.push(`tier 2 ${await stream.read()}`);
  await stream.end();
  await stream.closed;
  await proactor.dispose();
  later(() => {
    console.log(log.sort().join());
    process.exit();
  }, 400);
};

describeEach('while timers and clocks stand still', (dispatcher) => {
  it('connections open, go on, end, and a proactor can be disposed of', async () => {
    const ended = await runProgram(dispatcher, standingStill, {
      nodeOptions: ['--no-warnings'],
    });
    expect(ended.stderr).toBe('');
    expect(ended.stdout.trim()).toBe('ECONNREFUSED,close,data,end,refused,tier 2 close,tier 2 x');
  });
});
