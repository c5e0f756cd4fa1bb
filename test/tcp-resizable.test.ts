// Buffers whose size changes while they wait to be sent.
import { expect, it } from '@jest/globals';
import { onBothDispatchers } from './support/tcp-bed';
import { peerReadAll } from './support/tcp-peer';

interface Resizable extends ArrayBuffer {
  resize(byteLength: number): void;
}

// The type library is that of Node 20's floor, which does not know them yet.
const ResizableBuffer = ArrayBuffer as unknown as new (
  byteLength: number,
  options: { maxByteLength: number },
) => Resizable;

onBothDispatchers('TcpStream sending from a resizable buffer', (bed) => {
  it('sends what the buffer had at the call, and no more when it grows', async () => {
    const { stream, peer } = await bed.connected();
    const buffer = new ResizableBuffer(20_000, { maxByteLength: 200_000 });
    const view = new Uint8Array(buffer).fill(7);
    stream.write(view);
    buffer.resize(100_000);
    void stream.end();
    const received = await peerReadAll(peer);
    expect([received.length, received.every((byte) => byte === 7)]).toEqual([20_000, true]);
    expect(stream.writableLength).toBe(0);
  });

  it('fails when the buffer shrank before its turn came', async () => {
    const { stream } = await bed.connected();
    // More than the socket takes at once.
    const buffer = new ResizableBuffer(64 << 20, { maxByteLength: 64 << 20 });
    const failed = new Promise<Error | undefined>((resolve) => {
      stream.onClose = resolve;
    });
    stream.write(new Uint8Array(buffer));
    buffer.resize(10_000);
    expect(await failed).toMatchObject({ code: 'ERR_PROACTOR_MEMORY_DETACHED' });
  });
});
