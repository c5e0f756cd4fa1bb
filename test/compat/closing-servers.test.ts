// Servers: closing them with and without connections, counting connections, refusing some.
import { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';
import { compare } from './harness/compare';

function connections(server: Server): Promise<unknown> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

compare(__filename, {
  'without connections': async ({ listening, log, closed }) => {
    const { server } = await listening();
    const own = log('server');
    own.server(server);
    own.call('close', () => server.close(own.callback('callback')));
    own.add('closing', server.listening, server.address());
    await closed(server);
  },

  'with a connection': async ({ pair, log, closed, turns }) => {
    const { client, served, server } = await pair();
    const own = log('server');
    own.server(server);
    served.resume();
    server.close(own.callback('callback'));
    await turns(10);
    own.add('still open', server.listening);
    client.end();
    await closed(client);
    await closed(served);
    await turns(3);
    own.add('after');
  },

  twice: async ({ listening, log, closed, turns }) => {
    const { server } = await listening();
    const own = log('server');
    own.server(server);
    own.call('close', () => server.close(own.callback('first')));
    own.call('close', () => server.close(own.callback('second')));
    await closed(server);
    await turns(3);
  },

  'connections come no more': async ({ pair, log, connect, closed }) => {
    const { server, port, client } = await pair();
    server.close();
    const late = log('late').socket(connect({ port, host: '127.0.0.1' }));
    await closed(late);
    log('first').state('first', client, ['destroyed', 'readyState']);
  },

  'in connection': async ({ listening, log, connect, closed }) => {
    const { server, port } = await listening({}, (served) => {
      served.end('the only one');
      server.close(log('server').callback('closed'));
    });
    const client = log('client').socket(connect({ port, host: '127.0.0.1' }), 'data');
    await closed(client, server);
  },

  'as a disposable': async ({ listening, log }) => {
    const { server } = await listening();
    log('server').server(server);
    await server[Symbol.asyncDispose]();
    log('server').add('disposed', server.listening);
    await server[Symbol.asyncDispose]().then(
      () => log('server').add('again'),
      (error) => log('server').add('again', error),
    );
  },

  'connections are counted': async ({ listening, log, connect, event, until, closed }) => {
    const { server, port } = await listening({}, (served) => served.resume());
    const own = log('server');
    own.add('before', await connections(server));
    const clients: Socket[] = [];
    for (let i = 0; i < 3; i++) {
      const client = connect({ port, host: '127.0.0.1' });
      await Promise.all([event(client, 'connect'), event(server, 'connection')]);
      clients.push(client);
      own.add('connected', await connections(server));
    }
    for (const client of clients) {
      const before = await connections(server);
      client.destroy();
      await closed(client);
      let now = before;
      await until(() => {
        void connections(server).then((count) => (now = count));
        return now !== before;
      });
      own.add('left', now);
    }
  },

  'the callback of getConnections is called later': async ({ listening, log, turns }) => {
    const { server } = await listening();
    const own = log('server');
    own.call('getConnections', () => server.getConnections(own.callback('counted')));
    own.add('returned');
    await turns(2);
  },

  maxConnections: async ({ listening, log, connect, closed, event }) => {
    const { server, port } = await listening({}, (served) => served.resume());
    const own = log('server');
    server.maxConnections = 1;
    server.on('drop', (data) => own.add('drop', data));
    const first = connect({ port, host: '127.0.0.1' });
    await Promise.all([event(first, 'connect'), event(server, 'connection')]);
    const second = connect({ port, host: '127.0.0.1' });
    second.on('error', () => {});
    await Promise.all([closed(second.resume()), event(server, 'drop')]);
    own.add('connections', await connections(server));
    first.destroy();
    await closed(first);
    server.maxConnections = 2;
    const third = connect({ port, host: '127.0.0.1' });
    await Promise.all([event(third, 'connect'), event(server, 'connection')]);
  },

  'maxConnections that are odd': async ({ listening, log, connect, event }) => {
    for (const max of [0, -1, Number.NaN, '1', undefined, null]) {
      const { server, port } = await listening();
      server.maxConnections = max as number;
      const client = connect({ port, host: '127.0.0.1' });
      client.on('error', () => {});
      const happened = await Promise.race(
        ['connection', 'drop'].map((name) => event(server, name).then(() => name)),
      );
      log('server').add('with', max, happened);
      server.close();
    }
  },

  pauseOnConnect: async ({ pair, log, turns, event }) => {
    const { client, served } = await pair({ server: { pauseOnConnect: true } });
    const own = log('served');
    own.socket(served, 'data');
    client.write('early');
    await turns(20);
    own.state('paused', served, ['readableFlowing', 'bytesRead']);
    own.add('isPaused', served.isPaused());
    served.resume();
    await event(served, 'data');
  },

  'options of the accepted sockets': async ({ pair, log }) => {
    for (const options of [
      {},
      { allowHalfOpen: true },
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1500 },
      { pauseOnConnect: true, highWaterMark: 5 },
    ]) {
      const { served, server } = await pair({ server: options });
      const own = log(JSON.stringify(options));
      own.state('accepted', served);
      own.add('server', (served as unknown as { server: object }).server === server);
      server.close();
    }
  },

  'addresses that a block list knows': async ({ net, listening, log, connect, closed }) => {
    const blockList = new net.BlockList();
    blockList.addAddress('127.0.0.2');
    const { server, port } = await listening({ blockList } as object, (served) => served.end());
    log('server').server(server);
    // Node knows the option from 23 on.
    for (const localAddress of ['127.0.0.1', '127.0.0.2']) {
      const client = connect({ port, host: '127.0.0.1', localAddress });
      client.on('error', () => {}).resume();
      await closed(client);
    }
  },

  'the listener of connection throws': async ({
    listening,
    log,
    connect,
    closed,
    event,
    until,
  }) => {
    let count = 0;
    const { port } = await listening({}, (served) => {
      if (count++ === 0) throw new RangeError('thrown in connection');
      served.end('second');
    });
    await event(connect({ port, host: '127.0.0.1' }), 'connect');
    await until(() => count === 1);
    const second = log('second').socket(connect({ port, host: '127.0.0.1' }), 'data');
    await closed(second);
  },

  'a rejection is captured': async ({ log, connect, closed, keep, net, event }) => {
    EventEmitter.captureRejections = true;
    const server = keep(net.createServer());
    EventEmitter.captureRejections = false;
    server.on('connection', async (served: Socket) => {
      log('served').socket(keep(served, 'served')).resume();
      throw new RangeError('rejected');
    });
    server.listen(0, '127.0.0.1');
    await event(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = log('client')
      .socket(connect({ port, host: '127.0.0.1' }))
      .resume();
    await closed(client);
  },
});
