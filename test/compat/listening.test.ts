// listen() in all its forms, and what keeps a server from listening.
import * as path from 'node:path';
import { compare } from './harness/compare';
import { loosely } from './harness/scene';

compare(__filename, {
  'every form of listen()': async ({ net, log, keep, folder, closed }) => {
    const base = folder();
    for (const [index, list] of [
      [],
      [0],
      [() => {}],
      [0, () => {}],
      [0, '127.0.0.1'],
      [0, '127.0.0.1', () => {}],
      [0, '127.0.0.1', 5, () => {}],
      [0, 5],
      ['0'],
      [{ port: 0 }, () => {}],
      [{ port: 0, host: '127.0.0.1', backlog: 5, exclusive: true }],
      [{ port: 0, host: '0.0.0.0' }],
      [{ port: 0, host: 'localhost' }],
      [path.join(base, 'a'), () => {}],
      [{ path: path.join(base, 'b') }],
      [{ path: path.join(base, 'c'), readableAll: true, writableAll: true, backlog: 1 }, () => {}],
    ].entries()) {
      const own = log(`form ${index}`);
      const server = keep(own.server(net.createServer()), 'server');
      const args = list.map((arg) => (typeof arg === 'function' ? own.callback('callback') : arg));
      own.call('listen', () => loosely(server)['listen']!(...args));
      own.add('at once', server.listening);
      if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
      own.add('listening', server.listening, server.address());
      server.close(own.callback('close'));
      await closed(server);
      own.add('closed', server.listening, server.address());
    }
  },

  'an address in use': async ({ net, listening, log, keep, event }) => {
    const { port } = await listening();
    const own = log('second');
    const second = keep(own.server(net.createServer()), 'second');
    own.call('listen', () => second.listen(port, '127.0.0.1', own.callback('callback')));
    own.add('at once', second.listening, second.address());
    await event(second, 'error');
    own.add('after', second.listening, second.address());
  },

  'an address in use, and another try': async ({ net, listening, log, keep, event }) => {
    const { port } = await listening();
    const own = log('second');
    const second = keep(own.server(net.createServer()), 'second');
    second.listen(port, '127.0.0.1');
    await event(second, 'error');
    own.call('listen', () => second.listen(0, '127.0.0.1'));
    await event(second, 'listening');
    own.add('listening', second.address());
  },

  'an address in use that nobody listens for': async ({ net, listening, keep, turns }) => {
    const { port } = await listening();
    keep(net.createServer()).listen(port, '127.0.0.1');
    await turns(5);
  },

  'an address that is not here': async ({ net, log, keep, event }) => {
    for (const host of ['192.0.2.1', '::2', 'fe80::1']) {
      const own = log(host);
      const server = keep(own.server(net.createServer()), 'server');
      own.call('listen', () => server.listen(0, host));
      await event(server, 'error');
    }
  },

  'a port for the privileged': async ({ net, log, keep, event, describer }) => {
    const server = keep(log('server').server(net.createServer()), 'server');
    // Of an address that no other process listens on.
    const address = `127.${[16, 8, 0].map((bits) => (process.pid >> bits) & 0xff).join('.')}`;
    describer.nameText(address, 'address');
    server.listen(1, address);
    await Promise.race([event(server, 'listening'), event(server, 'error')]);
    log('server').add('listening', server.listening);
  },

  'a host that is not found': async ({ net, log, keep, event }) => {
    const server = keep(net.createServer(), 'server');
    server.on('error', (error: NodeJS.ErrnoException) => log('server').add('error', error.syscall));
    server.listen(0, 'does-not.exist.invalid');
    await event(server, 'error');
  },

  'listening twice': async ({ net, log, keep, event }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    own.call('listen', () => server.listen(0, '127.0.0.1'));
    own.call('listen', () => server.listen(0, '127.0.0.1'));
    await event(server, 'listening');
    own.call('listen', () => server.listen(0, '127.0.0.1'));
    own.add('listening', server.listening);
  },

  'listening again after close': async ({ net, log, keep, event, closed }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    for (let round = 0; round < 3; round++) {
      server.listen(0, '127.0.0.1', own.callback('callback'));
      await event(server, 'listening');
      own.add('address', server.address());
      server.close();
      await new Promise((resolve) => server.once('close', resolve));
    }
    await closed();
  },

  'listening again within close': async ({ net, log, keep, event }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    server.listen(0, '127.0.0.1');
    await event(server, 'listening');
    server.close(() => server.listen(0, '127.0.0.1'));
    own.add('closing', server.listening);
    await event(server, 'listening');
    own.add('listening', server.listening);
  },

  'closing before it listens': async ({ net, log, keep, closed, turns }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    server.listen(0, '127.0.0.1', own.callback('callback'));
    own.call('close', () => server.close(own.callback('closed')));
    await closed(server);
    await turns(5);
  },

  'closing before the name of its host is found': async ({ net, log, keep, delay }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    server.listen(0, 'localhost', own.callback('callback'));
    own.call('close', () => server.close(own.callback('closed')));
    await delay(100);
    own.add('after', server.listening);
  },

  'the same port for two, exclusively': async ({ net, log, keep, event }) => {
    const first = keep(net.createServer(), 'first');
    first.listen({ port: 0, host: '127.0.0.1', exclusive: true });
    await event(first, 'listening');
    const { port } = first.address() as { port: number };
    const second = keep(log('second').server(net.createServer()), 'second');
    second.listen({ port, host: '127.0.0.1', exclusive: true });
    await event(second, 'error');
  },

  'a port for several': async ({ net, log, keep, describer, event }) => {
    // Where Node has no such option, it works in proactor/net nevertheless.
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isKnown = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
    log('node').add('has the option');
    if (!isKnown) return;
    const options = { port: 0, host: '127.0.0.1', reusePort: true };
    const first = keep(log('first').server(net.createServer()), 'first');
    await new Promise<void>((resolve) => first.listen(options, resolve));
    const { port } = first.address() as { port: number };
    describer.namePort(port, 'shared port');
    const second = keep(log('second').server(net.createServer()), 'second');
    second.listen({ ...options, port });
    await Promise.race([event(second, 'listening'), event(second, 'error')]);
    log('second').add('listening', second.listening);
  },

  'only one family': async ({ net, log, keep, event }) => {
    for (const ipv6Only of [true, false]) {
      const own = log(String(ipv6Only));
      const server = keep(own.server(net.createServer()), 'server');
      server.listen({ port: 0, host: '::', ipv6Only });
      await Promise.race([event(server, 'listening'), event(server, 'error')]);
      own.add('address', server.address());
    }
  },

  'a signal that is aborted': async ({ net, log, keep, closed, event }) => {
    const controller = new AbortController();
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal });
    await event(server, 'listening');
    controller.abort();
    await closed(server);
    own.add('after', server.listening);
  },

  'a signal that was aborted before': async ({ net, log, keep, turns }) => {
    const own = log('server');
    const server = keep(own.server(net.createServer()), 'server');
    own.call('listen', () =>
      server.listen({ port: 0, host: '127.0.0.1', signal: AbortSignal.abort() }),
    );
    await turns(10);
    own.add('after', server.listening);
  },

  'another server as a handle': async ({ net, listening, log, keep, event }) => {
    const { server: first } = await listening();
    const own = log('second');
    const second = keep(own.server(net.createServer((served) => served.end('second'))), 'second');
    own.call('listen', () => second.listen(first));
    await Promise.race([event(second, 'listening'), event(second, 'error')]);
    own.add('address', second.address());
  },

  'things that are no handle': async ({ net, log, keep, turns }) => {
    for (const handle of [{ fd: 0x7fffff }, { fd: 1.5 }, { _handle: {} }, { fd: '0' }]) {
      const own = log(JSON.stringify(handle));
      const server = keep(own.server(net.createServer()), 'server');
      own.call('listen', () => server.listen(handle));
      await turns(3);
      own.add('after', server.listening);
    }
  },

  'the listener of listening throws': async ({ net, log, keep, event, turns }) => {
    const server = keep(net.createServer(), 'server');
    const listening = event(server, 'listening');
    server.listen(0, '127.0.0.1', () => {
      throw new RangeError('thrown in listening');
    });
    await listening;
    await turns(2);
    log('server').add('after', server.listening);
  },
});
