// TcpStream.connect: to addresses and names, and everything that can prevent it.
import dns = require('node:dns/promises');

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type NetConnectOpts, type TcpNetConnectOpts } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, jest } from '@jest/globals';
import { type ConnectOptions, constants, TcpStream } from 'proactor';
import { patient } from './support/pace';
import { type Bed, HOST, onBothDispatchers } from './support/tcp-bed';
import { peerRead, rejection, shapeOf, until } from './support/tcp-peer';

afterEach(() => {
  jest.restoreAllMocks();
});

/** The error of node:net for the same call. */
async function nodeConnectError(options: TcpNetConnectOpts): Promise<Error> {
  const socket = connect(options as NetConnectOpts);
  const [error] = (await once(socket, 'error').catch((caught: unknown) => [caught])) as [Error];
  socket.destroy();
  return error;
}

/** A port of this host that nobody listens on. */
async function closedPort(bed: Bed): Promise<number> {
  const acceptor = await bed.listen();
  await acceptor.close();
  return acceptor.address.port;
}

/** A port whose backlog is full: connecting to it takes for ever. */
async function fullPort(bed: Bed): Promise<number> {
  const acceptor = await bed.listen({ backlog: 0 });
  const { port } = acceptor.address;
  await bed.connectPeer(port);
  return port;
}

/** Node's resolver, to be watched or replaced. */
const spyLookup = (): jest.Mock => jest.spyOn(dns, 'lookup') as unknown as jest.Mock;

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((entry) => entry?.address === '::1');

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

