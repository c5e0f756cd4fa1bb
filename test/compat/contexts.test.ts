// Asynchronous contexts: which one each event and callback runs in.
import { AsyncLocalStorage, createHook, executionAsyncId, triggerAsyncId } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { compare } from './harness/compare';
import { MUCH, type Scene } from './harness/scene';

const storage = new AsyncLocalStorage<string>();

/** Notes the context of each event; in a log for each, since a socket's two directions are independent. */
function follow({ log }: Scene, participant: string, socket: Socket): void {
  for (const name of ['connect', 'ready', 'data', 'end', 'error', 'close', 'finish'])
    socket.on(name, () => log(`${participant}, ${name}`).add('in', storage.getStore()));
}

/** What made what: each asynchronous resource by its id, with that of its cause. */
function watchCauses(): { readonly causes: ReadonlyMap<number, number>; stop(): void } {
  const causes = new Map<number, number>();
  const hook = createHook({ init: (id, _type, cause) => void causes.set(id, cause) }).enable();
  return { causes, stop: () => void hook.disable() };
}

function leadsTo(causes: ReadonlyMap<number, number>, from: number, goal: number): boolean {
  for (let id: number | undefined = from; id !== undefined; id = causes.get(id)) {
    if (id === goal) return true;
  }
  return false;
}

compare(__filename, {
  'events of a client': async (scene) => {
    const { listening, connect, log, closed } = scene;
    const { port } = await listening({}, (served) => served.end('hello'));
    await storage.run('of connect', async () => {
      const client = connect({ port, host: '127.0.0.1' }, () =>
        log('client').add('callback', storage.getStore()),
      );
      storage.run('of listeners', () => follow(scene, 'client', client));
      await closed(client);
      log('client').add('awaited', storage.getStore());
    });
  },

  'events of a socket made in another context than it connects in': async (scene) => {
    const { net, listening, keep, closed } = scene;
    const { port } = await listening({}, (served) => served.end('hello'));
    const client = storage.run('of new', () => keep(new net.Socket(), 'client'));
    follow(scene, 'client', client);
    storage.run('of connect', () => client.connect(port, '127.0.0.1'));
    await closed(client);
  },

  'events of a server': async (scene) => {
    const { net, log, keep, connect, closed, event } = scene;
    const server = storage.run('of createServer', () => keep(net.createServer(), 'server'));
    for (const name of ['listening', 'connection', 'close']) {
      server.on(name, () => log('server').add(name, storage.getStore()));
    }
    server.on('connection', (served) => {
      follow(scene, 'served', served);
      storage.run('of the handler', () => {
        served.write('x', () => log('served').add('written', storage.getStore()));
        served.end(() => log('served').add('ended', storage.getStore()));
      });
    });
    storage.run('of listen', () => server.listen(0, '127.0.0.1'));
    await event(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = storage.run('of the client', () => connect({ port, host: '127.0.0.1' }));
    client.end('request');
    client.resume();
    await closed(client);
    storage.run('of close', () =>
      server.close(() => log('server').add('closed', storage.getStore())),
    );
    await closed(server);
  },

  'callbacks of a client': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    served.resume();
    const note = (what: string) => () => log('client').add(what, storage.getStore());
    storage.run('of write', () => client.write('x', note('written')));
    storage.run('of much', () => client.write(Buffer.alloc(MUCH), note('much is written')));
    storage.run('of end', () => client.end(note('ended')));
    await closed(client, served);
  },

  'a failure to connect': async (scene) => {
    const { connect, closedPort, closed } = scene;
    const port = await closedPort();
    const client = storage.run('of connect', () => connect({ port, host: '127.0.0.1' }));
    follow(scene, 'client', client);
    await closed(client);
  },

  'a write that fails': async (scene) => {
    const { pair, log, closed } = scene;
    const { client, served } = await pair();
    served.pause();
    follow(scene, 'client', client);
    const note = (): void => log('client').add('written', storage.getStore());
    storage.run('of write', () => client.write(Buffer.alloc(MUCH), note));
    storage.run('of destroy', () => client.destroy(new Error('mine')));
    await closed(client);
  },

  'a timeout': async ({ pair, log, event }) => {
    const { client } = await pair();
    const note = (): void => log('client').add('timeout', storage.getStore());
    storage.run('of setTimeout', () => client.setTimeout(20, note));
    await event(client, 'timeout');
  },

  'an iteration': async ({ pair, log }) => {
    const { client, served } = await pair();
    served.end('hello');
    await storage.run('of the loop', async () => {
      for await (const _ of client) log('client').add('data', storage.getStore());
      log('client').add('end', storage.getStore());
    });
  },

  'getConnections and listen': async ({ net, keep, log, event }) => {
    const server = keep(net.createServer());
    storage.run('of listen', () =>
      server.listen(0, '127.0.0.1', () => log('server').add('listening', storage.getStore())),
    );
    await event(server, 'listening');
    await new Promise<void>((resolve) =>
      storage.run('of getConnections', () =>
        server.getConnections(() => {
          log('server').add('counted', storage.getStore());
          resolve();
        }),
      ),
    );
  },

  'many connections keep their own': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => served.pipe(served));
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        storage.run(`client ${index}`, async () => {
          const client = connect({ port, host: '127.0.0.1' });
          client.on('data', (data: Buffer) => {
            log(`client ${index}`).add('data', String(data), storage.getStore());
          });
          client.end(`from ${index}`);
          await closed(client);
        }),
      ),
    );
  },

  'each event has an asynchronous id, and a cause': async ({ listening, connect, log, closed }) => {
    const { causes, stop } = watchCauses();
    const { port } = await listening({}, (served) => {
      log('served').add('connection', executionAsyncId() > 0, triggerAsyncId() > 0);
      served.on('data', () => log('served').add('data', executionAsyncId() > 0));
      served.resume();
    });
    const client = connect({ port, host: '127.0.0.1' });
    const outer = executionAsyncId();
    for (const name of ['connect', 'data', 'end', 'close', 'finish']) {
      client.on(name, () => {
        const isCaused = leadsTo(causes, executionAsyncId(), outer);
        log('client').add(name, executionAsyncId() > 0, isCaused);
      });
    }
    client.write('x', () =>
      log('client').add('written', leadsTo(causes, executionAsyncId(), outer)),
    );
    client.end();
    await closed(client);
    stop();
  },

  'a connection is caused by its server': async ({ listening, connect, log, closed }) => {
    const { causes, stop } = watchCauses();
    const outer = executionAsyncId();
    const { port } = await listening({}, (served) => {
      log('served').add('connection', leadsTo(causes, executionAsyncId(), outer));
      served.on('data', () =>
        log('served').add('data', leadsTo(causes, executionAsyncId(), outer)),
      );
      served.on('close', () =>
        log('served').add('close', leadsTo(causes, executionAsyncId(), outer)),
      );
    });
    const client = connect({ port, host: '127.0.0.1' });
    client.resume().end('x');
    await closed(client);
    stop();
  },
});
