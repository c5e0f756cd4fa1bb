// Suites of proactor/net: on both dispatchers, each test with a proactor of its own.
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { beforeEach } from '@jest/globals';
import type { Proactor } from 'proactor';
import * as net from 'proactor/net';
import { atEnd } from './cleanup';
import { type Dispatcher, describeEach } from './dispatchers';

export interface NetBed {
  readonly dispatcher: Dispatcher;
  /** The proactor of the running test. */
  proactor(): Proactor;
}

export function describeNet(title: string, body: (bed: NetBed) => void): void {
  describeEach(title, (dispatcher) => {
    let proactor: Proactor;
    beforeEach(() => {
      proactor = dispatcher.open();
      net.useProactor(proactor);
    });
    body({ dispatcher, proactor: () => proactor });
  });
}

/** Whether a socket is of the module's own class: `instanceof` says yes to all of Node's. */
export const isOurs = (socket: Socket): boolean =>
  Object.prototype.isPrototypeOf.call(net.Socket.prototype, socket);

/** A server on a free port that is closed after the test, its connections included. */
export async function listening(
  onConnection: (socket: Socket) => void,
  options: net.ServerOpts = {},
): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = net.createServer(options, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A connected pair: ours on both ends. */
export async function connectedPair(
  options: net.ServerOpts = {},
): Promise<{ near: Socket; far: Socket }> {
  let accept: (socket: Socket) => void = () => {};
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const { port } = await listening((socket) => accept(socket), options);
  const near = net.connect({ port, host: '127.0.0.1' });
  near.on('error', () => {});
  atEnd(() => near.destroy());
  await once(near, 'connect');
  return { near, far: await accepted };
}

/** Everything that a socket receives until the peer ends. */
export async function contentOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.readableEnded) await once(socket, 'end');
  return Buffer.concat(chunks);
}
