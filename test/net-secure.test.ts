// TLS of Node's own on sockets of proactor/net: it is told of what befalls the connection, once, as on node:net. What is
// expected is what the same does with node:net.
import { once } from 'node:events';
import * as nodeNet from 'node:net';
import * as tls from 'node:tls';
import { expect, it } from '@jest/globals';
import * as http from 'proactor/http';
import * as net from 'proactor/net';
import { identity } from './support/certificate';
import { atEnd } from './support/cleanup';
import { delay } from './support/completions';
import { describeNet } from './support/net-bed';
import { until } from './support/tcp-peer';

type Watched = tls.TLSSocket | nodeNet.Socket;

/** What is told of a socket, in its order; errors by their code. */
function eventsOf(socket: Watched): string[] {
  const events: string[] = [];
  socket.resume();
  socket.on('end', () => events.push('end'));
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(`error ${error.code}`));
  socket.on('close', (hadError) => {
    const errored = socket.errored as NodeJS.ErrnoException | null;
    events.push(`close ${hadError}`, `errored ${errored?.code}`);
  });
  return events;
}

async function portOf(server: nodeNet.Server): Promise<number> {
  atEnd(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as nodeNet.AddressInfo).port;
}

/** A client of Node's that resets the connection under its TLS. */
async function resettingClient(port: number): Promise<void> {
  const raw = nodeNet.connect(port, '127.0.0.1').on('error', () => {});
  const client = tls.connect({ socket: raw, ca: identity().ca, servername: 'localhost' });
  client.on('error', () => {});
  atEnd(() => raw.destroy());
  await once(client, 'secureConnect');
  await new Promise<void>((resolve) => client.write('part', () => resolve()));
  await delay(20);
  raw.resetAndDestroy();
}

describeNet('TLS on a socket of proactor/net', () => {
  const { key, cert, ca } = identity();

  it.each([
    [
      'was put on by hand',
      (watch: (socket: Watched) => void) =>
        net.createServer((raw) => watch(new tls.TLSSocket(raw, { isServer: true, key, cert }))),
    ],
    [
      'is a server that was attached',
      (watch: (socket: Watched) => void) => http.attach(tls.createServer({ key, cert }, watch)),
    ],
  ] as const)('is told of a reset, where it %s', async (_title, serve) => {
    let events: string[] = [];
    const server = serve((socket) => {
      events = eventsOf(socket);
    });
    await resettingClient(await portOf(server));
    await until('it is closed', () => events.some((event) => event.startsWith('errored')));
    expect(events).toEqual(['error ECONNRESET', 'close true', 'errored ECONNRESET']);
  });

  it('has one error, and then closes, where a client is reset in the middle of a large write', async () => {
    const server = tls.createServer({ key, cert }, (secure) => {
      secure.on('error', () => {});
      secure.once('data', () => {
        secure.pause();
        setTimeout(() => raw?.resetAndDestroy(), 30);
      });
    });
    let raw: nodeNet.Socket | undefined;
    server.on('connection', (socket: nodeNet.Socket) => {
      raw = socket.on('error', () => {});
    });
    const port = await portOf(server);
    for (let round = 0; round < 5; round++) {
      const socket = net.connect(port, '127.0.0.1');
      const client = tls.connect({ socket, ca, servername: 'localhost' });
      const events = eventsOf(client);
      client.on('secureConnect', () => client.write(Buffer.alloc(16 << 20)));
      await until('it is closed', () => events.some((event) => event.startsWith('close')));
      await delay(20);
      expect(events.join()).toMatch(
        /^error (ECONNRESET|EPIPE),close true,errored (ECONNRESET|EPIPE)$/,
      );
    }
  });

  it('sees the end of a connection that the peer ends', async () => {
    let events: string[] = [];
    const server = http.attach(
      tls.createServer({ key, cert }, (socket) => {
        events = eventsOf(socket);
      }),
    );
    const client = tls.connect({ port: await portOf(server), ca, servername: 'localhost' });
    client.resume();
    client.on('secureConnect', () => client.end('all'));
    await until('it is closed', () => events.includes('close false'));
    expect(events[0]).toBe('end');
  });
});
