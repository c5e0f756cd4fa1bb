// The sending half of a socket's handle. An idle socket has none: whoever has nothing more to send gives
// it back, and the next write takes it, whichever socket's that is.
import { Sender } from '../io/sender';
import { EPIPE } from '../ring/kernel';
import type { Context } from './context';
import type { HandleOwner } from './node-objects';
import type { StreamHandle } from './stream-handle';

const UNBOUNDED = 0x7fffffff; // backpressure is the socket's own matter

/**
 * Whether a failure says that the peer has reset the connection, and that another call was told of it before. That is
 * the receive's to tell if it was it, in the same batch: node:net reads first. A reset that the send itself was told of
 * is one that the receive takes for an end.
 */
export function wasReset(failure: number | Error): boolean {
  return failure === -EPIPE;
}

/** Destroys a socket with an error, of which the writes that wait in its sender are told before. */
export function failWith(error: Error, owner: HandleOwner, sender: SocketSender | null): void {
  try {
    sender?.tellFailure(error);
  } finally {
    owner.destroy(error);
  }
}

export class SocketSender extends Sender {
  private handle: StreamHandle;

  private constructor(context: Context, fd: number, handle: StreamHandle) {
    super(context.proactor, fd, UNBOUNDED, handle);
    this.handle = handle;
  }

  static for(context: Context, fd: number, handle: StreamHandle): SocketSender {
    const spare = context.takeSender();
    if (spare === undefined) return new SocketSender(context, fd, handle);
    spare.rebind(fd, handle);
    spare.handle = handle;
    return spare;
  }

  override complete(result: number): void {
    super.complete(result);
    if (this.hasNoWork) this.handle.giveBackSender(this);
  }

  // All was sent at once.
  override runDeferred(): void {
    super.runDeferred();
    if (this.hasNoWork) this.handle.giveBackSender(this);
  }
}
