// Ends: by either side, in both orders, with and without half-open connections.
import { compare } from './harness/compare';

compare(__filename, {
  'the client ends first': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    log('served').socket(served, 'data');
    client.end('last words', log('client').callback('ended'));
    log('client').state('ending', client, ['writable', 'writableEnded', 'readyState']);
    await closed(client, served);
    log('client').state('after', client);
    log('served').state('after', served);
  },

  'the server ends first': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    log('served').socket(served, 'data');
    served.end('last words');
    await closed(client, served);
    log('client').state('after', client);
  },

  'both end at once': async ({ pair, apart, closed }) => {
    const { client, served } = await pair();
    apart('client', client);
    apart('served', served);
    client.end('from the client');
    served.end('from the server');
    await closed(client, served);
  },

  'every form of end()': async ({ pair, log, closed }) => {
    for (const [index, list] of [
      [],
      ['text'],
      [Buffer.from('bytes')],
      ['ff00', 'hex'],
      [() => {}],
      ['text', () => {}],
      ['text', 'latin1', () => {}],
      ['', () => {}],
      [undefined, undefined, () => {}],
    ].entries()) {
      const { client, served, server } = await pair();
      const own = log(`form ${index}`);
      const args = list.map((arg) => (typeof arg === 'function' ? own.callback('ended') : arg));
      own.socket(client).resume();
      log(`server ${index}`).socket(served, 'data');
      own.call('end', () => (client.end as (...args: unknown[]) => unknown)(...args));
      await closed(client, served);
      server.close();
    }
  },

  'ending twice': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    own.call('end', () => client.end('a', own.callback('first')));
    own.call('end', () => client.end(own.callback('second')));
    await closed(client, served);
    own.call('end', () => client.end(own.callback('third')));
    await turns(2);
  },

  'ending twice with data': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    own.call('end', () => client.end('a', own.callback('first')));
    own.call('end', () => client.end('b', own.callback('second')));
    await closed(client, served);
  },

  'writing after the end': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    log('served').socket(served, 'data');
    client.end('a');
    own.call('write', () => client.write('b', own.callback('written')));
    await closed(client, served);
    own.state('after', client, ['errored', 'destroyed', 'bytesWritten']);
  },

  'writing after the other side ended': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    served.end();
    await event(client, 'end');
    own.state('ended', client, ['writable', 'writableEnded', 'readyState', 'destroyed']);
    own.call('write', () => client.write('late', own.callback('written')));
    await closed(client);
  },

  'a client that stays half open': async ({ pair, apart, log, closed, event }) => {
    const { client, served } = await pair({ client: { allowHalfOpen: true } });
    log('client').socket(client, 'data');
    apart('served', served);
    served.end('bye');
    await event(client, 'end');
    log('client').state('half open', client);
    log('client').call('write', () =>
      client.write('still here', log('client').callback('written')),
    );
    client.end();
    await closed(client, served);
  },

  'a server that stays half open': async ({ pair, apart, log, closed, event }) => {
    const { client, served } = await pair({ server: { allowHalfOpen: true } });
    apart('client', client);
    log('served').socket(served, 'data');
    client.end('request');
    await event(served, 'end');
    log('served').state('half open', served);
    served.write('response,');
    served.end('and more');
    await closed(client, served);
  },

  'both may stay half open': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair({
      client: { allowHalfOpen: true },
      server: { allowHalfOpen: true },
    });
    log('client').socket(client).resume();
    log('served').socket(served).resume();
    client.end();
    await event(served, 'end');
    log('served').state('ended', served, ['readyState', 'writable', 'destroyed']);
    served.end();
    await closed(client, served);
    log('client').state('after', client);
  },

  'allowHalfOpen is changed on the way': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    client.allowHalfOpen = true;
    log('client').socket(client).resume();
    served.end();
    await event(client, 'end');
    log('client').state('half open', client, ['readyState', 'writable']);
    client.end();
    await closed(client);
  },

  'an end that nobody reads': async ({ pair, log, turns, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.end('unread');
    await event(served, 'finish');
    await turns(20);
    own.state('not read', client, ['readable', 'readableEnded', 'destroyed', 'readableFlowing']);
    client.on('data', (data: Buffer) => own.addData(data));
    await closed(client);
  },

  'an end in read() loops': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    client.on('readable', () => {
      for (let data = client.read(); data !== null; data = client.read())
        own.addData(data as Buffer);
    });
    served.write('some ');
    served.end('bytes');
    await closed(client);
    own.state('after', client, ['readableEnded', 'readable']);
  },

  'destroySoon()': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    log('served').socket(served, 'data');
    client.write('before');
    log('client').call('destroySoon', () => client.destroySoon());
    log('client').state('soon', client, ['writable', 'destroyed', 'readyState']);
    await closed(client, served);
  },

  'destroySoon() of one that has ended': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair({ client: { allowHalfOpen: true } });
    log('client').socket(client);
    served.resume();
    client.end();
    await event(client, 'finish');
    log('client').call('destroySoon', () => client.destroySoon());
    await closed(client, served);
  },

  'the callback of end throws': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client).resume();
    log('served').socket(served).resume();
    client.end(() => {
      throw new RangeError('thrown in end');
    });
    await closed(client, served);
  },

  'the listener of end throws': async ({ pair, log, event, turns }) => {
    const { client, served } = await pair();
    const ended = event(client, 'end');
    log('client').socket(client).resume();
    client.on('end', () => {
      throw new RangeError('thrown in end');
    });
    served.end();
    await ended;
    await turns(5);
    log('client').state('after', client, ['readableEnded', 'readable']);
  },
});
