// Ways to receive: events, read(), pipes and iterations, with pauses and encodings.
import { PassThrough } from 'node:stream';
import { compare } from './harness/compare';

compare(__filename, {
  'pausing and resuming': async ({ pair, log, event, turns, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client, 'data');
    own.call('pause', () => client.pause());
    served.write('while paused');
    await turns(20);
    own.state('paused', client, ['readableFlowing', 'readableDidRead']);
    own.add('isPaused', client.isPaused());
    own.call('resume', () => client.resume());
    await event(client, 'data');
    own.add('isPaused', client.isPaused());
    served.end();
    await closed(client);
  },

  'pausing within data': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    client.on('data', (data: Buffer) => {
      own.add('data', data);
      client.pause();
      setImmediate(() => client.resume());
    });
    for (const word of ['one', 'two', 'three']) {
      served.write(word);
      await new Promise((resolve) => client.once('data', resolve));
    }
    served.end();
    await closed(client);
    await turns(1);
  },

  'nothing is lost while it is paused for long': async ({ pair, log, closed, delay }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    client.pause();
    served.end(Buffer.alloc(1 << 20, 'abcdefg'));
    await delay(30);
    log('client').add('flowing', client.readableFlowing);
    client.resume();
    await closed(client, served);
    log('client').state('after', client, ['bytesRead']);
  },

  'readable and read()': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.write('0123456789');
    await event(client, 'readable');
    own.call('read', () => client.read(4));
    own.call('read', () => client.read(100));
    own.call('read', () => client.read(0));
    own.call('read', () => client.read());
    own.call('read', () => client.read());
    own.call('unshift', () => client.unshift('again'));
    own.call('read', () => client.read());
    served.end('the end');
    await event(served, 'finish');
    client.on('readable', () => {
      for (let data = client.read(); data !== null; data = client.read())
        own.addData(data as Buffer);
    });
    await closed(client);
  },

  encodings: async ({ pair, log, closed }) => {
    for (const encoding of ['utf8', 'latin1', 'hex', 'base64', 'ucs2', 'ascii'] as const) {
      const { client, served, server } = await pair();
      const own = log(encoding);
      own.call('setEncoding', () => client.setEncoding(encoding) === client);
      own.socket(client, 'data');
      served.write(Buffer.from([0xe2, 0x82]));
      setImmediate(() => served.end(Buffer.from([0xac, 0x20, 0x41, 0xff])));
      await closed(client);
      own.state('after', client, ['readableEncoding', 'bytesRead']);
      server.close();
    }
  },

  'an encoding that is set on the way': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client, 'data');
    served.write('bytes');
    await event(client, 'data');
    client.setEncoding('utf8');
    served.end('text');
    await closed(client);
  },

  'an iteration': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.end('iterated');
    for await (const data of client) own.addData(data as Buffer);
    own.add('ended');
    await closed(client);
  },

  'an iteration that is left': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.on('error', () => {}).write('one');
    for await (const data of client) {
      own.addData(data as Buffer);
      break;
    }
    own.state('left', client, ['destroyed']);
    await closed(client);
  },

  'an iteration that meets a reset': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.write('one');
    await event(client, 'readable');
    served.resetAndDestroy();
    try {
      for await (const data of client) own.addData(data as Buffer);
    } catch (error) {
      own.add('caught', error);
    }
    await closed(client);
  },

  'a pipe': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const through = new PassThrough();
    log('client').socket(client, 'pipe', 'unpipe');
    log('served').socket(served, 'pipe', 'unpipe');
    log('through').on(through, 'data', 'end', 'pipe');
    client.pipe(through);
    served.end('piped');
    await closed(client, served);
  },

  'an echo by pipe': async ({ pair, apart, closed }) => {
    const { client, served } = await pair();
    apart('client', client);
    served.pipe(served);
    client.write('to be ');
    client.end('echoed');
    await closed(client, served);
  },

  'the listener of data throws': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client, 'data');
    const received = event(client, 'data');
    client.once('data', () => {
      throw new RangeError('thrown in data');
    });
    served.write('first');
    await received;
    served.end('second');
    await closed(client);
  },

  'a listener of data that is removed': async ({ pair, log, event, turns, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    const listener = (data: Buffer): void => own.addData(data);
    client.on('data', listener);
    served.write('one');
    await event(client, 'data');
    client.off('data', listener);
    own.state('removed', client, ['readableFlowing']);
    served.write('lost');
    await turns(20);
    served.end();
    await closed(client);
    own.state('after', client, ['readableEnded', 'bytesRead']);
  },
});
