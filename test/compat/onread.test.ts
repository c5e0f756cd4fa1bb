// The option `onread`: a buffer of the caller's own to receive into.
import { compare } from './harness/compare';
import type { Scene } from './harness/scene';

interface Played {
  readonly buffer: unknown;
  /** What the callback returns at its nth call. */
  readonly answer?: (call: number) => unknown;
  readonly onCall?: (call: number) => void;
  readonly text: string;
}

/** Receives `text` into a buffer; notes the bytes, and how often a false answer stopped it. */
async function receive({ pair, log, closed }: Scene, { buffer, answer, text }: Played) {
  const own = log('client');
  let calls = 0;
  const callback = function (this: unknown, length: number, filled: Uint8Array): unknown {
    // Before the data: how that was cut into pieces is not compared.
    if (calls++ === 0) own.add('callback', 'on', this, filled.constructor.name, filled.length);
    own.addData(Buffer.from(filled.subarray(0, length)));
    return answer === undefined ? true : answer(calls);
  };
  const { client, served } = await pair({ client: { onread: { buffer, callback } } as object });
  own.socket(client, 'data');
  served.end(text);
  await closed(client);
  own.state('after', client, ['bytesRead', 'readableLength', 'readableEnded', 'readableFlowing']);
}

compare(__filename, {
  'a buffer that everything fits into': (scene) =>
    receive(scene, { buffer: Buffer.alloc(1024), text: 'hello' }),

  'a buffer that is smaller': (scene) =>
    receive(scene, { buffer: Buffer.alloc(3), text: '0123456789' }),

  'a buffer of one byte': (scene) => receive(scene, { buffer: Buffer.alloc(1), text: 'ab' }),

  'an array of bytes': (scene) => receive(scene, { buffer: new Uint8Array(8), text: 'hello you' }),

  'a part of a buffer': (scene) =>
    receive(scene, { buffer: Buffer.alloc(64).subarray(10, 20), text: '0123456789abcdef' }),

  'a function that gives one': (scene) =>
    receive(scene, { buffer: () => Buffer.alloc(4), text: '0123456789' }),

  'a function that gives the same again': (scene) => {
    const buffer = Buffer.alloc(4);
    return receive(scene, { buffer: () => buffer, text: '0123456789' });
  },

  'a callback that returns nothing': (scene) =>
    receive(scene, { buffer: Buffer.alloc(4), answer: () => undefined, text: '0123456789' }),

  'much data': (scene) =>
    receive(scene, { buffer: Buffer.alloc(65536), text: 'a lot of it '.repeat(100_000) }),

  'a callback that returns false': async ({ pair, log, closed, turns, until }) => {
    const own = log('client');
    let calls = 0;
    const callback = (length: number, filled: Uint8Array): boolean => {
      own.addData(Buffer.from(filled.subarray(0, length)));
      return ++calls > 1;
    };
    const onread = { buffer: Buffer.alloc(4), callback };
    const { client, served } = await pair({ client: { onread } as object });
    own.socket(client);
    served.end('0123456789');
    await until(() => calls > 0);
    await turns(20);
    own.add('paused', calls, client.readableFlowing);
    client.resume();
    await closed(client);
  },

  'a callback that returns false each time': async ({ pair, log, closed }) => {
    const own = log('client');
    const callback = (length: number, filled: Uint8Array): boolean => {
      own.addData(Buffer.from(filled.subarray(0, length)));
      setImmediate(() => client.resume());
      return false;
    };
    const onread = { buffer: Buffer.alloc(4), callback };
    const { client, served } = await pair({ client: { onread } as object });
    own.socket(client);
    served.end('0123456789');
    await closed(client);
    own.state('after', client, ['bytesRead']);
  },

  'a callback that pauses': async ({ pair, log, closed }) => {
    const own = log('client');
    const callback = (length: number, filled: Uint8Array): boolean => {
      own.addData(Buffer.from(filled.subarray(0, length)));
      client.pause();
      setImmediate(() => client.resume());
      return true;
    };
    const onread = { buffer: Buffer.alloc(4), callback };
    const { client, served } = await pair({ client: { onread } as object });
    own.socket(client);
    served.end('0123456789');
    await closed(client);
  },

  'a callback that throws': async ({ pair, log, closed }) => {
    const own = log('client');
    let calls = 0;
    const callback = (length: number, filled: Uint8Array): boolean => {
      own.add('callback', Buffer.from(filled.subarray(0, length)));
      if (calls++ === 0) throw new RangeError('thrown in onread');
      return true;
    };
    const onread = { buffer: Buffer.alloc(4), callback };
    const { client, served } = await pair({ client: { onread } as object });
    own.socket(client);
    served.end('0123');
    await closed(client);
    own.add('destroyed', client.destroyed);
  },

  'a callback that throws and has more to read': async ({ pair, log, event }) => {
    const own = log('client');
    let calls = 0;
    let bytes = 0;
    const callback = (length: number): boolean => {
      bytes += length;
      if (++calls % 4 === 2) throw new RangeError('thrown by the callback');
      return true;
    };
    const onread = { buffer: Buffer.alloc(16), callback };
    const { client, served } = await pair({ client: { onread } as object });
    const ended = event(client, 'end');
    served.end(Buffer.alloc(160));
    await ended;
    own.add('bytes', bytes);
  },

  'a callback that destroys': async ({ pair, log, closed }) => {
    const own = log('client');
    const callback = (length: number, filled: Uint8Array): boolean => {
      own.add('callback', Buffer.from(filled.subarray(0, length)));
      client.destroy();
      return true;
    };
    const onread = { buffer: Buffer.alloc(4), callback };
    const { client, served } = await pair({ client: { onread } as object });
    own.socket(client);
    served.on('error', () => {}).end('0123456789');
    await closed(client);
  },

  'it is written to as ever': async ({ pair, log, closed }) => {
    const onread = { buffer: Buffer.alloc(16), callback: () => true };
    const { client, served } = await pair({ client: { onread } as object });
    log('client').socket(client);
    log('served').socket(served, 'data');
    client.end('written');
    await closed(client, served);
  },

  'a reset': async ({ pair, log, closed }) => {
    const onread = { buffer: Buffer.alloc(16), callback: () => true };
    const { client, served } = await pair({ client: { onread } as object });
    log('client').socket(client);
    served.resetAndDestroy();
    await closed(client);
  },
});
