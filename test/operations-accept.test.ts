// Accepting connections and connecting.
import * as fs from 'node:fs';
import * as net from 'node:net';
import { expect, it } from '@jest/globals';
import { constants, type Proactor } from 'proactor';
import { atEnd } from './support/cleanup';
import { completionOf, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { openDescriptors, openFile, temporaryFile } from './support/files';
import { type Bound, listener, own, tcpSocket, udpSocket, unusedPort } from './support/sockets';

const { ECANCELED, IORING_CQE_F_MORE } = constants;
const address = '127.0.0.1';

/** A peer made by Node's own module. */
async function nodePeer(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: address });
  atEnd(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function acceptAll(proactor: Proactor, { fd }: Bound): { id: number; recorder: Recorder } {
  const recorder = new Recorder();
  const id = proactor.acceptMultishot(fd, constants.SOCK_CLOEXEC, (result, flags) => {
    if (result >= 0) own(result);
    recorder.handler(result, flags);
  });
  return { id, recorder };
}

describeAll('accept', ({ open }) => {
  it('completes with the descriptor of a connection', async () => {
    const proactor = open();
    const { fd, port } = listener();
    const accepted = completionOf((handler) => proactor.accept(fd, 0, handler));
    await nodePeer(port);
    const { result, flags } = await accepted;
    expect(fs.fstatSync(own(result)).isSocket()).toBe(true);
    expect(flags & IORING_CQE_F_MORE).toBe(0);
  });

  it('makes the descriptor close-on-exec unless flags say otherwise', async () => {
    const proactor = open();
    const { fd, port } = listener();
    const flagsOf = (accepted: number): number => {
      const line = /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${accepted}`, 'utf8'));
      return Number.parseInt(line?.[1] ?? '', 8);
    };
    const first = proactor.accept(fd);
    await nodePeer(port);
    expect(flagsOf(own(await first)) & constants.SOCK_CLOEXEC).toBe(constants.SOCK_CLOEXEC);
    const second = proactor.accept(fd, 0);
    await nodePeer(port);
    expect(flagsOf(own(await second)) & constants.SOCK_CLOEXEC).toBe(0);
  });

  it('rejects where the descriptor is no socket, or one that does not listen', async () => {
    const proactor = open();
    const file = openFile(temporaryFile());
    await expect(proactor.accept(file)).rejects.toMatchObject({
      code: 'ENOTSOCK',
      syscall: 'accept',
    });
    await expect(proactor.accept(tcpSocket())).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('ends with an AbortError by its signal', async () => {
    const proactor = open();
    const promise = proactor.accept(listener().fd, 0, { signal: AbortSignal.timeout(5) });
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describeEach('acceptMultishot', ({ open }) => {
  it('completes for each connection, until it is cancelled', async () => {
    const proactor = open();
    const server = listener();
    const { id, recorder } = acceptAll(proactor, server);
    for (let i = 0; i < 20; i++) await nodePeer(server.port);
    await recorder.reach(20);
    expect(new Set(recorder.results).size).toBe(20);
    for (const { flags } of recorder.completions) expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    proactor.cancel(id);
    await recorder.reach(21);
    expect(recorder.completions[20]).toEqual({ result: -ECANCELED, flags: 0 });
  });

  it('takes connections that waited in the backlog', async () => {
    const proactor = open();
    const server = listener();
    for (let i = 0; i < 5; i++) await nodePeer(server.port);
    const { recorder } = acceptAll(proactor, server);
    await recorder.reach(5);
    expect(Math.min(...recorder.results)).toBeGreaterThan(2);
  });

  it('leaves no descriptor open where the proactor ends before its handler ran', async () => {
    const server = listener();
    for (let round = 0; round < 5; round++) {
      const proactor = open({ disposeTimeoutMs: 500 });
      const before = openDescriptors();
      const peers = await Promise.all(Array.from({ length: 8 }, () => nodePeer(server.port)));
      acceptAll(proactor, server);
      // Initiated in this turn, and disposed of in it: the handler sees some of the connections or none.
      await proactor.dispose();
      for (const peer of peers) {
        peer.destroy();
        await new Promise((resolve) => peer.once('close', resolve));
      }
      expect(openDescriptors()).toBeLessThanOrEqual(before + 8);
    }
  });
});

describeAll('connect', ({ open }) => {
  it('connects to a listener of node:net', async () => {
    const proactor = open();
    const server = net.createServer((socket) => socket.end('hello'));
    atEnd(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const fd = tcpSocket();
    const { port } = server.address() as net.AddressInfo;
    expect(await proactor.connect(fd, { address, port })).toBe(0);
    const bytes = Buffer.alloc(16);
    expect(await proactor.recv(fd, bytes)).toBe(5);
    expect(bytes.toString('latin1', 0, 5)).toBe('hello');
    expect(await proactor.recv(fd, bytes)).toBe(0);
  });

  it('connects over IPv6', async () => {
    const proactor = open();
    const server = net.createServer((socket) => socket.destroy());
    atEnd(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const fd = tcpSocket(constants.AF_INET6);
    const { result } = await completionOf((handler) =>
      proactor.connect(fd, { address: '::1', port }, handler),
    );
    expect(result).toBe(0);
  });

  it('rejects with ECONNREFUSED where nobody listens', async () => {
    const proactor = open();
    const port = unusedPort();
    await expect(proactor.connect(tcpSocket(), { address, port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
    });
  });

  it('gives the handler the negative errno', async () => {
    const proactor = open();
    const port = unusedPort();
    const completion = await completionOf((handler) =>
      proactor.connect(tcpSocket(), { address, port }, handler),
    );
    expect(completion).toEqual({ result: -111, flags: 0 });
  });

  it('rejects an address of another family with EAFNOSUPPORT', async () => {
    const proactor = open();
    const endpoint = { address: '::1', port: 9 };
    await expect(proactor.connect(udpSocket().fd, endpoint)).rejects.toMatchObject({
      code: 'EAFNOSUPPORT',
    });
  });

  it('keeps its copy of the endpoint', async () => {
    const proactor = open();
    const { fd, port } = listener();
    const endpoint = { address, port };
    const connected = proactor.connect(tcpSocket(), endpoint);
    endpoint.port = 1;
    expect(await connected).toBe(0);
    own(await proactor.accept(fd));
  });
});
