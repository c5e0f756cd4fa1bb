// Writes: their callbacks, corking, encodings, backpressure and counters.
import { compare } from './harness/compare';
import { MUCH } from './harness/scene';

compare(__filename, {
  'callbacks come in order': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    for (const word of ['one ', 'two ', 'three ']) {
      own.call('write', () => client.write(word, own.callback(`written ${word}`)));
    }
    own.add('last write returned');
    process.nextTick(() => own.add('next tick'));
    client.end(own.callback('ended'));
    await closed(client, served);
  },

  'callbacks and ticks': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    served.resume();
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        client.write('x', () => {
          own.add('written');
          resolve();
        });
        process.nextTick(() => own.add('next tick'));
        Promise.resolve().then(() => own.add('microtask'));
        own.add('returned');
      });
    });
    client.destroy();
    await closed(client);
  },

  'a write in the callback of a write': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    client.write('one,', () => {
      own.call('write', () => client.write('two,', own.callback('written two')));
      client.end('three', own.callback('ended'));
    });
    await closed(client, served);
  },

  'kinds of data': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    client.write('text');
    client.write('é€😀', 'utf8');
    client.write('é', 'latin1');
    client.write('00ff', 'hex');
    client.write('AAEC', 'base64');
    client.write('AAEC', 'base64url');
    client.write('é', 'ucs2');
    client.write('é', 'ascii');
    client.write(Buffer.from('buffer'));
    client.write(new Uint8Array([1, 2, 3]));
    client.write(Buffer.from('a part of it').subarray(2, 6));
    client.write('');
    client.write(Buffer.alloc(0), own.callback('written nothing'));
    client.end();
    await closed(client, served);
    own.state('after', client, ['bytesWritten']);
  },

  'text that is said to be bytes': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    served.resume();
    own.call('write', () => client.write('text', 'buffer' as BufferEncoding));
    client.destroy();
    await closed(client, served);
  },

  'a default encoding': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').socket(served, 'data');
    client.setDefaultEncoding('hex');
    client.resume().write('414243');
    client.end('4445');
    await closed(client, served);
  },

  corking: async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    client.cork();
    client.cork();
    own.call('write', () => client.write('a', own.callback('written a')));
    own.call('write', () => client.write(Buffer.from('b'), own.callback('written b')));
    own.call('write', () => client.write('63', 'hex', own.callback('written c')));
    own.state('corked', client, ['writableCorked', 'writableLength', 'bufferSize', 'bytesWritten']);
    client.uncork();
    own.state('still', client, ['writableCorked', 'writableLength']);
    client.uncork();
    own.state('uncorked', client, ['writableCorked', 'bytesWritten']);
    client.end();
    await closed(client, served);
  },

  'the end uncorks': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    client.resume().cork();
    client.write('corked ');
    client.end('ended', log('client').callback('ended'));
    log('served').socket(served, 'data');
    await closed(client, served);
  },

  'backpressure and drain': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.pause();
    const big = Buffer.alloc(8 << 20, 'x');
    own.call('write', () => client.write(big, own.callback('written')));
    own.call('write', () => client.write('more', own.callback('written more')));
    own.state('full', client, [
      'writableNeedDrain',
      'writableLength',
      'bufferSize',
      'bytesWritten',
    ]);
    served.resume();
    await event(client, 'drain');
    own.state('drained', client, ['writableNeedDrain', 'writableLength', 'bytesWritten']);
    client.destroy();
    await closed(client);
  },

  'small writes below the mark': async ({ pair, log, closed }) => {
    const { client, served } = await pair({ client: { highWaterMark: 100 } as object });
    const own = log('client');
    own.socket(client);
    served.resume();
    own.state('marks', client, ['writableHighWaterMark', 'readableHighWaterMark']);
    own.call('write', () => client.write(Buffer.alloc(10)));
    own.call('write', () => client.write(Buffer.alloc(100)));
    own.call('write', () => client.write(Buffer.alloc(10)));
    client.end();
    await closed(client);
  },

  'a mark of the server': async ({ pair, log }) => {
    const { served } = await pair({ server: { highWaterMark: 1234 } as object });
    log('served').state('marks', served, ['writableHighWaterMark', 'readableHighWaterMark']);
  },

  'a slow reader gets everything, in order': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client, 'data');
    client.on('data', () => {
      client.pause();
      setImmediate(() => client.resume());
    });
    let sent = 0;
    const send = (): void => {
      while (sent < 64) {
        if (!served.write(Buffer.alloc(32768, `${sent++},`)))
          return void served.once('drain', send);
      }
      served.end();
    };
    send();
    await closed(client, served);
    own.state('after', client, ['bytesRead', 'bytesWritten']);
    log('served').state('after', served, ['bytesRead', 'bytesWritten', 'writableLength']);
  },

  'much in both directions at once': async ({ pair, apart, log, closed }) => {
    const { client, served } = await pair();
    apart('client', client);
    apart('served', served);
    for (let i = 0; i < 40; i++) {
      client.write(Buffer.alloc(100_000, `c${i}`));
      served.write(Buffer.alloc(77_777, `s${i}`));
    }
    client.end('end of client', log('client, sending').callback('ended'));
    served.end('end of server', log('served, sending').callback('ended'));
    await closed(client, served);
    log('client').state('after', client, ['bytesRead', 'bytesWritten']);
  },

  'a long text': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').socket(served, 'data');
    const text = 'aé€😀'.repeat(200_000);
    client.resume();
    // What is returned depends on how much of it the kernel takes at once.
    client.write(text, log('client').callback('written'));
    client.end();
    await closed(client, served);
    log('client').state('after', client, ['bytesWritten']);
  },

  'counters of what waits': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    served.pause();
    client.write(Buffer.alloc(MUCH));
    client.write('é');
    client.write('00ff', 'hex');
    own.state('waiting', client, ['bytesWritten', 'writableLength', 'bufferSize']);
    client.destroy();
    own.state('destroyed', client, ['bytesWritten', 'writableLength', 'bufferSize']);
    await closed(client);
  },

  'a buffer that is changed once it is written': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    log('served').socket(served, 'data');
    const buffer = Buffer.from('before');
    client.resume().write(buffer, () => {
      buffer.fill('x');
      client.end();
    });
    await event(client, 'finish');
    await closed(client, served);
  },

  'many small writes': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').socket(served, 'data');
    client.resume();
    let written = 0;
    for (let i = 0; i < 2000; i++) client.write(`${i},`, () => written++);
    client.end();
    await closed(client, served);
    log('client').add('written', written);
  },

  'the callback of a write throws': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    client.write('one', () => {
      throw new RangeError('thrown in a callback');
    });
    await turns(5);
    client.end('two');
    await closed(client, served);
  },
});
