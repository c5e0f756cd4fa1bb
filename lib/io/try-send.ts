// Sending by a call, without the ring: what the socket takes at once.
import { addon } from '../ring/binding';
import { EAGAIN, ECANCELED, EINTR } from '../ring/kernel';

/** Whether a result of sending says that more will not be sent. */
export function isFailure(result: number): boolean {
  return result < 0 && result !== -EINTR && result !== -EAGAIN && result !== -ECANCELED;
}

export function lengthOf(buffers: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of buffers) bytes += length;
  return bytes;
}

/** How many bytes of the buffers the socket took, or -errno: -EAGAIN if none. */
export function trySend(fd: number, buffers: readonly Uint8Array[]): number {
  const [first] = buffers;
  if (first === undefined) return 0;
  return buffers.length === 1 ? addon!.trySend(fd, first) : addon!.trySendSeveral(fd, buffers);
}
