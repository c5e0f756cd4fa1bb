// Senders without work. An idle stream has none: it gives back the one that has sent all, and the next write takes it,
// whichever stream's that is.
import type { Ring } from '../ring/ring';
import { Sender } from './sender';
import type { SenderHost } from './sender-host';

const SPARE_MAX = 256; // of a ring

/** A sender for a stream that writes: the stream's own until it gives it back. */
export function takeSender(
  ring: Ring,
  fd: number,
  highWaterMark: number,
  host: SenderHost,
): Sender {
  const spare = ring.spareSenders.pop() as Sender | undefined;
  if (spare === undefined) return new Sender(ring, fd, highWaterMark, host);
  spare.rebind(fd, highWaterMark, host);
  return spare;
}

export function putSender(sender: Sender): void {
  const { spareSenders } = sender.ring;
  if (spareSenders.length < SPARE_MAX) spareSenders.push(sender);
}
