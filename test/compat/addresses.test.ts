// Local and remote addresses, and what can be read of a socket in each of its states.
import { networkInterfaces } from 'node:os';
import { compare } from './harness/compare';

/** Whose libuv does not give such an address a scope. */
const older = Number.parseInt(process.versions.node, 10) < 22;

const ENDS = [
  'localAddress',
  'localPort',
  'localFamily',
  'remoteAddress',
  'remotePort',
  'remoteFamily',
];

compare(__filename, {
  'of both ends': async ({ pair, log }) => {
    const { client, served, server, port } = await pair();
    log('client').state('client', client, ENDS);
    log('served').state('served', served, ENDS);
    log('client').add('address', client.address());
    log('served').add('address', served.address());
    log('server').add('address', server.address());
    log('ports').add('same', client.localPort === served.remotePort, client.remotePort === port);
  },

  'before, during and after': async ({ net, listening, log, keep, event, closed }) => {
    const { port } = await listening({}, (served) => served.resume());
    const client = keep(new net.Socket(), 'client');
    const own = log('client');
    own.state('new', client);
    own.add('address', client.address());
    client.connect(port, '127.0.0.1');
    own.state('connecting', client);
    own.add('address', client.address());
    await event(client, 'connect');
    own.state('connected', client);
    client.destroy();
    own.state('destroyed', client);
    own.add('address', client.address());
    await closed(client);
    own.state('closed', client);
  },

  'are remembered once they were read': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    served.resume();
    log('client').state('open', client, ENDS);
    client.destroy();
    await closed(client, served);
    log('client').state('closed', client, ENDS);
    log('served').state('closed, never read', served, ENDS);
  },

  'of one whose peer is gone': async ({ pair, log, closed }) => {
    const { client, served } = await pair({ server: { allowHalfOpen: true } });
    served.on('error', () => {}).resume();
    client.resetAndDestroy();
    await closed(client, served);
    log('served').state('after', served, ENDS);
  },

  'a local address and port': async ({
    net,
    listening,
    closedPort,
    log,
    keep,
    closed,
    describer,
  }) => {
    const { port } = await listening({}, (served) => {
      log('served').state('accepted', served, ENDS);
      served.end();
    });
    const localPort = await closedPort();
    describer.namePort(localPort, 'local port');
    const options = { port, host: '127.0.0.1', localAddress: '127.0.0.9', localPort };
    const client = keep(net.connect(options), 'client').resume();
    log('client').socket(client);
    client.once('connect', () => log('client').state('connected', client, ENDS));
    await closed(client);
  },

  'a local port alone': async ({ listening, closedPort, connect, log, closed, describer }) => {
    const { port } = await listening({}, (served) => served.end());
    const localPort = await closedPort();
    describer.namePort(localPort, 'local port');
    const client = connect({ port, host: '127.0.0.1', localPort }).resume();
    client.once('connect', () => log('client').state('connected', client, ENDS));
    await closed(client);
  },

  'a local port in use': async ({ listening, connect, log, closed }) => {
    const { port } = await listening();
    const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort: port });
    log('client').socket(client);
    await closed(client);
    log('client').state('after', client, ['destroyed', 'connecting']);
  },

  'a local address that is not here': async ({ listening, connect, log, closed }) => {
    const { port } = await listening();
    const own = log('client');
    for (const localAddress of ['192.0.2.1', '::1', '::ffff:127.0.0.1']) {
      const client = own.socket(connect({ port, host: '127.0.0.1', localAddress }));
      await closed(client);
    }
  },

  'a link-local address without a scope': async ({ net, log, keep, connect, event, closed }) => {
    const all = Object.values(networkInterfaces()).flat();
    const first = all.find((each) => each?.family === 'IPv6' && each.scopeid !== 0);
    log('network').add('has such addresses', first?.address);
    if (first === undefined || older) return;
    const server = keep(net.createServer((served) => served.end()));
    await event(server.listen(0, '::'), 'listening');
    const { port } = server.address() as { port: number };
    const client = log('client').socket(connect({ port, host: first.address }));
    await closed(client.resume());
    log('client').add('family', client.remoteFamily);
  },

  'an IPv4 address in IPv6': async ({ net, log, keep, event, connect, closed }) => {
    const server = keep(net.createServer());
    server.listen(0, '::');
    await Promise.race([event(server, 'listening'), event(server, 'error')]);
    log('server').add('listening', server.listening, server.address());
    if (!server.listening) return;
    const { port } = server.address() as { port: number };
    server.on('connection', (served) => {
      log('served').state('accepted', served, ENDS);
      served.end();
    });
    const client = log('client')
      .socket(connect({ port, host: '127.0.0.1' }))
      .resume();
    await closed(client);
  },

  counters: async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const COUNTERS = ['bytesRead', 'bytesWritten'];
    log('client').state('new', client, COUNTERS);
    served.write('12345');
    await event(client.resume(), 'data');
    client.write('123');
    client.write('é');
    await event(served.resume(), 'data');
    log('client').state('used', client, COUNTERS);
    served.end();
    await closed(client);
    log('client').state('closed', client, COUNTERS);
    log('served').state('closed', served, ['bytesWritten']);
  },

  'readyState, all of it': async ({ net, listening, log, keep, event, closed }) => {
    const { server, port } = await listening({ allowHalfOpen: true });
    const own = log('client');
    const client = keep(new net.Socket({ allowHalfOpen: true }), 'client');
    own.add('new', client.readyState, client.pending);
    client.connect(port, '127.0.0.1');
    own.add('connecting', client.readyState, client.pending);
    const [served] = (await Promise.all([
      new Promise((resolve) => server.once('connection', resolve)),
      event(client, 'connect'),
    ])) as [import('node:net').Socket, unknown];
    own.add('connected', client.readyState, client.pending);
    client.end();
    own.add('ended', client.readyState);
    await event(served.resume(), 'end');
    log('served').add('end', served.readyState);
    served.end();
    await event(client.resume(), 'end');
    own.add('both', client.readyState);
    await closed(client);
    own.add('closed', client.readyState, client.pending);
  },
});
