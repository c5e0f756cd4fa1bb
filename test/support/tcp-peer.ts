// Small verbs for sockets, errors and waiting, used by the TCP tests.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TcpStream } from 'proactor';
import { patient } from './pace';

/** The next `count` bytes of a peer, which is paused before and after. */
export async function peerRead(peer: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < count) {
    const data = peer.read(Math.min(count - length, peer.readableLength)) as Buffer | null;
    if (data !== null) {
      chunks.push(data);
      length += data.length;
    } else if (peer.readableEnded || peer.destroyed) {
      throw new Error(`the peer ended after ${length} of ${count} bytes`);
    } else {
      await once(peer, 'readable');
    }
  }
  return Buffer.concat(chunks);
}

/** Everything that a peer receives until the other side ends. */
export async function peerReadAll(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  peer.resume();
  if (!peer.readableEnded) await once(peer, 'end');
  return Buffer.concat(chunks);
}

/** Resolves with the error that a peer gets, or undefined if it closes without one. */
export function peerClosed(peer: Socket): Promise<NodeJS.ErrnoException | undefined> {
  let failure: NodeJS.ErrnoException | undefined = peer.errored as NodeJS.ErrnoException;
  if (peer.closed) return Promise.resolve(failure ?? undefined);
  peer.on('error', (error: NodeJS.ErrnoException) => {
    failure = error;
  });
  return new Promise((resolve) => peer.on('close', () => resolve(failure ?? undefined)));
}

/** Everything that a stream of ours receives until the peer ends, copied. */
export async function readAll(stream: TcpStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const data of stream) chunks.push(data);
  return Buffer.concat(chunks);
}

/** The error that a stream of ours closes with. */
export function closeError(stream: TcpStream): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.onClose = resolve;
  });
}

/** Waits for a condition; fails after `limitMs` with what it was. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 5000,
): Promise<void> {
  const deadline = Date.now() + patient(limitMs);
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(2);
  }
}

/** What callers look at in an error of the system. */
export function shapeOf(error: unknown): Record<string, unknown> {
  const { code, errno, syscall, address, port } = error as Record<string, unknown>;
  return { code, errno, syscall, address, port };
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** The error that a call throws. */
export function thrown(call: () => unknown): Error & { code?: string } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
