// Resets, by either side, and what writing into one meets.
import { compare } from './harness/compare';
import { MUCH, type Scene } from './harness/scene';

/** A client whose connection was reset a while ago. */
async function resetAWhileAgo({ pair, log, closed, delay }: Scene) {
  const { client, served } = await pair();
  const own = log('client');
  own.socket(client);
  served.resetAndDestroy();
  await closed(served);
  await delay(20);
  return { client, own };
}

compare(__filename, {
  'resetAndDestroy() of a connected socket': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    log('served').socket(served).resume();
    log('client').call('reset', () => client.resetAndDestroy());
    log('client').state('reset', client);
    await closed(client, served);
    log('served').state('after', served);
  },

  'resetAndDestroy() of the accepted one': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    log('client').socket(client).resume();
    log('served').socket(served);
    served.resetAndDestroy();
    await closed(client, served);
    log('client').state('after', client, ['errored', 'readableEnded', 'destroyed']);
  },

  'resetAndDestroy() while connecting': async ({ listening, connect, log, closed }) => {
    const { port } = await listening({}, (served) => {
      served.on('error', () => {}).resume();
    });
    const client = log('client').socket(connect({ port, host: '127.0.0.1' }));
    log('client').call('reset', () => client.resetAndDestroy());
    log('client').state('reset', client, ['connecting', 'destroyed']);
    await closed(client);
  },

  'resetAndDestroy() of a connection that is refused': async ({
    connect,
    closedPort,
    log,
    closed,
  }) => {
    const client = log('client').socket(connect({ port: await closedPort(), host: '127.0.0.1' }));
    client.resetAndDestroy();
    await closed(client);
  },

  'resetAndDestroy() of one that was never connected': async ({ net, log, keep, turns }) => {
    const client = keep(log('client').socket(new net.Socket()), 'client');
    log('client').call('reset', () => client.resetAndDestroy());
    await turns(3);
    log('client').state('after', client, ['destroyed', 'errored']);
  },

  'resetAndDestroy() twice': async ({ pair, log, closed, turns }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    served.on('error', () => {}).resume();
    log('client').call('reset', () => client.resetAndDestroy());
    log('client').call('reset', () => client.resetAndDestroy());
    await closed(client, served);
    log('client').call('reset', () => client.resetAndDestroy());
    await turns(3);
  },

  'resetAndDestroy() after end()': async ({ pair, log, turns }) => {
    const { client, served } = await pair({ server: { allowHalfOpen: true } });
    log('client').socket(client);
    served.on('error', () => {}).resume();
    client.end();
    log('client').call('reset', () => client.resetAndDestroy());
    await turns(20);
    log('client').state('after', client, ['destroyed', 'writable', 'readyState']);
  },

  'resetAndDestroy() with writes that wait': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    served.on('error', () => {}).pause();
    client.write(Buffer.alloc(MUCH), own.callback('written much'));
    client.write('some', own.callback('written some'));
    client.resetAndDestroy();
    await closed(client);
  },

  'a reset that meets a socket that does not read': async ({ pair, log, closed, turns, delay }) => {
    const { client, served } = await pair();
    log('client').socket(client);
    client.pause();
    served.resetAndDestroy();
    await closed(served);
    await delay(20);
    await turns(3);
    log('client').state('paused', client, ['destroyed', 'readable', 'errored']);
    client.resume();
    await closed(client);
  },

  'a reset behind data': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    log('client').socket(client, 'data');
    served.write('before');
    await event(client, 'data');
    served.resetAndDestroy();
    await closed(client);
  },

  'writing after a reset': async ({ pair, log, closed, event }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.socket(client);
    client.resume();
    served.resetAndDestroy();
    await event(client, 'error');
    own.call('write', () => client.write('late', own.callback('written')));
    await closed(client);
    own.state('after', client, ['errored', 'writableLength']);
  },

  'writing to one that has closed': async ({ pair, log, closed, delay, event }) => {
    const { client, served } = await pair({ client: { allowHalfOpen: true } });
    const own = log('client');
    own.socket(client).resume();
    served.destroy();
    await Promise.all([closed(served), event(client, 'end')]);
    own.call('write', () => client.write('answered with a reset', own.callback('written')));
    await delay(30);
    if (!client.destroyed) own.call('write', () => client.write('x', own.callback('written late')));
    await closed(client);
  },

  'a write that waits meets a reset': async ({ pair, log, closed }) => {
    const { client, served } = await pair();
    const own = log('client');
    own.on(client, 'close');
    client.on('error', (error) => own.add('error', error.constructor.name));
    client.write(Buffer.alloc(MUCH));
    client.write('some', (error) => log('write').add('written some', error?.constructor.name));
    setImmediate(() => served.resetAndDestroy());
    // Whether the receive meets it or the send is up to the kernel, and so are what the error says and the order.
    await closed(client);
    own.state('after', client, ['writableLength', 'writableFinished']);
  },

  'a reset behind an answer, in the middle of an upload': async ({ pair, log, closed, delay }) => {
    const { client, served } = await pair({ server: { pauseOnConnect: true } });
    const own = log('client');
    own.on(client, 'data', 'end', 'close');
    // Whether the receive meets it or the send is up to the kernel.
    client.on('error', (error: NodeJS.ErrnoException) =>
      own.add('error', /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')),
    );
    client.write(Buffer.alloc(MUCH));
    served.write('answer');
    await delay(30);
    served.resetAndDestroy();
    await closed(client);
    own.state('after', client, ['writableFinished', 'readableEnded']);
  },

  'a large write into a connection that was reset': async (scene) => {
    const { client, own } = await resetAWhileAgo(scene);
    own.call('write', () => client.write(Buffer.alloc(1 << 20), own.callback('written')));
    own.call('write', () => client.write('some', own.callback('written some')));
    await scene.closed(client);
    own.state('after', client, ['errored', 'writableLength']);
  },

  'the same of a socket that does not read': async ({ pair, log, closed, delay }) => {
    const { client, served } = await pair({ server: { pauseOnConnect: true } });
    const own = log('served');
    own.socket(served);
    client.resetAndDestroy();
    await closed(client);
    await delay(20);
    own.call('write', () => served.write(Buffer.alloc(1 << 20), own.callback('written')));
    await closed(served);
    own.state('after', served, ['errored', 'writableLength']);
  },

  'the end of a connection that was reset': async (scene) => {
    const { client, own } = await resetAWhileAgo(scene);
    own.call('end', () => client.end(own.callback('ended')));
    await scene.delay(20);
    own.state('then', client, ['errored', 'destroyed', 'writableFinished']);
    client.destroy();
    await scene.closed(client);
  },

  'a connection is reset before it is accepted': async ({ listening, connect, log, closed }) => {
    const accepted: Promise<unknown>[] = [];
    const { port } = await listening({}, (served) => {
      log('served').socket(served).resume();
      accepted.push(closed(served));
    });
    const client = connect({ port, host: '127.0.0.1' });
    client.on('connect', () => client.resetAndDestroy());
    await closed(client);
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await accepted[0];
  },

  'a reset of a Unix domain socket': async ({ net, folder, keep, log, turns }) => {
    const path = `${folder()}/socket`;
    const server = keep(net.createServer((served) => served.resume()));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = keep(net.connect(path), 'client');
    log('client').socket(client);
    await new Promise((resolve) => client.once('connect', resolve));
    log('client').call('reset', () => client.resetAndDestroy());
    await turns(5);
    log('client').state('after', client, ['destroyed', 'readyState']);
  },
});
