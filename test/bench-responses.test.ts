// Responses that the benchmark compares with what they should be, before a load that does not look at them.
import { createServer, type RequestListener, type Server } from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { responseBytes } from '../bench/http-response.js';
import { dueMessages } from '../bench/messages.js';
import { checkChunked, checkHttp2 } from '../bench/responses.js';
import { expectSameBytes } from '../bench/same-bytes.js';
import { identity } from './support/certificate.js';

const bytes = (...texts: readonly string[]) => texts.map((text) => Buffer.from(text));

describe('bytes', () => {
  it.each([
    [bytes('abc', 'def'), bytes('a', 'bcd', '', 'ef')],
    [bytes('abcdef'), bytes('abc', 'def')],
    [[], bytes('')],
  ])('are the same however they are cut', async (came, due) => {
    await expectSameBytes(came, due);
  });

  it.each([
    [bytes('abd'), bytes('ab', 'c'), 'other bytes'],
    [bytes('abc', 'd'), bytes('abc'), 'more bytes'],
    [bytes('ab'), bytes('ab', 'c'), 'fewer bytes'],
    [[], bytes('a'), 'fewer bytes'],
  ])('that differ are told in words', async (came, due, words) => {
    await expect(expectSameBytes(came, due)).rejects.toThrow(words);
  });

  it('of messages show one that is lost or out of order', async () => {
    const messages = [...dueMessages({ messages: 3, size: 8 })];
    const [first, second, third] = messages as [Buffer, Buffer, Buffer];
    await expectSameBytes(messages, dueMessages({ messages: 3, size: 8 }));
    for (const came of [
      [first, third],
      [first, third, second],
    ]) {
      await expect(expectSameBytes(came, messages)).rejects.toThrow('other bytes');
    }
  });
});

describe('a response', () => {
  let server: Server | http2.Http2Server | undefined;
  afterEach(() => void server?.close());

  async function listening(made: Server | http2.Http2Server) {
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (made.address() as AddressInfo).port };
  }
  const overHttp = (handler: RequestListener) => listening(createServer(handler));

  it('in chunks is read to its end', async () => {
    const target = await overHttp((_request, response) => {
      response.write('hel');
      response.end('lo');
    });
    await checkChunked(target, bytes('hello'));
    await expect(checkChunked(target, bytes('hello!'))).rejects.toThrow('fewer bytes');
  });

  it('of a known length is none in chunks', async () => {
    const target = await overHttp((_request, response) => void response.end('hello'));
    await expect(checkChunked(target, bytes('hello'))).rejects.toThrow('not chunked');
  });

  it('of HTTP/2 is compared in clear and over TLS, its status too', async () => {
    const { key, cert } = identity();
    for (const tls of [false, true]) {
      const made = tls ? http2.createSecureServer({ key, cert }) : http2.createServer();
      made.on('stream', (stream, headers) => {
        stream.respond({ ':status': headers[':path'] === '/' ? status : 404 });
        stream.end('hello');
      });
      const target = await listening(made);
      let status = 200;
      await checkHttp2(target, tls, bytes('hello'));
      await expect(checkHttp2(target, tls, bytes('jello'))).rejects.toThrow('other bytes');
      status = 500;
      await expect(checkHttp2(target, tls, bytes('hello'))).rejects.toThrow('the status is 500');
      made.close();
    }
  });

  it('is counted over TLS as in clear', async () => {
    const answer: RequestListener = (_request, response) => void response.end('hello');
    const plain = await responseBytes(await overHttp(answer), 'hello', false);
    server?.close();
    const secure = await listening(https.createServer(identity(), answer));
    expect(await responseBytes(secure, 'hello', true)).toBe(plain);
  });
});
