// The sending half of a socket's handle. An idle socket has none: whoever has nothing more to send gives
// it back, and the next write takes it, whichever socket's that is.
import type { Duplex } from 'node:stream';
import { Sender } from '../io/sender';
import { ECONNRESET, EPIPE } from '../ring/kernel';
import { inThisContext } from './async-context';
import type { Context } from './context';
import { internals, nodeMajor } from './node-internals';
import type { HandleOwner, WriteDone } from './node-objects';
import type { StreamHandle } from './stream-handle';

// Node 20 tells a write of a destroyed socket of no failure.
const hidesErrors = nodeMajor < 22;

const UNBOUNDED = 0x7fffffff; // backpressure is the socket's own matter

/** Whether a failure says that the peer has reset the connection. The receive tells that: node:net reads first. */
export function isReset(failure: number | Error): boolean {
  return failure === -EPIPE || failure === -ECONNRESET;
}

/** Destroys a socket with an error, of which the writes that wait in its sender are told before. */
export function failWith(error: Error, owner: Duplex, sender: SocketSender | null): void {
  try {
    sender?.tellFailure(error);
  } finally {
    owner.destroy(error);
  }
}

export class SocketSender extends Sender {
  private handle: StreamHandle;

  private constructor(context: Context, fd: number, handle: StreamHandle) {
    super(context.proactor.ring, fd, UNBOUNDED, handle);
    this.handle = handle;
  }

  static for(context: Context, fd: number, handle: StreamHandle): SocketSender {
    const spare = context.takeSender();
    if (spare === undefined) return new SocketSender(context, fd, handle);
    spare.rebind(fd, handle);
    spare.handle = handle;
    return spare;
  }

  /** Tells a socket once all that it wrote is sent. */
  tellSocket(owner: HandleOwner, done: WriteDone): void {
    owner[internals.lastWriteQueueSize] = this.queued;
    const finish = (error?: Error): void => {
      if (!owner.destroyed) {
        owner[internals.lastWriteQueueSize] = 0;
        owner._unrefTimer();
      }
      done(owner.destroyed && hidesErrors ? undefined : error);
    };
    this.whenAllSent(inThisContext('WRITEWRAP', finish));
  }

  // Who leaves a connection may not have been told yet of what is sent.
  override finish(makeError: () => Error): void {
    try {
      this.runCallbacks(this.bytes, undefined);
    } finally {
      super.finish(makeError);
    }
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
