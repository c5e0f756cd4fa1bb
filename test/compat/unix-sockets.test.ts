// Unix domain sockets: paths, permissions, the abstract namespace.
import * as fs from 'node:fs';
import type { Server } from 'node:net';
import * as path from 'node:path';
import { compare } from './harness/compare';
import type { Scene } from './harness/scene';

async function listenOn({ net, keep, log, event }: Scene, options: object): Promise<Server> {
  const server = keep(
    log('server').server(net.createServer((served) => served.end('hello'))),
    'server',
  );
  server.listen(options);
  await Promise.race([event(server, 'listening'), event(server, 'error')]);
  return server;
}

compare(__filename, {
  'a path': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const name = path.join(folder(), 'socket');
    const server = await listenOn(scene, { path: name });
    log('server').add('address', server.address(), fs.statSync(name).isSocket());
    const client = log('client').socket(connect({ path: name }), 'data');
    log('client').state('connecting', client, ['connecting', 'pending', 'remoteAddress']);
    client.once('connect', () => log('client').state('connected', client));
    await closed(client);
    log('client').state('after', client, ['remoteAddress', 'bytesRead']);
  },

  'the file is gone with the server': async (scene) => {
    const { folder, log, closed } = scene;
    const name = path.join(folder(), 'socket');
    const server = await listenOn(scene, { path: name });
    server.close();
    await closed(server);
    log('server').add('exists', fs.existsSync(name));
    const again = await listenOn(scene, { path: name });
    log('server').add('again', again.listening);
  },

  'the file was removed before': async (scene) => {
    const { folder, closed } = scene;
    const name = path.join(folder(), 'socket');
    const server = await listenOn(scene, { path: name });
    fs.unlinkSync(name);
    server.close();
    await closed(server);
  },

  'what the server sees of a connection': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const name = path.join(folder(), 'socket');
    const server = await listenOn(scene, { path: name });
    server.on('connection', (served) => {
      log('served').state('accepted', served);
      log('served').add('address', served.address());
    });
    await closed(connect({ path: name }).resume());
  },

  permissions: async (scene) => {
    const { folder, log } = scene;
    const base = folder();
    for (const [name, options] of Object.entries({
      none: {},
      readable: { readableAll: true },
      writable: { writableAll: true },
      both: { readableAll: true, writableAll: true },
    })) {
      const file = path.join(base, name);
      await listenOn(scene, { path: file, ...options });
      log('modes').add(name, (fs.statSync(file).mode & 0o777).toString(8));
    }
  },

  'paths that just fit, and one that does not': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const base = `${folder()}/`;
    for (const length of [107, 108, 109]) {
      const name = base + 'x'.repeat(length - base.length);
      const server = await listenOn(scene, { path: name });
      log('server').add('listening', server.listening);
      const client = log(`client ${length}`).socket(connect({ path: name }), 'data');
      await closed(client);
      if (!server.listening) continue;
      server.close();
      await closed(server);
    }
  },

  'a path in use': async (scene) => {
    const name = path.join(scene.folder(), 'socket');
    await listenOn(scene, { path: name });
    const second = await listenOn(scene, { path: name });
    scene.log('second').add('listening', second.listening);
  },

  'a file that is no socket': async (scene) => {
    const name = path.join(scene.folder(), 'file');
    fs.writeFileSync(name, 'content');
    await listenOn(scene, { path: name });
    scene.log('file').add('content', fs.readFileSync(name, 'utf8'));
  },

  'a folder that does not exist': (scene) =>
    listenOn(scene, { path: path.join(scene.folder(), 'none', 'socket') }),

  'folders where nobody can': async (scene) => {
    for (const folder of ['/proc', '/sys', '/dev/null']) {
      await listenOn(scene, { path: `${folder}/socket` });
      const client = scene.log(folder).socket(scene.connect({ path: `${folder}/socket` }));
      await scene.closed(client);
    }
  },

  'a path that is too long': (scene) =>
    listenOn(scene, { path: path.join(scene.folder(), 'x'.repeat(120)) }),

  'a relative path': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const base = folder();
    const before = process.cwd();
    process.chdir(base);
    try {
      const server = await listenOn(scene, { path: 'relative' });
      log('server').add('address', server.address());
      await closed(log('client').socket(connect({ path: './relative' }), 'data'));
      server.close();
      await closed(server);
      log('server').add('left', fs.readdirSync(base));
    } finally {
      process.chdir(before);
    }
  },

  'the abstract namespace': async (scene) => {
    const { log, connect, closed, describer } = scene;
    const name = `\0compat-${process.pid}-${Date.now()}`;
    describer.nameText(name.slice(1), 'abstract');
    const server = await listenOn(scene, { path: name });
    log('server').add('address', server.address());
    await closed(log('client').socket(connect({ path: name }), 'data'));
    server.close();
    await closed(server);
    await closed(log('refused').socket(connect({ path: name })));
  },

  'names with odd letters': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const name = path.join(folder(), 'é ü\n😀');
    await listenOn(scene, { path: name });
    await closed(log('client').socket(connect({ path: name }), 'data'));
  },

  'half-open, both ways': async ({ net, keep, folder, apart, log, connect, closed }) => {
    const name = path.join(folder(), 'socket');
    const server = keep(net.createServer({ allowHalfOpen: true }));
    server.on('connection', (served) => {
      log('served').socket(served, 'data');
      served.on('end', () => served.end('after your end'));
    });
    await new Promise<void>((resolve) => server.listen(name, resolve));
    const client = apart('client', connect({ path: name }));
    client.end('request');
    await closed(client);
  },

  'much data': async ({ net, keep, folder, apart, log, connect, closed }) => {
    const name = path.join(folder(), 'socket');
    const server = keep(net.createServer((served) => served.pipe(served)));
    await new Promise<void>((resolve) => server.listen(name, resolve));
    const client = apart('client', connect({ path: name }));
    client.end(Buffer.alloc(3_000_000, 'unix domain '));
    await closed(client);
    log('client').state('after', client, ['bytesRead', 'bytesWritten']);
  },

  'options that are for TCP': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const name = path.join(folder(), 'socket');
    await listenOn(scene, { path: name });
    const client = connect({ path: name, noDelay: true, keepAlive: true, localPort: 1, family: 6 });
    log('client').socket(client, 'data');
    log('client').call('setNoDelay', () => client.setNoDelay(true));
    log('client').call('setKeepAlive', () => client.setKeepAlive(true, 1000));
    await closed(client);
  },

  'a path goes before a port': async (scene) => {
    const { folder, log, connect, closed } = scene;
    const name = path.join(folder(), 'socket');
    await listenOn(scene, { path: name });
    await closed(log('client').socket(connect({ path: name, port: 1, host: 'nowhere' }), 'data'));
  },
});
