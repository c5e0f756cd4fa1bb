// What makes a connection for HTTP, from the options that Node's clients hand over: TCP or a Unix domain
// socket on the Proactor, with TLS of Node's own on top.
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { connect } from '../net';

/** Options of a connection as Node's clients of HTTP make them. */
export interface HttpConnectOptions extends ConnectionOptions {
  socketPath?: string | null | undefined;
  highWaterMark?: number;
}

/** A connection without TLS. Of the options `path` is that of a request, so it counts as `socketPath` only. */
export function connectPlain(options: HttpConnectOptions): Socket {
  return connect({ ...options, path: options.socketPath ?? undefined } as { path: string });
}

/** What a connection under TLS is made with: its idle time, signal and reader are those of what is on top. */
export function connectUnder(options: HttpConnectOptions): Socket {
  return connectPlain({
    ...options,
    timeout: undefined,
    signal: undefined,
    onread: undefined,
  } as object);
}

export function connectSecure(options: HttpConnectOptions): TLSSocket {
  const { host = '', servername = isIP(host) === 0 ? host : '' } = options;
  const socket = options.socket ?? connectUnder(options);
  const secure = connectTls({ ...options, path: undefined, servername, socket });
  if (options.timeout) secure.setTimeout(options.timeout);
  return secure;
}
