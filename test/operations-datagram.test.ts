// Datagrams: they are received whole, or it is told that they are not.
import { expect, it } from '@jest/globals';
import { constants, type Proactor } from 'proactor';
import { delay } from './support/completions';
import { describeEach } from './support/dispatchers';
import { udpSocket } from './support/sockets';

const { IORING_CQE_F_MORE, MSG_TRUNC } = constants;

const sender = (proactor: Proactor, port: number): ((text: string) => Promise<number>) => {
  const { fd } = udpSocket();
  const endpoint = { address: '127.0.0.1', port };
  return (text) => proactor.sendmsg(fd, { buffers: [Buffer.from(text)], endpoint });
};

describeEach('a datagram that does not fit', ({ open }) => {
  it('is told of by its length with MSG_TRUNC, into a buffer of any kind', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    const send = sender(proactor, port);
    for (const buffer of [Buffer.alloc(4), proactor.allocate(4)]) {
      const received = proactor.recv(fd, buffer, 0, 4, MSG_TRUNC);
      await send('sixteen bytes ok');
      expect(await received).toBe(16);
      expect(Buffer.from('bytes' in buffer ? buffer.bytes : buffer).toString()).toBe('sixt');
    }
  });

  it('is told of in a message of several buffers, too', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    const send = sender(proactor, port);
    const memory = proactor.allocate(2);
    const buffers = [Buffer.alloc(3), memory, Buffer.alloc(1)];
    const message: { buffers: typeof buffers; flags?: number } = { buffers };
    const received = proactor.recvmsg(fd, message, MSG_TRUNC);
    await send('sixteen bytes ok');
    expect(await received).toBe(16);
    expect(String(buffers[0]) + String(memory.bytes) + String(buffers[2])).toBe('sixtee');
    expect(message.flags).toBe(MSG_TRUNC);
  });

  it('fills what a shrunk buffer has left, or fails with EFAULT', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    const send = sender(proactor, port);
    const shared = new ArrayBuffer(8);
    const received = proactor.recv(fd, new Uint8Array(shared), 0, 8, MSG_TRUNC);
    structuredClone(shared, { transfer: [shared] });
    await send('sixteen bytes ok');
    await expect(received).rejects.toMatchObject({ code: 'EFAULT' });
  });
});

describeEach('datagrams in provided buffers', ({ open }) => {
  it('are refused where they would be cut short, with what to do', async () => {
    const proactor = open();
    const { fd } = udpSocket();
    if (!proactor.buffers.incremental) return; // the kernel cannot use buffers piece by piece
    for (const receive of ['recvMultishot', 'recvProvided'] as const) {
      expect(() => proactor[receive](fd, proactor.buffers, 0, () => {})).toThrow(
        expect.objectContaining({
          code: 'ERR_PROACTOR_UNSUPPORTED',
          message: expect.stringContaining('incremental: false'),
        }),
      );
    }
  });

  it('are whole in buffers of one datagram each', async () => {
    const proactor = open({ buffers: { incremental: false, count: 64, size: 4096 } });
    const { fd, port } = udpSocket();
    const send = sender(proactor, port);
    const lengths: number[] = [];
    const arm = (): number =>
      proactor.recvMultishot(fd, proactor.buffers, 0, (result, flags) => {
        if (result > 0) {
          lengths.push(result);
          proactor.buffers.release(proactor.buffers.take(result, flags));
        }
        if ((flags & IORING_CQE_F_MORE) === 0 && result !== -constants.ECANCELED) arm();
      });
    arm();
    for (let i = 0; i < 500; i++) await send('x'.repeat(1000));
    while (lengths.length < 500) await delay(1);
    expect(new Set(lengths)).toEqual(new Set([1000]));
    await proactor.asyncCancelDescriptor(fd);
  });

  it('are not received with MSG_TRUNC, which would tell of bytes that are nowhere', () => {
    const proactor = open();
    const { fd } = udpSocket();
    for (const receive of ['recvMultishot', 'recvProvided'] as const) {
      expect(() => proactor[receive](fd, proactor.buffers, MSG_TRUNC, () => {})).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      );
    }
  });
});
