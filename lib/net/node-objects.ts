// Node's objects as handles see them: what of a socket and of its requests is not in Node's types.
import type { Socket } from 'node:net';

/** A socket as its handle sees it. */
export interface HandleOwner extends Socket {
  _unrefTimer(): void;
  [slot: symbol]: unknown;
}

/** Node's request objects. */
export interface Request {
  oncomplete?: (
    status: number,
    handle?: object,
    req?: object,
    readable?: boolean,
    writable?: boolean,
  ) => void;
}

/** What net.Socket wants to be told of a write. */
export type WriteDone = (error?: Error | null) => void;

/** A part of a gathered write. */
export interface WrittenChunk {
  readonly chunk: string | Uint8Array;
  readonly encoding: BufferEncoding;
}