onBothDispatchers('TcpStream.connect', (bed) => {
  const attempt = (options: Partial<ConnectOptions>): Promise<TcpStream> =>
    TcpStream.connect(bed.proactor, { host: HOST, port: 0, ...options });

  it('connects to an address', async () => {
    const { port, next } = await bed.serve();
    const stream = await attempt({ port });
    const peer = await next();
    expect(stream.remoteAddress).toEqual({ address: HOST, family: 'IPv4', port });
    expect(stream.localAddress).toEqual({ address: HOST, family: 'IPv4', port: peer.remotePort });
    stream.write('hello');
    expect((await peerRead(peer, 5)).toString()).toBe('hello');
  });

  (hasIpv6 ? it : it.skip)('connects to an IPv6 address', async () => {
    const { port, next } = await bed.serve('::1');
    const stream = await attempt({ port, host: '::1' });
    const peer = await next();
    expect(stream.remoteAddress).toEqual({ address: '::1', family: 'IPv6', port });
    expect(stream.localAddress).toMatchObject({ address: '::1', port: peer.remotePort });
  });

  it('connects to a name, by default localhost', async () => {
    const { port, next } = await bed.serve('localhost');
    await TcpStream.connect(bed.proactor, { port });
    await next();
    await attempt({ port, host: 'localhost' });
    await next();
  });

  it('tries the addresses of a name one after the other', async () => {
    const { port } = await bed.serve();
    const lookup = spyLookup();
    const addresses = ['127.0.0.2', '127.0.0.3', HOST].map((address) => ({ address, family: 4 }));
    lookup.mockImplementation(async () => addresses);
    const stream = await attempt({ port, host: 'many.test' });
    expect(stream.remoteAddress?.address).toBe(HOST);
    expect(lookup).toHaveBeenCalledWith('many.test', expect.objectContaining({ all: true }));
    addresses.pop();
    const error = await rejection(attempt({ port, host: 'many.test' }));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', address: '127.0.0.3', port });
  });

  it('asks for addresses of one family only', async () => {
    const { port } = await bed.serve();
    const stream = await attempt({ port, host: 'localhost', family: 4 });
    expect(stream.remoteAddress?.family).toBe('IPv4');
    const lookup = spyLookup();
    await attempt({ port, host: 'localhost', family: 6 }).catch(() => {});
    expect(lookup).toHaveBeenCalledWith('localhost', expect.objectContaining({ family: 6 }));
  });

  it('fails as node:net does where nobody listens', async () => {
    const port = await closedPort(bed);
    const error = await rejection(attempt({ port }));
    const nodes = await nodeConnectError({ port, host: HOST });
    expect(shapeOf(error)).toEqual(shapeOf(nodes));
    expect(error.message).toBe(nodes.message);
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: HOST, port });
  });

  it('fails as node:net does where there is no way', async () => {
    // A broadcast address of the loopback network: the kernel refuses at once.
    const options = { port: 9, host: '127.255.255.255' };
    const error = await rejection(attempt(options));
    const nodes = await nodeConnectError(options);
    expect(shapeOf(error)).toEqual(shapeOf(nodes));
    expect(['ENETUNREACH', 'EACCES']).toContain(error.code);
  });

  it('fails as node:net does where the name is unknown', async () => {
    const error = await rejection(attempt({ port: 9, host: 'no..name' }));
    const nodes = await nodeConnectError({ port: 9, host: 'no..name' });
    expect(error).toMatchObject({ code: 'ENOTFOUND', hostname: 'no..name' });
    expect({ ...error, message: error.message }).toEqual({ ...nodes, message: nodes.message });
  });

  it('gives up after timeoutMs', async () => {
    const port = await fullPort(bed);
    const before = openDescriptors();
    const startMs = Date.now();
    const error = await rejection(attempt({ port, timeoutMs: 80 }));
    const ms = Date.now() - startMs;
    expect(ms).toBeGreaterThanOrEqual(75);
    expect(ms).toBeLessThan(patient(1500));
    expect(error).toMatchObject({ code: 'ETIMEDOUT', errno: -110, syscall: 'connect' });
    expect(error).toMatchObject({ address: HOST, port });
    expect(openDescriptors()).toBe(before);
  });

  it('counts the name lookup into timeoutMs', async () => {
    const lookup = spyLookup();
    lookup.mockImplementation(() => delay(5000, [], { ref: false }));
    const error = await rejection(attempt({ port: 9, host: 'slow.test', timeoutMs: 30 }));
    expect(error).toMatchObject({ code: 'ETIMEDOUT', address: 'slow.test' });
  });

  it('is not limited once it is connected', async () => {
    const { port, next } = await bed.serve();
    const timeoutMs = patient(40);
    const stream = await attempt({ port, timeoutMs });
    await delay(2 * timeoutMs);
    (await next()).write('late');
    expect((await stream.read())?.toString()).toBe('late');
  });

  it('does not begin where the signal was aborted before', async () => {
    const lookup = spyLookup();
    const reason = new Error('never mind');
    const signal = AbortSignal.abort(reason);
    const error = await rejection(attempt({ port: 9, host: 'localhost', signal }));
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    expect(lookup).not.toHaveBeenCalled();
  });

  it('ends when the signal is aborted meanwhile', async () => {
    const port = await fullPort(bed);
    const before = openDescriptors();
    const controller = new AbortController();
    const connecting = attempt({ port, signal: controller.signal });
    await delay(20);
    controller.abort();
    const startMs = Date.now();
    expect(await rejection(connecting)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(Date.now() - startMs).toBeLessThan(patient(500));
    await until('the operations ended', () => bed.proactor.stats().inFlight === 0);
    expect(openDescriptors()).toBe(before);
  });

  it('ends when the signal is aborted at any moment of the lookup', async () => {
    const port = await fullPort(bed);
    const before = openDescriptors();
    for (let ticks = 0; ticks < 12; ticks++) {
      const lookup = spyLookup();
      lookup.mockImplementation(async () => [{ address: HOST, family: 4 }]);
      const controller = new AbortController();
      const connecting = rejection(
        attempt({ port, host: 'some.test', signal: controller.signal, timeoutMs: 1000 }),
      );
      for (let tick = 0; tick < ticks; tick++) await null;
      controller.abort();
      expect(await connecting).toMatchObject({ name: 'AbortError' });
    }
    expect(openDescriptors()).toBe(before);
  });

  it('lets the signal go once it is connected', async () => {
    const { port, next } = await bed.serve();
    const controller = new AbortController();
    const stream = await attempt({ port, signal: controller.signal });
    controller.abort();
    (await next()).write('still here');
    expect((await stream.read())?.toString()).toBe('still here');
  });

  it('leaves nothing behind where abort and success come together', async () => {
    const { port, next } = await bed.serve();
    await attempt({ port }).then((stream) => stream.destroy().closed);
    (await next()).destroy();
    const before = openDescriptors();
    let connected = 0;
    for (let turn = 0; turn < 30; turn++) {
      const controller = new AbortController();
      const connecting = attempt({ port, signal: controller.signal });
      for (let tick = 0; tick < turn % 10; tick++) await new Promise(setImmediate);
      controller.abort();
      await connecting.then(
        (stream) => {
          connected++;
          return stream.destroy().closed;
        },
        (error: Error) => expect(error.name).toBe('AbortError'),
      );
    }
    expect(connected).toBeLessThan(30);
    for (let left = openDescriptors() - before; left > 0; left = openDescriptors() - before) {
      (await next()).destroy();
      await delay(1);
    }
    expect(openDescriptors()).toBe(before);
  });

  it('comes from the local address and port that it was told', async () => {
    const { port, next } = await bed.serve();
    const stream = await attempt({ port, localAddress: '127.0.0.9' });
    expect((await next()).remoteAddress).toBe('127.0.0.9');
    expect(stream.localAddress?.address).toBe('127.0.0.9');
    const localPort = await closedPort(bed);
    await attempt({ port, localPort });
    expect((await next()).remotePort).toBe(localPort);
  });

  it.each([
    ['that is in use', '127.0.0.1', true],
    ['that is not ours', '203.0.113.7', false],
  ])('fails as node:net does at a local address %s', async (_, localAddress, isTaken) => {
    const { port } = await bed.serve();
    const localPort = isTaken ? (await bed.serve()).port : 0;
    const options = { port, host: HOST, localAddress, localPort };
    const error = await rejection(attempt(options));
    expect(shapeOf(error)).toEqual(shapeOf(await nodeConnectError(options)));
    expect(error).toMatchObject({ syscall: 'bind' });
  });

  it('fails as node:net does at a local port in use on any address', async () => {
    const { port } = await bed.serve();
    const options = { port, host: HOST, localPort: (await bed.serve('0.0.0.0')).port };
    const error = await rejection(attempt(options));
    expect(shapeOf(error)).toEqual(shapeOf(await nodeConnectError(options)));
  });

  it('fails with the reason where the proactor ends meanwhile', async () => {
    const port = await fullPort(bed);
    const proactor = bed.newProactor();
    const before = openDescriptors();
    const connecting = rejection(TcpStream.connect(proactor, { port, host: HOST }));
    await delay(20);
    await proactor.dispose();
    expect(await connecting).toMatchObject({ code: 'ERR_PROACTOR_DISPOSED' });
    expect(openDescriptors()).toBeLessThan(before);
    const late = await rejection(TcpStream.connect(proactor, { port, host: HOST }));
    expect(late.code).toBe('ERR_PROACTOR_DISPOSED');
  });

  it('keeps no connection that was made while the proactor ends', async () => {
    const { port, next } = await bed.serve();
    const before = openDescriptors();
    for (let turn = 0; turn < 10; turn++) {
      const proactor = bed.newProactor();
      const connecting = TcpStream.connect(proactor, { port, host: HOST }).catch(() => undefined);
      for (let tick = 0; tick < turn; tick++) await new Promise(setImmediate);
      await proactor.dispose();
      const stream = await connecting;
      expect(stream === undefined || stream.destroyed).toBe(true);
    }
    for (let left = openDescriptors() - before; left > 0; left = openDescriptors() - before) {
      (await next()).destroy();
      await delay(1);
    }
    expect(openDescriptors()).toBe(before);
  });

  it('sets the options of its socket', async () => {
    const { port } = await bed.serve();
    const { SOL_SOCKET, SO_KEEPALIVE } = constants;
    const stream = await attempt({
      port,
      noDelay: false,
      keepAlive: 7000,
      receiveBufferSize: 30_000,
      sendBufferSize: 40_000,
      highWaterMark: 10,
    });
    expect([SOL_SOCKET, SO_KEEPALIVE]).toEqual([1, 9]);
    // The kernel doubles what is asked for.
    expect(stream.receiveBufferSize).toBe(60_000);
    expect(stream.sendBufferSize).toBe(80_000);
    expect(stream.write('123456789')).toBe(true);
    expect(stream.write('0')).toBe(false);
  });

  it.each<[string, object, string]>([
    ['port', {}, 'ERR_SOCKET_BAD_PORT'],
    ['port', { port: -1 }, 'ERR_SOCKET_BAD_PORT'],
    ['host', { port: 9, host: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['family', { port: 9, family: 5 }, 'ERR_INVALID_ARG_VALUE'],
    ['localAddress', { port: 9, localAddress: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['localAddress', { port: 9, localAddress: 'here' }, 'ERR_INVALID_ARG_VALUE'],
    ['localPort', { port: 9, localPort: 70_000 }, 'ERR_SOCKET_BAD_PORT'],
    ['timeoutMs', { port: 9, timeoutMs: '1' }, 'ERR_INVALID_ARG_TYPE'],
    ['timeoutMs', { port: 9, timeoutMs: -1 }, 'ERR_OUT_OF_RANGE'],
    ['timeoutMs', { port: 9, timeoutMs: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    ['signal', { port: 9, signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['noDelay', { port: 9, noDelay: 'x' }, 'ERR_INVALID_ARG_TYPE'],
  ])('rejects a wrong %s: %p', async (name, options, code) => {
    const error = await rejection(
      TcpStream.connect(bed.proactor, { host: HOST, ...options } as ConnectOptions),
    );
    expect(error.code).toBe(code);
    expect(error.message).toContain(name);
  });

  it('rejects options that are no object', async () => {
    for (const options of [undefined, null, 80, 'localhost:80']) {
      const error = await rejection(TcpStream.connect(bed.proactor, options as never));
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    }
  });
});
