// destroy(), with and without an error, in every state.
import { compare } from './harness/compare';
import { MUCH } from './harness/scene';

compare(__filename, {
  'a connected socket': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    log('served').socket(served, 'data');
    log('client').call('destroy', () => client.destroy());
    log('client').state('destroyed', client);
    await closed(client, served);
    log('client').state('after', client);
  },

  'with an error': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    log('served').socket(served).resume();
    client.destroy(new RangeError('mine'));
    log('client').add('returned');
    await closed(client, served);
    log('client').state('after', client, ['errored', 'closed', 'destroyed']);
  },

  'twice, with two errors': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    served.resume();
    log('client').call('destroy', () => client.destroy(new RangeError('first')));
    log('client').call('destroy', () => client.destroy(new RangeError('second')));
    await closed(client, served);
    log('client').call('destroy', () => client.destroy(new RangeError('third')));
  },

  'with an error that nobody listens for': async ({ net, listening, log, closed, keep, event }) => {
    const { port } = await listening({}, (served) => served.resume());
    const client = keep(net.connect(port, '127.0.0.1'));
    await event(client, 'connect');
    log('client').on(client, 'close');
    client.destroy(new RangeError('nobody’s'));
    await closed(client);
  },

  'right after a small write: the peer gets it, and an end': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').on(served, 'data', 'end', 'error', 'close');
    served.on('data', () => served.end('an answer that nobody reads'));
    client.write('QUIT');
    client.destroy();
    await closed(client, served);
  },

  'right after many writes: the peer gets all': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('served').on(served, 'end', 'error', 'close');
    let bytes = 0;
    served.on('data', (data) => {
      bytes += data.length;
    });
    for (let i = 0; i < 100; i++) client.write('z'.repeat(5000));
    client.destroy();
    await closed(client, served);
    log('served').add('bytes', bytes);
  },

  'with writes that wait': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.pause();
    client.write(Buffer.alloc(MUCH), own.callback('written much'));
    client.write('some', own.callback('written some'));
    own.call('destroy', () => client.destroy());
    await closed(client);
    own.state('after', client, ['writableLength', 'writableFinished', 'writableNeedDrain']);
  },

  'with writes that wait, and an error': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.pause();
    client.write(Buffer.alloc(MUCH), own.callback('written much'));
    client.write('some', own.callback('written some'));
    client.end('more', own.callback('ended'));
    client.destroy(new RangeError('mine'));
    await closed(client);
  },

  'writing to it': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.resume();
    client.destroy();
    own.call('write', () => client.write('late', own.callback('written')));
    own.call('end', () => client.end('late', own.callback('ended')));
    await closed(client);
    own.call('write', () => client.write('later', own.callback('written later')));
    await turns(3);
  },

  'within each event': async ({ pair, log, closed }) => {
    for (const name of ['data', 'end', 'drain', 'finish', 'timeout'] as const) {
      const { client, served, server } = await pair();
      const own = log(name);
      own.socket(client, 'data');
      client.on(name, () => client.destroy());
      served.on('error', () => {}).resume();
      if (name === 'drain') client.write(Buffer.alloc(MUCH));
      if (name === 'finish') client.end('x');
      if (name === 'timeout') client.setTimeout(20);
      if (name === 'data') served.write('hello');
      if (name === 'end') served.end('hello');
      await closed(client);
      own.state('after', client, ['destroyed', 'errored', 'readableEnded', 'writableFinished']);
      server.close();
    }
  },

  'within connection': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => {
      log('served').socket(served);
      served.destroy();
    });
    const client = log('client').socket(connect({ port, host: '127.0.0.1' }), 'data');
    await closed(client);
  },

  'within connect': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => log('served').socket(served).resume());
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }, () => client.destroy()));
    await closed(client);
    own.state('after', client);
  },

  'within the callback of a write': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    log('served').socket(served, 'data');
    client.write('last', () => client.destroy());
    await closed(client, served);
  },

  'what was written before is received': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    log('served').socket(served, 'data');
    client.write('a');
    client.write('b');
    client.destroy();
    await closed(client, served);
  },

  'close says whether there was an error': async ({ pair, closedPort, connect, log, closed }) => {
    const { client, served } = await pair();
    log('client').on(client, 'close');
    log('served').on(served.resume(), 'close');
    served.on('error', () => {});
    client.on('error', () => {});
    client.destroy(new Error('some'));
    await closed(client, served);
    const refused = connect({ port: await closedPort(), host: '127.0.0.1' });
    log('refused').on(refused, 'close');
    refused.on('error', () => {});
    await closed(refused);
  },

  'the listener of close throws': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    log('client').on(client, 'close');
    client.on('close', () => {
      throw new RangeError('thrown in close');
    });
    served.resume();
    client.destroy();
    await closed(served);
    await turns(3);
  },

  'the listener of error throws': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    client.on('error', () => {
      throw new RangeError('thrown in error');
    });
    log('client').on(client, 'close');
    served.resume();
    client.destroy(new Error('mine'));
    await closed(served);
    await turns(3);
  },
});
