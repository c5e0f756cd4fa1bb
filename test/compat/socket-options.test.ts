// The options that sockets have with the kernel, as getsockopt(2) tells them.
import type { NetConnectOpts, Server, Socket } from 'node:net';
import { addon } from '#lib/ring/binding';
import * as kernel from '#lib/ring/kernel';
import { compare } from './harness/compare';
import { loosely, type Scene } from './harness/scene';

const OPTIONS: Readonly<Record<string, readonly [level: number, name: number]>> = {
  keepAlive: [kernel.SOL_SOCKET, kernel.SO_KEEPALIVE],
  keepAliveDelay: [kernel.IPPROTO_TCP, kernel.TCP_KEEPIDLE],
  keepAliveInterval: [kernel.IPPROTO_TCP, kernel.TCP_KEEPINTVL],
  keepAliveCount: [kernel.IPPROTO_TCP, kernel.TCP_KEEPCNT],
  noDelay: [kernel.IPPROTO_TCP, kernel.TCP_NODELAY],
  reuseAddress: [kernel.SOL_SOCKET, kernel.SO_REUSEADDR],
  reusePort: [kernel.SOL_SOCKET, kernel.SO_REUSEPORT],
  only6: [kernel.IPPROTO_IPV6, kernel.IPV6_V6ONLY],
  typeOfService: [kernel.IPPROTO_IP, kernel.IP_TOS],
};

// The option reusePort is here on older versions as well.
const sharesPorts = Number.parseInt(process.versions.node, 10) >= 24;

/** All of them; what a socket of that kind does not have is undefined. */
function optionsOf(owner: Socket | Server): Record<string, number | undefined> {
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const entries = Object.entries(OPTIONS).map(([key, [level, name]]) => [
    key,
    addon!.getOption(fd, level, name),
  ]);
  return Object.fromEntries(entries) as Record<string, number | undefined>;
}

/** Notes what both ends of a connection have, made with these options. */
async function noteBoth(
  { pair, log }: Scene,
  label: string,
  client: object,
  server: object,
): Promise<void> {
  const both = await pair({ client, server });
  log(label).add('client', optionsOf(both.client));
  log(label).add('served', optionsOf(both.served));
  log(label).add('server', optionsOf(both.server));
}

const KEEPING = [
  { keepAlive: true },
  { keepAlive: true, keepAliveInitialDelay: 1500 },
  { keepAlive: true, keepAliveInitialDelay: 500 },
  { keepAlive: true, keepAliveInitialDelay: 60_000 },
  { keepAlive: false, keepAliveInitialDelay: 60_000 },
];

compare(__filename, {
  'without any': (scene) => noteBoth(scene, 'none', {}, {}),

  'of a client': async (scene) => {
    for (const options of [{ noDelay: true }, ...KEEPING]) {
      await noteBoth(scene, JSON.stringify(options), options, {});
    }
  },

  'of a server': async (scene) => {
    for (const options of [{ noDelay: true }, ...KEEPING]) {
      await noteBoth(scene, JSON.stringify(options), {}, options);
    }
  },

  'turned on and off': async ({ pair, log }) => {
    const { client } = await pair();
    const own = log('client');
    for (const [method, ...args] of [
      ['setNoDelay'],
      ['setNoDelay', false],
      ['setNoDelay', true],
      ['setKeepAlive', true],
      ['setKeepAlive', true, 2000],
      ['setKeepAlive', true, 3000],
      ['setKeepAlive', true, 0],
      ['setKeepAlive', false],
      ['setKeepAlive', true, 4000],
      ['setKeepAlive'],
      ['setKeepAlive', true, 5000, 2000, 3],
      ['setKeepAlive', true, 5000, 500],
    ] as [string, ...unknown[]][]) {
      loosely(client)[method]!(...args);
      own.add(method, args, optionsOf(client));
    }
  },

  'a type of service, where this Node has it': async ({
    net,
    listening,
    pair,
    keep,
    log,
    event,
  }) => {
    const own = log('client');
    const { client } = await pair({ client: { typeOfService: 8 } as object });
    own.add('option', optionsOf(client));
    if (!('setTypeOfService' in client)) return;
    const { setTypeOfService, getTypeOfService } = loosely(client);
    own.call('get', () => getTypeOfService!());
    for (const value of [16, 255, 0, 256, -1, 'x', undefined]) {
      own.call('set', () => setTypeOfService!(value));
      own.add('is', optionsOf(client), getTypeOfService!());
    }
    const { port } = await listening();
    const late = keep(new net.Socket(), 'late');
    loosely(late)['setTypeOfService']!(32);
    late.connect(port, '127.0.0.1');
    await event(late, 'connect');
    own.add('late', optionsOf(late), loosely(late)['getTypeOfService']!());
  },

  'turned on before it is connected': async ({ net, listening, keep, log, event }) => {
    const { port } = await listening();
    const client = keep(new net.Socket(), 'client');
    client.setNoDelay(true).setKeepAlive(true, 5000);
    client.connect(port, '127.0.0.1');
    client.setKeepAlive(true, 7000);
    await event(client, 'connect');
    log('client').add('connected', optionsOf(client));
  },

  'of a socket that connects again': async ({ net, listening, keep, log, event }) => {
    const { port } = await listening({}, (served) => served.resume());
    const client = keep(new net.Socket({ noDelay: true, keepAlive: true } as object), 'client');
    for (let round = 0; round < 2; round++) {
      client.connect(port, '127.0.0.1');
      await event(client, 'connect');
      log('client').add('connected', optionsOf(client));
      client.destroy();
      await event(client, 'close');
    }
  },

  'of a socket with a local address': async ({ listening, connect, log, event }) => {
    const { port } = await listening();
    const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    await event(client, 'connect');
    log('client').add('connected', optionsOf(client));
  },

  'of servers on other addresses': async ({ net, keep, log, event }) => {
    const shared = sharesPorts ? [{ host: '127.0.0.1', reusePort: true }] : [];
    const only6 = { host: '::', ipv6Only: true };
    for (const options of [{}, { host: '::' }, { host: '::1' }, only6, ...shared]) {
      const server = keep(net.createServer(), 'server');
      server.listen({ port: 0, ...options });
      await event(server, 'listening');
      log(JSON.stringify(options)).add('listening', optionsOf(server));
    }
  },

  'of Unix domain sockets': async ({ net, folder, keep, log, event }) => {
    const path = `${folder()}/socket`;
    const server = keep(net.createServer({ noDelay: true, keepAlive: true }), 'server');
    server.listen(path);
    await event(server, 'listening');
    const accepted = event(server, 'connection');
    const client = keep(
      net.connect({ path, noDelay: true, keepAlive: true } as NetConnectOpts),
      'client',
    );
    await event(client, 'connect');
    await accepted;
    log('server').add('listening', optionsOf(server));
    log('client').add('connected', optionsOf(client));
  },
});
