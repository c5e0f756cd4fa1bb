// What an idle stream keeps, and what is kept of streams that are gone.
import * as nodeNet from 'node:net';
import { expect, it } from '@jest/globals';
import { TcpAcceptor, type TcpStream } from 'proactor';
import type * as net from 'proactor/net';
import { runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { describeEach } from './support/dispatchers';
import { until } from './support/tcp-peer';

describeEach('idle streams', (dispatcher) => {
  it('take turns with senders: bytes are counted and told as if each had its own', async () => {
    const proactor = dispatcher.open();
    const streams: TcpStream[] = [];
    const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
      streams.push(stream);
      stream.onData = (chunk) => stream.write(chunk);
    });
    const peers = Array.from({ length: 20 }, () => nodeNet.connect(acceptor.address.port));
    atEnd(() => {
      for (const peer of peers) peer.destroy();
    });
    for (const peer of peers) peer.resume();
    let told = 0;
    for (let round = 1; round <= 10; round++) {
      for (const peer of peers) peer.write('x'.repeat(100));
      await until('all is back', () => peers.every((peer) => peer.bytesRead === 200 * round - 100));
      for (const stream of streams)
        stream.write('y'.repeat(100), (error) => (told += error ? 0 : 1));
      await until('that is there, too', () =>
        peers.every((peer) => peer.bytesRead === 200 * round),
      );
    }
    await until('all were told', () => told === 200);
    expect(streams.map((stream) => stream.bytesWritten)).toEqual(Array(20).fill(2000));
    expect(streams.map((stream) => stream.writableLength)).toEqual(Array(20).fill(0));
  });

  it('are not kept by the senders that they had', async () => {
    const { stdout } = await runProgram(
      dispatcher,
      async ({ open, require }) => {
        const { TcpAcceptor: Acceptor } = require('proactor') as typeof import('proactor');
        const peerNet = require('node:net') as typeof nodeNet;
        const own = require('proactor/net') as typeof net;
        const proactor = open();
        own.useProactor(proactor);
        const refs: WeakRef<object>[] = [];
        const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
        const acceptor = await Acceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
          refs.push(new WeakRef(stream));
          stream.onData = (chunk) => stream.write(chunk);
        });
        const server = own.createServer((socket) => {
          refs.push(new WeakRef(socket));
          socket.on('data', (data) => socket.write(data));
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const ports = [acceptor.address.port, (server.address() as nodeNet.AddressInfo).port];
        for (const port of ports) {
          for (let i = 0; i < 10; i++) {
            const peer = peerNet.connect(port, '127.0.0.1', () => peer.write('hello'));
            await new Promise((resolve) => peer.once('data', resolve));
            peer.end();
            await new Promise((resolve) => peer.resume().once('close', resolve));
          }
        }
        for (let i = 0; i < 5; i++) {
          await turn();
          globalThis.gc?.();
        }
        console.log(refs.length, refs.filter((ref) => ref.deref() !== undefined).length);
        process.exit();
      },
      { nodeOptions: ['--expose-gc'] },
    );
    const [made, left] = stdout.split(' ').map(Number);
    expect(made).toBe(20);
    expect(left).toBeLessThanOrEqual(2);
  });
});
