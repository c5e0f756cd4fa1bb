// Idle timeouts. The times are far apart, so that a slow machine does not change their order.
import { compare } from './harness/compare';
import { MUCH } from './harness/scene';

const SHORT_MS = 30;
const LONG_MS = 60_000;

compare(__filename, {
  'an idle socket': async ({ pair, log, event, turns }) => {
    const { client } = await pair();
    const own = log('client');
    own.socket(client);
    own.call('setTimeout', () => client.setTimeout(SHORT_MS, own.callback('callback')));
    own.state('set', client, ['timeout']);
    await event(client, 'timeout');
    await turns(3);
    own.state('after', client, ['timeout', 'destroyed', 'readyState']);
  },

  'it is told once, unless something happens': async ({ pair, log, event, delay }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client).resume();
    client.setTimeout(SHORT_MS);
    await event(client, 'timeout');
    await delay(SHORT_MS * 3);
    own.add('waited');
    served.write('x');
    await event(client, 'timeout');
  },

  'writing counts as well': async ({ pair, log, event }) => {
    const { client, served } = await pair();
    served.resume();
    const own = log('client');
    own.socket(client).resume();
    client.setTimeout(SHORT_MS);
    await event(client, 'timeout');
    client.write('x');
    await event(client, 'timeout');
  },

  'it is turned off': async ({ pair, log, delay }) => {
    const { client } = await pair();
    const own = log('client');
    own.socket(client);
    const callback = own.callback('callback');
    client.setTimeout(SHORT_MS, callback);
    own.call('setTimeout', () => client.setTimeout(0, callback));
    await delay(SHORT_MS * 3);
    own.add('waited', client.listenerCount('timeout'));
    own.state('after', client, ['timeout']);
  },

  'it is turned off where its callback is another': async ({ pair, log, delay }) => {
    const { client } = await pair();
    client.setTimeout(SHORT_MS, log('client').callback('callback'));
    client.setTimeout(0, () => {});
    log('client').add('listeners', client.listenerCount('timeout'));
    client.setTimeout(0);
    log('client').add('listeners', client.listenerCount('timeout'));
    await delay(SHORT_MS * 3);
  },

  'it is changed': async ({ pair, log, event }) => {
    const { client } = await pair();
    const own = log('client');
    own.socket(client);
    client.setTimeout(LONG_MS, own.callback('first'));
    client.setTimeout(SHORT_MS, own.callback('second'));
    await event(client, 'timeout');
    own.add('listeners', client.listenerCount('timeout'));
  },

  'a destroyed socket': async ({ pair, log, closed, delay }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.resume();
    client.setTimeout(SHORT_MS);
    client.destroy();
    await closed(client);
    await delay(SHORT_MS * 3);
    own.state('after', client, ['timeout']);
    own.call('setTimeout', () => client.setTimeout(SHORT_MS));
    await delay(SHORT_MS * 3);
  },

  'before it is connected': async ({ listening, connect, log, event }) => {
    const { port } = await listening();
    const own = log('client');
    const lookup = (): void => {};
    const client = own.socket(connect({ port, host: 'somewhere', lookup, timeout: SHORT_MS }));
    own.state('connecting', client, ['timeout', 'connecting']);
    await event(client, 'timeout');
    own.state('after', client, ['timeout', 'connecting', 'destroyed']);
  },

  'as an option': async ({ pair, log, event }) => {
    const { client } = await pair({ client: { timeout: SHORT_MS } as object });
    log('client').socket(client);
    log('client').state('connected', client, ['timeout']);
    await event(client, 'timeout');
  },

  'of an accepted socket': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    log('served').socket(served);
    served.setTimeout(SHORT_MS, () => served.setTimeout(0).end('too late'));
    await closed(client, served);
  },

  'destroying in it': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    served.resume();
    client.setTimeout(SHORT_MS, () => client.destroy(new Error('idle')));
    await closed(client);
  },

  'its listener throws': async ({ pair, log, event, turns }) => {
    const { client } = await pair();
    const timeout = event(client, 'timeout');
    client.setTimeout(SHORT_MS, () => {
      throw new RangeError('thrown in timeout');
    });
    await timeout;
    await turns(2);
    log('client').state('after', client, ['destroyed']);
  },

  'a write that waits is activity': async ({ pair, log, event, delay, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.pause();
    client.write(Buffer.alloc(MUCH));
    client.setTimeout(SHORT_MS);
    await event(client, 'timeout');
    own.state('waiting', client, ['destroyed', 'writableNeedDrain']);
    served.resume();
    await event(client, 'drain');
    client.destroy();
    await closed(client);
    await delay(1);
  },
});
