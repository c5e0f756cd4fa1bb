// What happens on the way to a connection, or to none.
import type { LookupAddress } from 'node:dns';
import * as fs from 'node:fs';
import type { Socket } from 'node:net';
import * as path from 'node:path';
import { compare } from './harness/compare';

compare(__filename, {
  'a connection': async ({ listening, connect, log, event, closed }) => {
    const { server, port } = await listening({}, (served) => {
      log('served').socket(served, 'data');
      log('served').state('accepted', served);
      served.end('bye');
    });
    log('server').server(server);
    const accepted = event(server, 'connection');
    const client = connect({ port, host: '127.0.0.1' }, log('client').callback('callback'));
    log('client').socket(client, 'data');
    log('client').state('before', client);
    client.once('connect', () =>
      log('client').state('connected', client, ['connecting', 'pending']),
    );
    await closed(client, (await accepted) as Socket);
    log('client').state('after', client);
  },

  'a connection, in every form of connect()': async ({ net, listening, log, keep, closed }) => {
    const { port } = await listening({}, (served) => served.end());
    const options = { port, host: '127.0.0.1' };
    const callback = (): (() => void) => log('callbacks').callback('connected') as () => void;
    for (const [index, make] of [
      () => net.connect(port, '127.0.0.1'),
      () => net.connect(port, '127.0.0.1', callback()),
      () => net.connect(options, callback()),
      () => net.createConnection(String(port) as unknown as number, '127.0.0.1'),
      () => new net.Socket().connect(port, '127.0.0.1', callback()),
      () => new net.Socket().connect(options),
      () => new net.Socket({ allowHalfOpen: true }).connect({ ...options, noDelay: true }),
      () => net.connect({ ...options, keepAlive: true, keepAliveInitialDelay: 1000 }),
    ].entries()) {
      const own = log(`form ${index}`);
      const socket = own.socket(keep(make(), 'socket'));
      socket.resume();
      if (socket.allowHalfOpen) socket.once('end', () => socket.end());
      await closed(socket);
    }
  },

  'a connection that is refused': async ({ connect, closedPort, log, closed }) => {
    const port = await closedPort();
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }, own.callback('callback')));
    await closed(client);
    own.state('after', client);
  },

  'one that is refused, with a local address': async ({ connect, closedPort, log, closed }) => {
    const port = await closedPort();
    const options = { port, host: '127.0.0.1', localAddress: '127.0.0.2' };
    const client = log('client').socket(connect(options));
    await closed(client);
  },

  'an error that nobody listens for': async ({ net, keep, closedPort, log, closed }) => {
    const port = await closedPort();
    const client = keep(net.connect(port, '127.0.0.1'), 'client');
    log('client').on(client, 'close');
    await closed(client);
  },

  'a host that is not found': async ({ connect, log, closed }) => {
    const client = connect({ port: 7, host: 'does-not.exist.invalid' });
    // Without a network it is EAI_AGAIN, with one ENOTFOUND.
    client.on('error', (error: NodeJS.ErrnoException) => log('client').add('error', error.syscall));
    log('client').on(client, 'lookup', 'connect', 'close');
    await closed(client);
    log('client').state('after', client, ['destroyed', 'connecting', 'pending']);
  },

  'an address that nobody can reach': async ({ connect, log, closed }) => {
    const own = log('client');
    for (const host of ['255.255.255.255', '0.0.0.0']) {
      const client = own.socket(connect({ port: 1, host }));
      await closed(client);
    }
  },

  'a path that is no socket': async ({ connect, folder, log, closed }) => {
    const base = folder();
    fs.writeFileSync(path.join(base, 'file'), '');
    for (const name of ['none', 'file', '.', 'file/none', 'x'.repeat(200)]) {
      const client = log(name).socket(connect({ path: path.join(base, name) }));
      await closed(client);
      log(name).state('after', client, ['destroyed', 'connecting', 'pending', 'remoteAddress']);
    }
  },

  'writing before it is connected': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => log('served').socket(served, 'data'));
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }));
    own.call('write', () => client.write('one,', own.callback('written one')));
    own.call('write', () => client.write(Buffer.from('two,'), own.callback('written two')));
    own.call('write', () => client.write('dHdv', 'base64', own.callback('written base64')));
    own.state('pending', client, ['writableLength', 'bufferSize', 'bytesWritten']);
    own.call('end', () => client.end('three', own.callback('ended')));
    await closed(client);
    own.state('after', client, ['writableLength', 'bufferSize', 'bytesWritten']);
  },

  'ending before it is connected': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => log('served').socket(served, 'data'));
    const client = log('client').socket(connect({ port, host: '127.0.0.1' }));
    client.end(log('client').callback('ended'));
    log('client').state('ended', client);
    await closed(client);
  },

  'destroying before it is connected': async ({ listening, connect, log, closed, turns }) => {
    const { server, port } = await listening();
    server.on('connection', (served) => served.on('error', () => {}).resume());
    for (const how of ['at once', 'later']) {
      const own = log(how);
      const client = own.socket(connect({ port, host: '127.0.0.1' }, own.callback('callback')));
      client.write('lost', own.callback('written'));
      if (how === 'later') await Promise.resolve();
      own.call('destroy', () => client.destroy());
      await closed(client);
      await turns(5);
      own.state('after', client);
    }
  },

  'destroying one that will be refused': async ({ connect, closedPort, log, closed, turns }) => {
    const port = await closedPort();
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }));
    client.destroy(new RangeError('mine'));
    await closed(client);
    await turns(5);
  },

  'pausing and reading before it is connected': async ({
    listening,
    connect,
    log,
    until,
    event,
  }) => {
    const { port } = await listening({}, (served) => served.write('hello'));
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }), 'data');
    client.pause();
    await event(client, 'connect');
    await until(() => client.bytesRead > 0);
    own.state('paused', client, ['readableFlowing', 'bytesRead']);
    client.resume();
    await event(client, 'data');
  },

  'connecting twice at once': async ({ listening, connect, log, event, turns }) => {
    const { port } = await listening();
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1' }));
    own.call('connect', () => client.connect(port, '127.0.0.1', own.callback('second')));
    await Promise.race([event(client, 'connect'), event(client, 'error')]);
    await turns(5);
    own.state('then', client, ['connecting', 'destroyed', 'remotePort']);
  },

  'connecting a connected socket': async ({ pair, log, until }) => {
    const { client, port } = await pair();
    const own = log('client');
    own.socket(client);
    own.call('connect', () => client.connect(port, '127.0.0.1', own.callback('again')));
    await until(() => !client.connecting);
    own.state('then', client, ['connecting', 'destroyed']);
  },

  'connecting a socket that was closed, again': async ({ net, listening, log, keep }) => {
    const { port } = await listening({}, (served) => served.end('hello'));
    const own = log('client');
    const client = keep(own.socket(new net.Socket(), 'data'), 'client');
    for (let round = 0; round < 3; round++) {
      own.call('connect', () => client.connect(port, '127.0.0.1', own.callback('callback')));
      own.state('connecting', client, ['connecting', 'destroyed', 'bytesRead', 'pending']);
      await new Promise((resolve) => client.once('close', resolve));
      own.state('closed', client, ['destroyed', 'bytesRead', 'bytesWritten', 'readyState']);
    }
  },

  'connecting within the close of a refusal': async ({
    listening,
    connect,
    closedPort,
    log,
    closed,
  }) => {
    const refused = await closedPort();
    const { port } = await listening({}, (served) => served.end());
    const own = log('client');
    const client = own.socket(connect({ port: refused, host: '127.0.0.1' }));
    client.once('close', () => client.connect(port, '127.0.0.1').resume());
    await closed(client);
    await new Promise((resolve) => client.once('connect', resolve));
    await new Promise((resolve) => client.once('close', resolve));
  },

  'a destroyed socket is connected': async ({ net, listening, log, keep, until }) => {
    const { port } = await listening();
    const own = log('client');
    const client = keep(own.socket(new net.Socket()), 'client');
    client.destroy();
    own.call('connect', () => client.connect(port, '127.0.0.1', own.callback('callback')));
    await until(() => !client.connecting);
    own.state('then', client, ['connecting', 'destroyed', 'readyState']);
  },

  'the listener of connect throws': async ({ listening, connect, log, turns, event }) => {
    const { port } = await listening();
    const client = log('client').socket(connect({ port, host: '127.0.0.1' }));
    const connected = event(client, 'connect');
    client.once('connect', () => {
      throw new RangeError('thrown in connect');
    });
    await connected.then(() => turns(5));
    log('client').state('then', client, ['connecting', 'destroyed']);
  },

  'what is looked up comes late': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => served.end());
    const lookup = (
      _: string,
      options: { all?: boolean },
      done: (error: null, found: string | LookupAddress[], family?: number) => void,
    ): void => {
      setTimeout(() => {
        if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
        else done(null, '127.0.0.1', 4);
      }, 20);
    };
    const own = log('client');
    const client = own.socket(connect({ port, host: 'somewhere', lookup }));
    own.state('looking up', client, ['connecting', 'pending', 'readyState', 'remoteAddress']);
    client.resume();
    await closed(client);
  },
});
