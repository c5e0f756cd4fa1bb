// Sending, with and without copying, and the ends of a connection and of a descriptor.
import * as fs from 'node:fs';
import { expect, it } from '@jest/globals';
import { constants, type Proactor } from 'proactor';
import { completionOf, delay, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { openFile, patterned, pipe, temporaryFile } from './support/files';
import { disown, type Pair, tcpPair, tcpSocket } from './support/sockets';

const { ECANCELED, IORING_CQE_F_MORE, IORING_CQE_F_NOTIF, MSG_NOSIGNAL, MSG_WAITALL } = constants;
const EPIPE = 32;

async function receiveExactly(proactor: Proactor, fd: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const got = await proactor.recv(fd, bytes, at, length - at);
    if (got === 0) throw new Error(`the connection ended after ${at} bytes`);
    at += got;
  }
  return bytes;
}

/** Fills the connection until a send has to wait; returns how many bytes that took. */
async function fill(proactor: Proactor, { near }: Pair): Promise<number> {
  const MSG_DONTWAIT = 0x40;
  const bytes = Buffer.alloc(65_536);
  let sent = 0;
  for (;;) {
    const { result } = await completionOf((handler) =>
      proactor.send(near, bytes, 0, bytes.length, MSG_DONTWAIT, handler),
    );
    if (result < 0) {
      expect(result).toBe(-constants.EAGAIN);
      return sent;
    }
    sent += result;
  }
}

describeAll('send', ({ open }) => {
  it('sends a Buffer, a part of it, other views and native memory', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    expect(await proactor.send(near, Buffer.from('buffer '))).toBe(7);
    expect(await proactor.send(near, Buffer.from('[part] '), 1, 4)).toBe(4);
    const words = new Uint16Array([0x2121, 0x3f3f]);
    expect(await proactor.send(near, words)).toBe(4);
    const memory = proactor.allocate(16);
    memory.bytes.write('native memory');
    expect(await proactor.send(near, memory, 0, 6)).toBe(6);
    expect(await proactor.send(near, memory.bytes.subarray(6, 13))).toBe(7);
    expect((await receiveExactly(proactor, far, 28)).toString()).toBe(
      'buffer part!!??native memory',
    );
  });

  it('sends the bytes as they were at the call', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const bytes = Buffer.from('before');
    const sent = proactor.send(near, bytes);
    bytes.fill('x');
    expect(await sent).toBe(6);
    expect((await receiveExactly(proactor, far, 6)).toString()).toBe('before');
  });

  it('sends everything with MSG_WAITALL, whatever the peer takes at a time', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const bytes = patterned(8_000_000);
    const sent = proactor.send(near, bytes, 0, bytes.length, MSG_WAITALL);
    const received = await receiveExactly(proactor, far, bytes.length);
    expect(await sent).toBe(bytes.length);
    expect(received.equals(bytes)).toBe(true);
  });

  it('sends nothing', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    expect(await proactor.send(near, Buffer.alloc(0))).toBe(0);
  });

  it('gives EPIPE after the end, and raises no signal', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    await proactor.shutdown(near, constants.SHUT_WR);
    const sent = proactor.send(near, Buffer.from('x'));
    await expect(sent).rejects.toMatchObject({ code: 'EPIPE', errno: -EPIPE, syscall: 'send' });
    const completion = await completionOf((handler) =>
      proactor.send(near, Buffer.from('x'), 0, 1, MSG_NOSIGNAL, handler),
    );
    expect(completion.result).toBe(-EPIPE);
  });

  it('that waits for room ends with an AbortError by its signal', async () => {
    const proactor = open();
    const pair = await tcpPair(proactor);
    // While the kernel still moves what was sent to the peer's side, some room comes free again.
    for (let outcome: unknown = 0; typeof outcome === 'number'; ) {
      await fill(proactor, pair);
      const controller = new AbortController();
      const { signal } = controller;
      const sent = proactor.send(pair.near, Buffer.alloc(65_536), 0, 65_536, 0, { signal });
      await delay(10);
      controller.abort();
      outcome = await sent.catch((error) => error.name);
      if (typeof outcome !== 'number') expect(outcome).toBe('AbortError');
    }
  });
});

