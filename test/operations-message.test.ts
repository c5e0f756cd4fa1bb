// Messages: several buffers, the sender's address, control data, and what does not fit.
import { expect, it } from '@jest/globals';
import { constants, type Proactor, type ReceiveMessage } from 'proactor';
import { completionOf } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { patterned } from './support/files';
import { setOption, tcpPair, tcpSocket, udpSocket } from './support/sockets';

const address = '127.0.0.1';
const MSG_CTRUNC = 0x08;
const MSG_TRUNC = 0x20;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IP_RECVTTL = 12;

/** struct cmsghdr with an int. */
function controlMessage(level: number, type: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(20n, 0);
  bytes.writeInt32LE(level, 8);
  bytes.writeInt32LE(type, 12);
  bytes.writeInt32LE(value, 16);
  return bytes;
}

async function received(proactor: Proactor, fd: number): Promise<string> {
  const bytes = Buffer.alloc(65_536);
  return bytes.toString('latin1', 0, await proactor.recv(fd, bytes));
}

describeAll('sendmsg', ({ open }) => {
  it('sends several buffers as one, of all kinds', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const memory = proactor.allocate(6);
    memory.bytes.write('native');
    const buffers = [
      Buffer.from('one '),
      memory,
      new Uint8Array(Buffer.from(' two')),
      Buffer.alloc(0),
      memory.bytes.subarray(0, 3),
    ];
    expect(await proactor.sendmsg(near, { buffers })).toBe(17);
    expect(await received(proactor, far)).toBe('one native twonat');
  });

  it('sends to the endpoint on a socket that is not connected', async () => {
    const proactor = open();
    const sender = udpSocket();
    const receiver = udpSocket();
    const message = {
      buffers: [Buffer.from('data'), Buffer.from('gram')],
      endpoint: { address, port: receiver.port },
    };
    const { result } = await completionOf((handler) =>
      proactor.sendmsg(sender.fd, message, 0, handler),
    );
    expect(result).toBe(8);
    expect(await received(proactor, receiver.fd)).toBe('datagram');
  });

  it('sends control data', async () => {
    const proactor = open();
    const sender = udpSocket();
    const receiver = udpSocket();
    setOption(receiver.fd, IPPROTO_IP, IP_RECVTTL, 1);
    await proactor.sendmsg(sender.fd, {
      buffers: [Buffer.from('x')],
      endpoint: { address, port: receiver.port },
      control: controlMessage(IPPROTO_IP, IP_TTL, 42),
    });
    const message: ReceiveMessage = { buffers: [Buffer.alloc(8)], controlLength: 64 };
    expect(await proactor.recvmsg(receiver.fd, message)).toBe(1);
    expect(Buffer.from(message.control!)).toEqual(controlMessage(IPPROTO_IP, IP_TTL, 42));
  });

  it('uses the bytes and the list of buffers as they were at the call', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const first = Buffer.from('kept');
    const buffers: Uint8Array[] = [first, Buffer.from('whole')];
    const sent = proactor.sendmsg(near, { buffers });
    first.fill('!');
    buffers.length = 0;
    expect(await sent).toBe(9);
    expect(await received(proactor, far)).toBe('keptwhole');
  });

  it('sends a thousand buffers in order', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const bytes = patterned(10_240);
    const buffers = Array.from({ length: 1024 }, (_, i) => bytes.subarray(i * 10, i * 10 + 10));
    expect(await proactor.sendmsg(near, { buffers })).toBe(10_240);
    const target = Buffer.alloc(10_240);
    expect(await proactor.recv(far, target, 0, 10_240, constants.MSG_WAITALL)).toBe(10_240);
    expect(target.equals(bytes)).toBe(true);
  });

  it('rejects with EPIPE on a stream that was shut down, and with EMSGSIZE', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    await proactor.shutdown(near, constants.SHUT_WR);
    const sent = proactor.sendmsg(near, { buffers: [Buffer.from('x')] }, constants.MSG_NOSIGNAL);
    await expect(sent).rejects.toMatchObject({ code: 'EPIPE', errno: -32, syscall: 'sendmsg' });
    const { fd, port } = udpSocket();
    const large = { buffers: [Buffer.alloc(70_000)], endpoint: { address, port } };
    await expect(proactor.sendmsg(fd, large)).rejects.toMatchObject({ code: 'EMSGSIZE' });
  });
});

