// Handlers that throw: the error is an uncaught exception, and other connections go on.
import { compare } from './harness/compare';
import { MUCH } from './harness/scene';

compare(__filename, {
  'data of several, one of which throws': async ({ listening, connect, apart, closed }) => {
    const { port } = await listening({}, (served) => {
      served.on('error', () => {});
      served.pipe(served);
    });
    const clients = ['first', 'second', 'third'].map((name) => {
      const client = apart(name, connect({ port, host: '127.0.0.1' }));
      client.on('data', () => {
        if (name === 'second') throw new RangeError('thrown by the second');
      });
      client.end(`from the ${name}`);
      return client;
    });
    await closed(...clients);
  },

  'an error that is thrown, and a rejection': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    served.end('x');
    client.on('data', async () => {
      await turns(1);
      throw new RangeError('rejected in data');
    });
    log('client').socket(client);
    await closed(client);
    await turns(3);
  },

  'what is thrown is no error': async ({ pair, log, event, turns }) => {
    const { client, served } = await pair();
    const ended = event(client, 'end');
    client.on('end', () => {
      throw 'a text';
    });
    served.end('x');
    log('client').on(client.resume(), 'close');
    await ended;
    await turns(5);
  },

  'each of many throws': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => served.end('x'));
    const clients = Array.from({ length: 5 }, () => connect({ port, host: '127.0.0.1' }));
    let thrown = 0;
    for (const client of clients) {
      client.on('data', () => {
        thrown++;
        throw new RangeError('thrown by each');
      });
    }
    await closed(...clients);
    log('clients').add('thrown', thrown);
  },

  'the listener of drain throws': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.on(client, 'drain');
    const drained = event(client, 'drain');
    client.on('drain', () => {
      throw new RangeError('thrown in drain');
    });
    own.call('write', () => client.write(Buffer.alloc(MUCH)));
    served.resume();
    await drained;
    client.destroy();
    await closed(client);
  },
});
