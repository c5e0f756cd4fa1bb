// TcpAcceptor: where it listens, how connections come, pausing and closing.
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { TcpAcceptor, TcpStream } from 'proactor';
import { HOST, onBothDispatchers } from './support/tcp-bed';
import { peerClosed, peerRead, rejection, thrown, until } from './support/tcp-peer';

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((entry) => entry?.address === '::1');
const itWithIpv6 = hasIpv6 ? it : it.skip;

onBothDispatchers('TcpAcceptor', (bed) => {
  it('listens on IPv4 at a free port, which its address tells', async () => {
    const acceptor = await bed.listen({ host: HOST, port: 0 }, (stream) => stream.end('hello'));
    expect(acceptor.address).toEqual({
      address: HOST,
      family: 'IPv4',
      port: expect.any(Number),
    });
    expect(acceptor.address.port).toBeGreaterThan(0);
    const peer = await bed.connectPeer(acceptor.address.port);
    expect((await peerRead(peer, 5)).toString()).toBe('hello');
  });

  itWithIpv6('listens on IPv6', async () => {
    const acceptor = await bed.listen({ host: '::1' }, (stream) => {
      stream.end(JSON.stringify([stream.localAddress, stream.remoteAddress]));
    });
    expect(acceptor.address).toMatchObject({ address: '::1', family: 'IPv6' });
    const { port } = acceptor.address;
    const peer = await bed.connectPeer(port, '::1');
    const text = JSON.stringify([
      { address: '::1', family: 'IPv6', port },
      { address: '::1', family: 'IPv6', port: peer.localPort },
    ]);
    expect(JSON.parse((await peerRead(peer, text.length)).toString())).toEqual(JSON.parse(text));
  });

  it('listens on the port that is asked for, as a number or a string', async () => {
    const first = await bed.listen();
    const { port } = first.address;
    await first.close();
    const second = await bed.listen({ port });
    expect(second.address.port).toBe(port);
    await second.close();
    const third = await bed.listen({ port: String(port) as unknown as number });
    expect(third.address.port).toBe(port);
  });

  it('listens on a host name', async () => {
    const acceptor = await bed.listen({ host: 'localhost' });
    expect(['127.0.0.1', '::1']).toContain(acceptor.address.address);
  });

  itWithIpv6('listens on both families where no host is given', async () => {
    const families: (string | undefined)[] = [];
    const acceptor = await TcpAcceptor.listen(bed.proactor, {}, (stream) => {
      families.push(stream.remoteAddress?.address);
    });
    expect(acceptor.address).toMatchObject({ address: '::', family: 'IPv6' });
    await bed.connectPeer(acceptor.address.port, '127.0.0.1');
    await bed.connectPeer(acceptor.address.port, '::1');
    await until('both are accepted', () => families.length === 2);
    expect(families.sort()).toEqual(['::1', '::ffff:127.0.0.1']);
  });

  itWithIpv6('refuses IPv4 with ipv6Only', async () => {
    const acceptor = await bed.listen({ host: '::', ipv6Only: true }, () => {});
    const { port } = acceptor.address;
    const refused = bed.startPeer(port, '127.0.0.1');
    expect(await peerClosed(refused)).toMatchObject({ code: 'ECONNREFUSED' });
    await bed.connectPeer(port, '::1');
  });

  itWithIpv6('leaves the port to IPv4 with ipv6Only', async () => {
    // Somebody's own end of a connection may have the same number by chance; not five times.
    const failures: string[] = [];
    while (failures.length < 5) {
      const { port } = (await bed.listen({ host: '::', ipv6Only: true }, () => {})).address;
      try {
        const acceptor = await bed.listen({ host: '0.0.0.0', port });
        expect(acceptor.address).toEqual({ address: '0.0.0.0', family: 'IPv4', port });
        return;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    expect(failures).toEqual([]);
  });

  it('lets connections beyond the backlog wait outside', async () => {
    const acceptor = await bed.listen({ backlog: 1 });
    const { port } = acceptor.address;
    // One more than the backlog gets in.
    await bed.connectPeer(port);
    await bed.connectPeer(port);
    const third = bed.startPeer(port);
    await delay(150);
    expect(third.connecting).toBe(true);
    const streams: TcpStream[] = [];
    acceptor.onConnection = (stream) => streams.push(stream);
    await until('those in the backlog are accepted', () => streams.length >= 2);
  });

  it('shares a port with another acceptor through reusePort', async () => {
    const counts = [0, 0];
    const first = await bed.listen({ reusePort: true }, () => counts[0]!++);
    const { port } = first.address;
    await bed.listen({ reusePort: true, port }, () => counts[1]!++);
    const peers = await Promise.all(Array.from({ length: 64 }, () => bed.connectPeer(port)));
    await until('all are accepted', () => counts[0]! + counts[1]! === peers.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('hands over connections by iteration, one after the other', async () => {
    const acceptor = await bed.listen();
    await Promise.all([1, 2, 3].map(() => bed.connectPeer(acceptor.address.port)));
    const ports: (number | undefined)[] = [];
    for await (const stream of acceptor) {
      expect(stream).toBeInstanceOf(TcpStream);
      ports.push(stream.remoteAddress?.port);
      if (ports.length === 3) break;
    }
    expect(new Set(ports).size).toBe(3);
    // Leaving the loop closed it.
    expect(acceptor.closed).toBe(true);
  });

  it('answers several next() in their order, and ends them at close', async () => {
    const acceptor = await bed.listen();
    const iterator = acceptor[Symbol.asyncIterator]();
    const results = [1, 2, 3, 4].map(() => iterator.next());
    const order: number[] = [];
    results.forEach((result, index) => void result.then(() => order.push(index)));
    await bed.connectPeer(acceptor.address.port);
    await bed.connectPeer(acceptor.address.port);
    await Promise.all(results.slice(0, 2));
    await acceptor.close();
    const done = (await Promise.all(results)).map((result) => result.done);
    expect(done).toEqual([false, false, true, true]);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('keeps at most a bounded number of connections for a slow iteration', async () => {
    const acceptor = await bed.listen();
    const iterator = acceptor[Symbol.asyncIterator]();
    const { port } = acceptor.address;
    const connect = (count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, () => bed.connectPeer(port)));
    const first = iterator.next();
    await connect(100);
    await first;
    await until('it stops accepting', () => bed.proactor.stats().inFlight === 0);
    const { submitted, completions } = bed.proactor.stats();
    // One accept and a cancel or two, however many came while those were on their way.
    expect(submitted).toBeLessThanOrEqual(4);
    await connect(100);
    await delay(50);
    expect(bed.proactor.stats().completions).toBe(completions);
    for (let count = 1; count < 200; count++) expect((await iterator.next()).done).toBe(false);
  });

  it('refuses an iteration beside a handler, and a handler beside an iteration', async () => {
    const handled = await bed.listen({}, () => {});
    const code = 'ERR_PROACTOR_READER_ACTIVE';
    expect(thrown(() => handled[Symbol.asyncIterator]()).code).toBe(code);
    const iterated = await bed.listen();
    iterated[Symbol.asyncIterator]();
    expect(thrown(() => iterated[Symbol.asyncIterator]()).code).toBe(code);
    expect(thrown(() => (iterated.onConnection = () => {})).code).toBe(code);
  });

  it('leaves connections in the kernel while it is paused', async () => {
    const streams: TcpStream[] = [];
    const acceptor = await bed.listen({}, (stream) => streams.push(stream));
    acceptor.pause();
    const peer = await bed.connectPeer(acceptor.address.port);
    peer.write('early');
    await delay(50);
    expect(streams).toHaveLength(0);
    acceptor.resume();
    await until('it is accepted', () => streams.length === 1);
    expect((await streams[0]!.read())?.toString()).toBe('early');
  });

  it('survives pause and resume in any quick order', async () => {
    const streams: TcpStream[] = [];
    const acceptor = await bed.listen({}, (stream) => {
      streams.push(stream);
      acceptor.pause();
      setImmediate(() => acceptor.resume());
    });
    for (let turn = 0; turn < 20; turn++) {
      acceptor.pause();
      acceptor.resume();
      if (turn % 3 === 0) await delay(1);
      bed.startPeer(acceptor.address.port);
    }
    await until('all are accepted', () => streams.length === 20);
  });

  it('closes the port, while its connections go on', async () => {
    const streams: TcpStream[] = [];
    const acceptor = await bed.listen({}, (stream) => streams.push(stream));
    const { port } = acceptor.address;
    const peer = await bed.connectPeer(port);
    await until('it is accepted', () => streams.length === 1);
    await acceptor.close();
    expect(await peerClosed(bed.startPeer(port))).toMatchObject({ code: 'ECONNREFUSED' });
    peer.write('still here');
    expect((await streams[0]!.read())?.toString()).toBe('still here');
    await bed.listen({ port });
    // Closing again, or another way, is harmless.
    await acceptor.close();
    await acceptor[Symbol.asyncDispose]();
  });

  it('ends the connections that nobody took when it closes', async () => {
    const acceptor = await bed.listen();
    const iterator = acceptor[Symbol.asyncIterator]();
    const first = iterator.next();
    const { port } = acceptor.address;
    const peers = await Promise.all([1, 2, 3].map(() => bed.connectPeer(port)));
    const taken = (await first).value as TcpStream;
    const own = peers.findIndex((peer) => peer.localPort === taken.remoteAddress?.port);
    const [mine] = peers.splice(own, 1);
    await until('the others are accepted', () => bed.proactor.stats().completions >= 3);
    const ended = peers.map((peer) => once(peer.resume(), 'end'));
    await acceptor.close();
    await Promise.all(ended);
    const closed = peerClosed(mine!.resume());
    taken.resetAndDestroy();
    expect(await closed).toMatchObject({ code: 'ECONNRESET' });
  });

  it('closes with `await using`', async () => {
    let port: number;
    {
      await using acceptor = await bed.listen();
      port = acceptor.address.port;
    }
    expect(await peerClosed(bed.startPeer(port))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('closes from inside its handler', async () => {
    const closed = new Promise<void>((resolve, reject) => {
      bed
        .listen({}, (stream) => {
          stream.destroy();
          acceptor.then((made) => made.close()).then(resolve, reject);
        })
        .then((made) => bed.startPeer(made.address.port), reject);
      const acceptor = bed.listen();
    });
    await closed;
  });

  it('ends with its proactor', async () => {
    const proactor = bed.newProactor();
    const acceptor = await TcpAcceptor.listen(proactor, { host: HOST }, () => {});
    const iterated = await TcpAcceptor.listen(proactor, { host: HOST });
    const next = iterated[Symbol.asyncIterator]().next();
    await proactor.dispose();
    expect(acceptor.closed).toBe(true);
    expect(await next).toEqual({ done: true, value: undefined });
    await acceptor.close();
    const refused = bed.startPeer(acceptor.address.port);
    expect(await peerClosed(refused)).toMatchObject({ code: 'ECONNREFUSED' });
    const late = await rejection(TcpAcceptor.listen(proactor, { host: HOST }));
    expect(late.code).toBe('ERR_PROACTOR_DISPOSED');
  });
});
