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
  open: diagnosticsChannel.channel('proactor:open'),
  dispose: diagnosticsChannel.channel('proactor:dispose'),
  accept: diagnosticsChannel.channel('proactor:accept'),
  acceptError: diagnosticsChannel.channel('proactor:accept-error'),
  connect: diagnosticsChannel.channel('proactor:connect'),
  streamClose: diagnosticsChannel.channel('proactor:stream-close'),
  buffersExhausted: diagnosticsChannel.channel('proactor:buffers-exhausted'),
} as const;

/** A line under NODE_DEBUG=proactor. */
export const debug = debuglog('proactor');
