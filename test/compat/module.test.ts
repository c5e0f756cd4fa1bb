// What the module exports, and what its classes are.
import { EventEmitter } from 'node:events';
import * as nodeNet from 'node:net';
import { Duplex } from 'node:stream';
import { inherits } from 'node:util';
import { compare } from './harness/compare';

/** What this package has besides. */
const ADDED = new Set(['useProactor', 'usesProactor', 'fallbackReason', '__esModule']);

type Exports = Readonly<Record<string, unknown>>;

function describeExports(exported: Exports): Record<string, string> {
  // An ES module of this package has the names of what later versions of Node export, too.
  const names = Object.keys(exported).filter(
    (name) => !ADDED.has(name) && exported[name] !== undefined,
  );
  return Object.fromEntries(names.sort().map((name) => [name, typeof exported[name]]));
}

compare(
  __filename,
  {
    'exports by require()': ({ net, log }) => {
      const exported = describeExports(net as unknown as Exports);
      for (const [name, type] of Object.entries(exported)) log('exports').add(name, type);
    },

    'exports by import': async ({ net, log }) => {
      const name = (net as unknown) === nodeNet ? 'node:net' : 'proactor/net';
      const imported = (await import(name)) as Exports;
      for (const [key, type] of Object.entries(describeExports(imported)))
        log('exports').add(key, type);
      log('exports').add(
        'default is the module',
        Object.keys(imported['default'] as object).length > 5,
      );
    },

    'functions have the names and lengths': ({ net, log }) => {
      for (const [name, value] of Object.entries(net as unknown as Exports)) {
        if (typeof value !== 'function' || ADDED.has(name)) continue;
        log(name).add('function', value.name, value.length);
      }
    },

    'aliases are the same': ({ net, log }) => {
      const { Stream, Socket, connect, createConnection } = net as unknown as Exports;
      log('aliases').add('Stream', Stream === Socket);
      log('aliases').add('createConnection', connect === createConnection);
    },

    'sockets and servers are instances of what they are of': ({ net, log, keep }) => {
      const socket = keep(new net.Socket());
      const server = keep(net.createServer());
      const own = log('instances');
      own.add('socket', socket instanceof net.Socket, socket instanceof nodeNet.Socket);
      own.add('stream', socket instanceof Duplex, socket instanceof EventEmitter);
      own.add('server', server instanceof net.Server, server instanceof nodeNet.Server);
      own.add('emitter', server instanceof EventEmitter);
      own.add('names', socket.constructor.name, server.constructor.name);
      own.add('tags', String(socket), Object.prototype.toString.call(server));
    },

    'classes can be called without new': ({ net, log, keep }) => {
      const { Socket, Server } = net as unknown as Record<string, (options?: object) => object>;
      log('calls').call('Socket', () => keep(Socket!()) instanceof net.Socket);
      log('calls').call('Server', () => keep(Server!()) instanceof net.Server);
    },

    'classes can be inherited from': async ({ net, log, listening, closed, keep }) => {
      class Own extends net.Socket {
        readonly kind = 'own';
        override end(...args: unknown[]): this {
          log('own').add('end');
          return (super.end as (...args: unknown[]) => this)(...args);
        }
      }
      const { port } = await listening({}, (served) => served.end('hello'));
      const socket = keep(log('own').socket(new Own({ allowHalfOpen: false }), 'data'));
      socket.connect(port, '127.0.0.1');
      await closed(socket);
      log('own').add('kind', socket.kind, socket instanceof net.Socket);
    },

    'classes can be inherited from as of old': async ({ net, log, keep, closed, connect }) => {
      function OldServer(this: nodeNet.Server, onConnection: () => void): void {
        (net.Server as unknown as (this: object, listener: () => void) => void).call(
          this,
          onConnection,
        );
      }
      inherits(OldServer, net.Server);
      const Constructor = OldServer as unknown as new (
        onConnection: (socket: nodeNet.Socket) => void,
      ) => nodeNet.Server;
      const server = keep(new Constructor((served) => served.end('bye')));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as nodeNet.AddressInfo;
      const client = log('client').socket(connect({ port, host: '127.0.0.1' }), 'data');
      await closed(client);
      log('client').add('server', server instanceof net.Server);
    },

    'what is inspected': ({ net, log, keep }) => {
      for (const each of [keep(new net.Socket()), keep(net.createServer())]) {
        const own = Object.keys(each).filter((name) => !/^_/.test(name));
        log('keys').add(each.constructor.name, own.sort());
      }
    },

    'prototypes have the members': ({ net, log }) => {
      for (const name of ['Socket', 'Server'] as const) {
        const names = new Set<string>();
        let prototype: object = net[name].prototype;
        while (prototype !== EventEmitter.prototype) {
          for (const key of Object.getOwnPropertyNames(prototype)) names.add(key);
          prototype = Object.getPrototypeOf(prototype) as object;
        }
        names.delete('disableRenegotiation'); // a method of TLS sockets: undefined, but asked for by HTTP/2
        log(name).add('members', [...names].sort());
      }
    },

    'a socket has no method of TLS': ({ net, log }) => {
      const socket = new net.Socket() as { disableRenegotiation?: unknown };
      log('socket').add('method', typeof socket.disableRenegotiation);
      log('socket').add('keys', Object.keys(socket).includes('disableRenegotiation'));
    },

    addresses: ({ net, log }) => {
      const own = log('addresses');
      for (const text of ['1.2.3.4', '::1', '::ffff:1.2.3.4', '1.2.3', '', 'a%1', 'fe80::1%eth0']) {
        own.add(text, net.isIP(text), net.isIPv4(text), net.isIPv6(text));
      }
      const list = new net.BlockList();
      list.addRange('10.0.0.1', '10.0.0.9');
      own.add('blocked', list.check('10.0.0.5'), list.check('10.0.1.1'), list.rules);
      const { address, family, port } = new net.SocketAddress({ address: '1.2.3.4', port: 80 });
      own.add('address', address, family, port);
    },
  },
  { offline: false },
);
