// The sending half of a socket's handle. An idle socket has none: whoever has nothing more to send gives
// it back, and the next write takes it, whichever socket's that is.
import { Sender } from '../io/sender';
import type { Context } from './context';
import type { StreamHandle } from './stream-handle';

const UNBOUNDED = 0x7fffffff; // backpressure is the socket's own matter

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
