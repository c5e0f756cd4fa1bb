// Streams of bytes through tier 1: everything received, everything sent.
import { constants, type Proactor } from 'proactor';

/** Receives everything until the end and returns it, releasing each piece at once. */
export function receiveAll(proactor: Proactor, fd: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const { buffers } = proactor;
  return new Promise((resolve, reject) => {
    const receive = (): void => {
      proactor.recvMultishot(fd, buffers, 0, (result, flags) => {
        if (result > 0) {
          const offset = buffers.take(result, flags);
          chunks.push(Buffer.from(buffers.memory.bytes.subarray(offset, offset + result)));
          buffers.release(offset);
        }
        if ((flags & constants.IORING_CQE_F_MORE) !== 0) return;
        if (result === 0) resolve(Buffer.concat(chunks));
        else if (result > 0) receive();
        else if (result === -constants.ENOBUFS) buffers.whenAvailable(receive);
        else reject(new Error(`recvMultishot ended with ${result}`));
      });
    };
    receive();
  });
}

/** Sends everything, then the end. */
export async function sendAll(proactor: Proactor, fd: number, bytes: Buffer): Promise<void> {
  for (let sent = 0; sent < bytes.length; ) {
    sent += await proactor.send(fd, bytes, sent, Math.min(bytes.length - sent, 100_000));
  }
  await proactor.shutdown(fd, constants.SHUT_WR);
}
