// What can be watched from outside: diagnostics_channel events, and lines on stderr under
// NODE_DEBUG=proactor.
import * as diagnosticsChannel from 'node:diagnostics_channel';
import { debuglog } from 'node:util';

/**
 * Channels of `node:diagnostics_channel`. Nothing is published on the path of single messages.
 *
 * | channel | message |
 * | --- | --- |
 * | `proactor:open` | `{ proactor }` |
 * | `proactor:dispose` | `{ proactor, leaked }`: operations that the kernel did not give back in time |
 * | `proactor:accept` | `{ acceptor, stream }` |
 * | `proactor:accept-error` | `{ acceptor, error }`: such as EMFILE; the acceptor goes on |
 * | `proactor:connect` | `{ stream }` |
 * | `proactor:stream-close` | `{ stream, error }` |
 * | `proactor:buffers-exhausted` | `{ stream }`: a receive waits for a buffer |
 */
export const channels = {
  /** A proactor was made. */
  open: diagnosticsChannel.channel('proactor:open'),
  /** A proactor was disposed of. */
  dispose: diagnosticsChannel.channel('proactor:dispose'),
  /** An acceptor made a stream of a connection. */
  accept: diagnosticsChannel.channel('proactor:accept'),
  /** Accepting failed. */
  acceptError: diagnosticsChannel.channel('proactor:accept-error'),
  /** A stream was connected. */
  connect: diagnosticsChannel.channel('proactor:connect'),
  /** A stream's descriptor was closed. */
  streamClose: diagnosticsChannel.channel('proactor:stream-close'),
  /** A receive found no buffer. */
  buffersExhausted: diagnosticsChannel.channel('proactor:buffers-exhausted'),
} as const;

/** A line under NODE_DEBUG=proactor. */
export const debug = debuglog('proactor');
