// Reads one response of an HTTP server and compares it with what it should be: a load that is to be fast does not.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Target } from './load.js';

const timeoutMs = 10_000;
/** Whose certificate it is, is known: the benchmark has made it. */
export const withoutAuthority = { rejectUnauthorized: false } as const;

/**
 * The bytes of a response to a GET of `/`, its head included. Rejects unless it is 200 with exactly this body, of a
 * length that its head says.
 */
export async function responseBytes(
  { host, port }: Target,
  body: string,
  tls: boolean,
): Promise<number> {
  const socket = tls ? connectTls({ host, port, ...withoutAuthority }) : connect({ host, port });
  socket.setTimeout(timeoutMs, () => {
    socket.destroy(new Error(`no whole response came within ${timeoutMs} ms`));
  });
  // As wrk asks.
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
  let text = '';
  try {
    for await (const chunk of socket.setEncoding('latin1')) {
      text += chunk;
      const length = lengthOf(text);
      if (length === undefined || text.length < length) continue;
      if (text.slice(-body.length) !== body || length !== text.length) {
        throw new Error('the response has another body than was due');
      }
      return text.length;
    }
  } finally {
    socket.destroy();
  }
  throw new Error('the server closed the connection before the response was whole');
}

/** The length of the response that begins the text; undefined where its head is not whole yet. */
function lengthOf(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  if (!/^HTTP\/1\.1 200 /.test(head)) throw new Error(`the response begins '${firstLine(head)}'`);
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (length === undefined) throw new Error('the response has no Content-Length');
  return end + 4 + Number(length);
}

function firstLine(text: string): string {
  return text.split('\r\n', 1)[0] ?? '';
}
