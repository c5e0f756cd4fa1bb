// What node:stream and others make of a socket.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Duplex, finished, PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { compare } from './harness/compare';

compare(__filename, {
  'finished()': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    finished(client, log('client').callback('finished'));
    finished(served, { readable: false }, log('served').callback('finished writing'));
    served.end('x');
    client.resume();
    await closed(client, served);
  },

  'finished() of one that is destroyed': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    finished(client, log('client').callback('finished'));
    finished(served, log('served').callback('finished'));
    served.resume();
    client.destroy();
    await closed(client, served);
  },

  'finished() of one that is reset': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    finished(client.resume(), log('client').callback('finished'));
    served.resetAndDestroy();
    await closed(client);
  },

  'a pipeline into a socket': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').socket(served, 'data');
    client.resume();
    await pipeline(Readable.from(['a', 'b', 'c'].map((letter) => letter.repeat(50_000))), client);
    log('client').state('piped', client, ['writableFinished', 'bytesWritten']);
    await closed(served);
  },

  'a pipeline through a socket': async ({ pair, log, closed }) => {
    const { client, served } = await pair({ server: { allowHalfOpen: true } });
    const collected: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        collected.push(chunk);
        done();
      },
    });
    pipeline(served, createGzip(), served).catch((error) => log('served').add('failed', error));
    client.end('to be compressed '.repeat(1000));
    await pipeline(client, sink);
    log('client').add('data', gunzipSync(Buffer.concat(collected)));
    await closed(client, served);
  },

  'a pipeline that fails': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const failing = new PassThrough();
    log('served').socket(served).resume();
    log('client').socket(client);
    client.resume();
    setImmediate(() => failing.destroy(new RangeError('no more')));
    await pipeline(failing, client).catch((error) => log('client').add('pipeline', error));
    await closed(client, served);
  },

  lines: async ({ pair, log }) => {
    const { client, served } = await pair();
    served.end('one\ntwo\r\nthree');
    for await (const line of createInterface({ input: client })) log('client').add('line', line);
  },

  'a socket as text': async ({ pair, log }) => {
    const { client, served } = await pair();
    served.write('a ');
    served.end('text');
    log('client').add('text', await text(client));
  },

  'a web stream': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const { readable, writable } = Duplex.toWeb(client) as {
      readable: ReadableStream;
      writable: WritableStream;
    };
    const writer = writable.getWriter();
    log('served').socket(served, 'data');
    await writer.write(Buffer.from('from the web'));
    await writer.close();
    served.end('to the web');
    for await (const chunk of readable) log('client').addData(Buffer.from(chunk as Uint8Array));
    await closed(client, served);
  },

  'operators of streams': async ({ pair, log }) => {
    const { client, served } = await pair();
    client.setEncoding('utf8');
    served.end('abc');
    const letters = await client
      .flatMap((part: string) => [...part])
      .map((l) => `<${l}>`)
      .toArray();
    log('client').add('letters', letters);
  },

  'once() of events': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    served.write('x');
    log('client').add('data', ...(await once(client, 'data')));
    const failure = once(client, 'end').catch((error) => log('client').add('caught', error));
    client.destroy(new RangeError('mine'));
    await failure;
    await closed(client);
  },

  'a disposable': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    served.resume();
    const dispose = (client as unknown as AsyncDisposable)[Symbol.asyncDispose];
    await dispose
      ?.call(client)
      .then(undefined, (error: unknown) => log('client').add('disposal', error));
    log('client').state('disposed', client, ['destroyed', 'closed', 'errored']);
    await closed(client);
  },

  'unshift() and what comes after': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    served.end('body');
    await event(client, 'readable');
    client.unshift('header,');
    log('client').socket(client, 'data');
    await closed(client);
  },

  'a socket that is composed': async ({ pair, apart, closed }) => {
    const { client, served } = await pair();
    apart('client', client);
    const upper = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<string> {
      for await (const chunk of source) yield chunk.toString().toUpperCase();
    };
    const done = pipeline(served, upper, served);
    client.end('shout');
    await done;
    await closed(client, served);
  },
});
