// Sends that need not go through the ring: in thread dispatch the JavaScript thread performs them itself while the I/O
// thread sleeps. Nobody may be able to tell, on either dispatcher.
import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from '@jest/globals';
import { constants, Proactor, TcpStream } from 'proactor';
import { addon as maybeAddon } from '#lib/ring/binding';
import { runProgram } from './support/child';
import { completionOf, delay, Recorder } from './support/completions';
import { describeEach } from './support/dispatchers';
import { amount } from './support/pace';
import { disown, listener, own, tcpPair, udpSocket } from './support/sockets';

const addon = maybeAddon!;
const MSG_OOB = 1;
const MSG_DONTWAIT = 0x40;
// Until the I/O thread sleeps.
const ASLEEP_MS = 20;

describeEach('a send while nothing else is initiated', (dispatcher) => {
  const { open } = dispatcher;

  it('has the flags that it was given', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    await delay(ASLEEP_MS);
    expect(await proactor.send(near, Buffer.from('x'), 0, 1, MSG_OOB)).toBe(1);
    // Out of band: there is nothing to be received in the ordinary way.
    const { result } = await completionOf((handler) =>
      proactor.recv(far, Buffer.alloc(1), 0, 1, MSG_DONTWAIT, handler),
    );
    expect(result).toBe(-constants.EAGAIN);
  });

  it('leaves no deferred completion behind that nothing else will bring', async () => {
    const proactor = open();
    const [one, two] = [await tcpPair(proactor), await tcpPair(proactor)];
    const received = new Recorder();
    proactor.deferCompletion();
    proactor.recv(one.far, Buffer.alloc(1), 0, 1, 0, received.handler);
    await delay(ASLEEP_MS);
    // While this is in flight the other completion would be held back, and then not any more.
    await completionOf((handler) => proactor.send(two.near, Buffer.from('y'), 0, 1, 0, handler));
    expect(addon.trySend(one.near, Buffer.from('z'))).toBe(1);
    await received.reach(1);
    expect(received.results).toEqual([1]);
  });

  it('lets the event loop turn where each is initiated by the one before', async () => {
    const proactor = open();
    const [from, to] = [udpSocket(), udpSocket()];
    await proactor.connect(from.fd, { address: '127.0.0.1', port: to.port });
    await delay(ASLEEP_MS);
    let goesOn = true;
    const giveUpAt = performance.now() + 2000;
    const last = new Promise<void>((resolve) => {
      const again = (): void => {
        if (!goesOn || performance.now() > giveUpAt) {
          resolve();
          return;
        }
        proactor.deferCompletion();
        proactor.send(from.fd, Buffer.from('x'), 0, 1, 0, again);
      };
      again();
    });
    await delay(10);
    expect(performance.now()).toBeLessThan(giveUpAt);
    goesOn = false;
    await last;
  });

  // What a socket takes of a send that asks for all of it is performed, and the I/O thread does the rest. The end of that
  // may be seen before it is dispatched.
  it('is counted once where it was performed in part', async () => {
    const proactor = open();
    const { fd, port } = listener();
    const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
    const far = own(await proactor.accept(fd));
    let written = 0;
    let received = 0;
    let wrong = 0;
    const write = (words: number): void => {
      const numbers = Uint32Array.from({ length: words }, (_, i) => written / 4 + i);
      written += numbers.byteLength;
      stream.write(numbers);
    };
    const room = Buffer.alloc(65_536);
    let rest = Buffer.alloc(0);
    const receive = (): void => {
      for (let got = addon.tryReceive(far, room); got > 0; got = addon.tryReceive(far, room)) {
        const bytes = Buffer.concat([rest, room.subarray(0, got)]);
        const end = bytes.length & ~3;
        for (let at = 0; at < end; at += 4, received += 4) {
          if (bytes.readUInt32LE(at) !== received / 4) wrong++;
        }
        rest = bytes.subarray(end);
      }
    };
    for (let round = 0; round < amount(4); round++) {
      while (proactor.stats().inFlight === 0) {
        write(3750 + round);
        await delay(1);
      }
      // The rest is sent, and what tells of it not dispatched.
      for (let i = 0; i < 5; i++) {
        receive();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
      }
      write(25_000);
      while (received < written && wrong === 0) {
        receive();
        await delay(1);
      }
      expect([received, wrong]).toEqual([written, 0]);
    }
    stream.destroy();
  });

  it('is told of in the context in which the proactor was made', async () => {
    const storage = new AsyncLocalStorage<string>();
    const proactor = storage.run('maker', () => open());
    const { near } = await tcpPair(proactor);
    await delay(ASLEEP_MS);
    const seen = await new Promise((resolve) => {
      const tell = (): void => resolve(storage.getStore());
      storage.run('initiator', () => proactor.send(near, Buffer.from('x'), 0, 1, 0, tell));
    });
    expect(seen).toBe('maker');
  });

  it('is not said to be cancelled where it was performed before the end', async () => {
    const proactor = new Proactor({ ...dispatcher.options, disposeTimeoutMs: 0 });
    const { near, far } = await tcpPair(proactor);
    await delay(ASLEEP_MS);
    const sent = completionOf((handler) => proactor.send(near, Buffer.from('x'), 0, 1, 0, handler));
    await null;
    await proactor.dispose();
    const received = Math.max(0, addon.tryReceive(far, Buffer.alloc(1)));
    expect((await sent).result).toBe(received === 1 ? 1 : -constants.ECANCELED);
  });

  it('holds nobody up where a close has to wait', async () => {
    // Loop dispatch has no other thread that could.
    if (dispatcher.options.dispatch === 'loop') return;
    const proactor = open();
    const { near } = await tcpPair(proactor);
    while (addon.trySend(near, Buffer.alloc(65_536)) > 0);
    expect(addon.setLinger(near, true, 1)).toBe(0);
    await delay(ASLEEP_MS);
    const start = performance.now();
    const closed = proactor.close(disown(near));
    await delay(10);
    expect(performance.now() - start).toBeLessThan(800);
    await closed;
    expect(performance.now() - start).toBeGreaterThan(800);
  });

  it('does not hold up the end of a process that ends a socket', async () => {
    const ended = await runProgram(dispatcher, async ({ open: openOne, require }) => {
      const { once } = require('node:events') as typeof import('node:events');
      const net = require('proactor/net') as typeof import('proactor/net');
      net.useProactor(openOne());
      const server = net.createServer({ allowHalfOpen: true }, (peer) => void peer.resume());
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as import('node:net').AddressInfo;
      const socket = net.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.end('the end');
      await new Promise((resolve) => process.nextTick(resolve));
      await null;
      await null;
      const start = performance.now();
      process.on('exit', () => console.log(performance.now() - start < 500 ? 'at once' : 'late'));
      process.exit();
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'at once\n' });
  });
});
