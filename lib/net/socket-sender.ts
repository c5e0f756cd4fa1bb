// What a socket is told of what its sender sends, or could not send.
import type { Duplex } from 'node:stream';
import type { Sender } from '../io/sender';
import { ECONNRESET, EPIPE } from '../ring/kernel';
import { inThisContext } from './async-context';
import { internals, nodeMajor } from './node-internals';
import type { HandleOwner, WriteDone } from './node-objects';

// Node 20 tells a write of a destroyed socket of no failure.
const hidesErrors = nodeMajor < 22;

/** Whether a failure says that the peer has reset the connection. The receive tells that: node:net reads first. */
export function isReset(failure: number | Error): boolean {
  return failure === -EPIPE || failure === -ECONNRESET;
}

/** Destroys a socket with an error, of which the writes that wait in its sender are told before. */
export function failWith(error: Error, owner: Duplex, sender: Sender | null): void {
  try {
    sender?.tellFailure(error);
  } finally {
    owner.destroy(error);
  }
}

/** Tells a socket once all that it wrote is sent. */
export function tellSocket(sender: Sender, owner: HandleOwner, done: WriteDone): void {
  owner[internals.lastWriteQueueSize] = sender.queued;
  const finish = (error?: Error): void => {
    if (!owner.destroyed) {
      owner[internals.lastWriteQueueSize] = 0;
      owner._unrefTimer();
    }
    done(owner.destroyed && hidesErrors ? undefined : error);
  };
  sender.whenAllSent(inThisContext('WRITEWRAP', finish));
}