describeAll('recvmsg', ({ open }) => {
  it("fills several buffers and tells the sender's address", async () => {
    const proactor = open();
    const sender = udpSocket();
    const receiver = udpSocket();
    const memory = proactor.allocate(4);
    const last = Buffer.alloc(8);
    const message: ReceiveMessage = { buffers: [Buffer.alloc(3), memory, new Uint8Array(0), last] };
    const waiting = completionOf((handler) => proactor.recvmsg(receiver.fd, message, 0, handler));
    await proactor.sendmsg(sender.fd, {
      buffers: [Buffer.from('abcdefghij')],
      endpoint: { address, port: receiver.port },
    });
    expect((await waiting).result).toBe(10);
    expect(message.endpoint).toEqual({ address, family: 'IPv4', port: sender.port });
    expect(message.flags).toBe(0);
    expect(message.control).toBeUndefined();
    expect(Buffer.from(message.buffers[0] as Buffer).toString()).toBe('abc');
    expect(memory.bytes.toString()).toBe('defg');
    expect(last.toString('latin1')).toBe('hij\0\0\0\0\0');
  });

  it('says MSG_TRUNC where the message was longer, and MSG_CTRUNC where control data was', async () => {
    const proactor = open();
    const sender = udpSocket();
    const receiver = udpSocket();
    setOption(receiver.fd, IPPROTO_IP, IP_RECVTTL, 1);
    const datagram = {
      buffers: [Buffer.from('12345678')],
      endpoint: { address, port: receiver.port },
    };
    const target = Buffer.alloc(8);
    const message: ReceiveMessage = { buffers: [target.subarray(0, 4)], controlLength: 8 };
    await proactor.sendmsg(sender.fd, datagram);
    expect(await proactor.recvmsg(receiver.fd, message)).toBe(4);
    expect(message.flags! & MSG_TRUNC).toBe(MSG_TRUNC);
    expect(message.flags! & MSG_CTRUNC).toBe(MSG_CTRUNC);
    expect(target.toString('latin1')).toBe('1234\0\0\0\0');
  });

  it('receives a datagram without bytes', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    await proactor.sendmsg(fd, { buffers: [], endpoint: { address, port } });
    const message: ReceiveMessage = { buffers: [Buffer.alloc(4)] };
    expect(await proactor.recvmsg(fd, message)).toBe(0);
    expect(message.endpoint?.port).toBe(port);
  });

  it('works on a stream, and has no sender there', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    await proactor.send(far, Buffer.from('stream'));
    const message: ReceiveMessage = { buffers: [Buffer.alloc(3), Buffer.alloc(3)] };
    expect(await proactor.recvmsg(near, message)).toBe(6);
    expect(Buffer.concat(message.buffers as Buffer[]).toString()).toBe('stream');
    expect(message.endpoint).toBeUndefined();
  });

  it('fills the buffers that were listed at the call', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const target = Buffer.alloc(4);
    const listed: Uint8Array[] = [target];
    const receiving = proactor.recvmsg(near, { buffers: listed });
    listed[0] = Buffer.alloc(1);
    await proactor.send(far, Buffer.from('full'));
    expect(await receiving).toBe(4);
    expect(target.toString()).toBe('full');
  });

  it('ends with an AbortError by its signal', async () => {
    const proactor = open();
    const signal = AbortSignal.timeout(5);
    const promise = proactor.recvmsg(udpSocket().fd, { buffers: [Buffer.alloc(1)] }, 0, { signal });
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describeEach('sendmsg and recvmsg', ({ open }) => {
  it('reject with ENOTCONN where there is no peer to receive from', async () => {
    const proactor = open();
    const buffers = [Buffer.alloc(1)];
    const unconnected = { code: 'ENOTCONN', errno: -107 };
    await expect(proactor.recvmsg(tcpSocket(), { buffers })).rejects.toMatchObject(unconnected);
  });

  it('carry large datagrams whole', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    for (const [index, length] of [1, 4096, 40_000, 65_507].entries()) {
      const bytes = patterned(length, index);
      await proactor.sendmsg(fd, { buffers: [bytes], endpoint: { address, port } });
      const target = Buffer.alloc(65_536);
      expect(await proactor.recvmsg(fd, { buffers: [target] })).toBe(length);
      expect(target.subarray(0, length).equals(bytes)).toBe(true);
    }
  });
});