describeAll('sendZeroCopy', ({ open }) => {
  it('completes twice: with the result, and when its memory is free again', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const memory = proactor.allocate(100_000);
    patterned(100_000).copy(memory.bytes);
    const recorder = new Recorder();
    proactor.sendZeroCopy(near, memory, 0, 100_000, MSG_WAITALL, recorder.handler);
    const received = await receiveExactly(proactor, far, 100_000);
    await recorder.reach(2);
    expect(recorder.completions[0]).toMatchObject({ result: 100_000 });
    expect(recorder.completions[0]!.flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(recorder.completions[1]!.flags & IORING_CQE_F_NOTIF).not.toBe(0);
    expect(recorder.completions[1]!.flags & IORING_CQE_F_MORE).toBe(0);
    expect(received.equals(patterned(100_000))).toBe(true);
    expect(proactor.stats()).toMatchObject({ inFlight: 0 });
  });

  it('fulfils its promise with the bytes sent', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const [sent, received] = await Promise.all([
      proactor.sendZeroCopy(near, Buffer.from('copied first')),
      receiveExactly(proactor, far, 12),
    ]);
    expect(sent).toBe(12);
    expect(received.toString()).toBe('copied first');
    expect(proactor.stats().blocksLent).toBe(0);
  });

  it('completes with EPIPE after the end', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    await proactor.shutdown(near, constants.SHUT_WR);
    const sent = proactor.sendZeroCopy(near, Buffer.alloc(10), 0, 10, MSG_NOSIGNAL);
    await expect(sent).rejects.toMatchObject({ code: 'EPIPE', syscall: 'send' });
    const recorder = new Recorder();
    proactor.sendZeroCopy(near, Buffer.alloc(10), 0, 10, MSG_NOSIGNAL, recorder.handler);
    await recorder.last();
    expect(recorder.results[0]).toBe(-EPIPE);
  });
});

describeAll('shutdown', ({ open }) => {
  it('ends sending: the peer reads the end, and can still send', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    expect(await proactor.shutdown(near, constants.SHUT_WR)).toBe(0);
    expect(await proactor.recv(far, Buffer.alloc(4))).toBe(0);
    await proactor.send(far, Buffer.from('back'));
    expect((await receiveExactly(proactor, near, 4)).toString()).toBe('back');
  });

  it('completes a receive that waits with 0', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    const waiting = proactor.recv(near, Buffer.alloc(4));
    await delay(5);
    const { result } = await completionOf((handler) =>
      proactor.shutdown(near, constants.SHUT_RDWR, handler),
    );
    expect(result).toBe(0);
    expect(await waiting).toBe(0);
  });

  it('rejects with ENOTCONN on a socket that is not connected', async () => {
    await expect(open().shutdown(tcpSocket(), constants.SHUT_WR)).rejects.toMatchObject({
      code: 'ENOTCONN',
      syscall: 'shutdown',
    });
  });
});

describeEach('close', ({ open }) => {
  it('closes the descriptor', async () => {
    const proactor = open();
    const fd = fs.openSync(temporaryFile(), 'r');
    expect(await proactor.close(fd)).toBe(0);
    expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  it('rejects with EBADF where it is not open', async () => {
    const proactor = open();
    await expect(proactor.close(1_000_000)).rejects.toMatchObject({
      code: 'EBADF',
      errno: -9,
      syscall: 'close',
    });
    const completion = await completionOf((handler) => proactor.close(1_000_000, handler));
    expect(completion).toEqual({ result: -9, flags: 0 });
  });

  it('of a socket, after its operations were cancelled, ends the connection', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const recorder = new Recorder();
    proactor.recv(near, Buffer.alloc(4), 0, 4, 0, recorder.handler);
    expect(await proactor.asyncCancelDescriptor(near)).toBe(1);
    expect((await recorder.last()).result).toBe(-ECANCELED);
    await proactor.close(disown(near));
    expect(await proactor.recv(far, Buffer.alloc(4))).toBe(0);
  });

  it('works on files and pipes', async () => {
    const proactor = open();
    const { reader } = pipe();
    const file = openFile(temporaryFile('x'));
    const copies = [reader, file].map((fd) => fs.openSync(`/proc/self/fd/${fd}`, 'r'));
    expect(await Promise.all(copies.map((fd) => proactor.close(fd)))).toEqual([0, 0]);
  });
});
