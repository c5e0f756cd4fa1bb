// One response of a server of HTTP/1.1 or HTTP/2, compared with what it should be from its first byte to its last.
import { get, type IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { withoutAuthority } from './http-response.js';
import { type Target, urlOf } from './load.js';
import { expectSameBytes } from './same-bytes.js';

/** For all of a response, which may be long. */
export const responseTimeoutMs = 60_000;

type Due = Parameters<typeof expectSameBytes>[1];

/** Rejects unless a GET of `/` is answered with 200, in chunks, with exactly these bytes. */
export async function checkChunked(target: Target, due: Due): Promise<void> {
  const signal = AbortSignal.timeout(responseTimeoutMs);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(urlOf(target, false), { agent: false, signal }, resolve).once('error', reject);
  });
  const { statusCode, headers } = response;
  if (statusCode !== 200) throw new Error(`the status is ${statusCode}`);
  if (headers['transfer-encoding'] !== 'chunked') throw new Error('the response is not chunked');
  await expectSameBytes(response, due);
}

/** Rejects unless a GET of `/` over HTTP/2 is answered with 200 and exactly these bytes. */
export async function checkHttp2(target: Target, tls: boolean, due: Due): Promise<void> {
  const session = connect(urlOf(target, tls), withoutAuthority);
  try {
    await new Promise((resolve, reject) => {
      session.once('connect', resolve).on('error', reject);
    });
    const signal = AbortSignal.timeout(responseTimeoutMs);
    const stream = session.request({ [constants.HTTP2_HEADER_PATH]: '/' }, { signal });
    stream.once('response', ({ ':status': status }) => {
      if (status !== 200) stream.destroy(new Error(`the status is ${status}`));
    });
    await expectSameBytes(stream, due);
  } finally {
    session.destroy();
  }
}
