// AbortSignals, of sockets and streams.
import { addAbortSignal } from 'node:stream';
import { compare } from './harness/compare';

compare(__filename, {
  'of a socket that connects': async ({ listening, connect, log, closed }) => {
    const { port } = await listening();
    const controller = new AbortController();
    const own = log('client');
    const client = own.socket(connect({ port, host: '127.0.0.1', signal: controller.signal }));
    controller.abort();
    own.state('aborted', client, ['destroyed', 'connecting']);
    await closed(client);
  },

  'of a socket that is connected': async ({ pair, log, closed }) => {
    const controller = new AbortController();
    const { client, served } = await pair({ client: { signal: controller.signal } });
    log('client').socket(client);
    served.resume();
    controller.abort(new RangeError('my reason'));
    await closed(client, served);
    log('client').state('after', client, ['errored', 'destroyed']);
  },

  'that was aborted before': async ({ net, listening, connect, log, closed, keep }) => {
    const { port } = await listening();
    const own = log('client');
    const signal = AbortSignal.abort();
    const client = own.call('connect', () => connect({ port, host: '127.0.0.1', signal }));
    if (client !== undefined) await closed(own.socket(client));
    own.call('new', () => own.socket(keep(new net.Socket({ signal }), 'socket')));
  },

  'of a socket that was closed': async ({ pair, log, closed, turns }) => {
    const controller = new AbortController();
    const { client, served } = await pair({ client: { signal: controller.signal } });
    log('client').socket(client).resume();
    served.end();
    await closed(client);
    controller.abort();
    await turns(3);
    log('client').state('after', client, ['errored']);
  },

  'with which a stream is given a signal': async ({ pair, log, closed }) => {
    const controller = new AbortController();
    const { client, served } = await pair();
    log('client').socket(client);
    served.resume();
    addAbortSignal(controller.signal, client);
    controller.abort();
    await closed(client);
  },
});
