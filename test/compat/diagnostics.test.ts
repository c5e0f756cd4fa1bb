// What Node tells others about connections: diagnostics channels, performance entries, active resources.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { PerformanceObserver } from 'node:perf_hooks';
import { compare } from './harness/compare';

compare(__filename, {
  'diagnostics channels': async ({ pair, log, closed, atEnd }) => {
    const names = [
      'net.client.socket',
      'net.server.socket',
      'tracing:net.server.listen:asyncStart',
      'tracing:net.server.listen:asyncEnd',
      'tracing:net.server.listen:error',
    ];
    for (const name of names) {
      const listener = (message: unknown): void =>
        log(name).add('message', Object.keys(message as object), message);
      subscribe(name, listener);
      atEnd(() => unsubscribe(name, listener));
    }
    const { client, served } = await pair();
    served.end();
    await closed(client.resume());
    log('names').add('subscribed', names.length);
  },

  'performance entries': async ({ pair, log, closed, atEnd, delay }) => {
    const observer = new PerformanceObserver((list) => {
      for (const { name, entryType, detail } of list.getEntries() as unknown as {
        name: string;
        entryType: string;
        detail?: unknown;
      }[]) {
        log('entries').add('entry', entryType, name, detail);
      }
    });
    observer.observe({ entryTypes: ['net'] });
    atEnd(() => observer.disconnect());
    const { client, served } = await pair();
    served.end();
    await closed(client.resume());
    await delay(20);
  },

  'performance entries of paths and failures': async (scene) => {
    const { net, keep, folder, connect, closedPort, log, closed, atEnd, delay } = scene;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { name, detail } = entry as unknown as { name: string; detail?: unknown };
        log('entries').add('entry', name, detail);
      }
    });
    observer.observe({ entryTypes: ['net'] });
    atEnd(() => observer.disconnect());
    const path = `${folder()}/socket`;
    const server = keep(net.createServer((served) => served.end()));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await closed(connect({ path }).resume());
    const refused = connect({ port: await closedPort(), host: '127.0.0.1' });
    refused.on('error', () => {});
    await closed(refused);
    await delay(20);
    log('entries').add('waited');
  },
});
