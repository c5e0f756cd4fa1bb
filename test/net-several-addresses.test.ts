// A socket of proactor/net whose host has several addresses: it tries one after the other, with TLS on top as well.
import { once } from 'node:events';
import * as node from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as tls from 'node:tls';
import { expect, it } from '@jest/globals';
import * as net from 'proactor/net';
import { addon } from '#lib/ring/binding';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { openDescriptors } from './support/files';
import { contentOf, describeNet, listening } from './support/net-bed';
import { bind, tcpSocket, unusedPort } from './support/sockets';

const HOST = '127.0.0.1';
// Also of the loopback interface, and without the server that HOST has.
const ELSEWHERE = '127.0.0.2';

/** Looks any name up as these addresses. */
function lookupAs(...addresses: string[]): node.LookupFunction {
  return (_name, _options, callback) => {
    const all = addresses.map((address) => ({ address, family: 4 }));
    (callback as unknown as (error: null, all: object[]) => void)(null, all);
  };
}

/** An address at which connecting neither succeeds nor fails: nobody accepts, and the queue is full. */
async function listenDeaf(port: number): Promise<void> {
  const fd = tcpSocket();
  bind(fd, ELSEWHERE, port);
  expect(addon!.listen(fd, 0)).toBe(0);
  const filling = Array.from({ length: 3 }, () => node.connect(port, ELSEWHERE));
  for (const socket of filling) {
    socket.on('error', () => {});
    atEnd(() => socket.destroy());
  }
  await once(filling[0]!, 'connect');
}

/** Waits until no more descriptors are open than `count`; the test's limit of time fails it otherwise. */
async function untilOpen(count: number): Promise<void> {
  while (openDescriptors() > count) await delay(5);
}

describeNet('a socket of a host with several addresses', () => {
  const options = (port: number, ...addresses: string[]): node.TcpNetConnectOpts =>
    ({
      port,
      host: 'several.test',
      lookup: lookupAs(...addresses),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 50,
    }) as node.TcpNetConnectOpts;

  it.each(['refuses', 'does not answer'])('connects to the second if the first %s', async (how) => {
    const { port } = await listening((socket) => socket.end('found'));
    if (how === 'does not answer') await listenDeaf(port);
    const before = openDescriptors();
    const socket = net.connect(options(port, ELSEWHERE, HOST));
    atEnd(() => socket.destroy());
    expect(String(await contentOf(socket))).toBe('found');
    expect(socket.autoSelectFamilyAttemptedAddresses).toEqual([
      `${ELSEWHERE}:${port}`,
      `${HOST}:${port}`,
    ]);
    await untilOpen(before);
  });

  it.each(['refuses', 'does not answer'])('does so under TLS if the first %s', async (how) => {
    const server = tls.createServer(identity(), (socket) => socket.end('found'));
    atEnd(() => server.close());
    server.listen(0, HOST);
    await once(server, 'listening');
    const { port } = server.address() as node.AddressInfo;
    if (how === 'does not answer') await listenDeaf(port);
    const under = net.connect(options(port, ELSEWHERE, HOST));
    const socket = tls.connect({ socket: under, servername: 'localhost', ca: identity().ca });
    atEnd(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect([socket.authorized, under.remoteAddress]).toEqual([true, HOST]);
    expect(String(await contentOf(socket))).toBe('found');
  });

  it('reports each failure if all fail', async () => {
    const port = unusedPort();
    await listenDeaf(port);
    const before = openDescriptors();
    const socket = net.connect(options(port, ELSEWHERE, HOST));
    const [error] = (await once(socket, 'error')) as [AggregateError];
    expect(error.errors.map(({ code, address }) => `${code} ${address}`)).toEqual([
      `ETIMEDOUT ${ELSEWHERE}`,
      `ECONNREFUSED ${HOST}`,
    ]);
    await untilOpen(before);
  });

  it('can be destroyed while it tries', async () => {
    const { port } = await listening(() => {});
    await listenDeaf(port);
    for (const event of ['connectionAttempt', 'connectionAttemptTimeout']) {
      const socket = net.connect(options(port, ELSEWHERE, HOST));
      await once(socket, event);
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
      expect(socket.remoteAddress).toBeUndefined();
    }
  });
});
