// The same in a worker thread, where the event loop and the proactor are others.
import { compare } from './harness/compare';

compare(
  __filename,
  {
    'a connection': async ({ pair, apart, log, closed }) => {
      const { client, served } = await pair();
      apart('client', client);
      apart('served', served);
      served.pipe(served);
      client.write('to a worker', log('client').callback('written'));
      client.end();
      await closed(client, served);
      log('client').state('after', client);
    },

    'much in both directions': async ({ pair, apart, closed }) => {
      const { client, served } = await pair();
      apart('client', client);
      served.pipe(served);
      for (let i = 0; i < 30; i++) client.write(Buffer.alloc(100_000, `part ${i},`));
      client.end();
      await closed(client, served);
    },

    'a refusal': async ({ connect, closedPort, log, closed }) => {
      const client = log('client').socket(connect({ port: await closedPort(), host: '127.0.0.1' }));
      await closed(client);
    },

    'a Unix domain socket': async ({ net, keep, folder, connect, log, closed }) => {
      const path = `${folder()}/socket`;
      const server = keep(log('server').server(net.createServer((served) => served.end('hello'))));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      await closed(log('client').socket(connect({ path }), 'data'));
    },

    'a handler that throws': async ({ pair, log, closed }) => {
      const { client, served } = await pair();
      log('client').socket(client);
      client.on('data', () => {
        throw new RangeError('thrown in a worker');
      });
      served.end('x');
      await closed(client);
    },

    'a timeout': async ({ pair, log, event }) => {
      const { client } = await pair();
      log('client').socket(client);
      client.setTimeout(20);
      await event(client, 'timeout');
    },
  },
  { worker: true },
);
