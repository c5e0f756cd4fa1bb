// Wrong arguments of servers: their constructor, listen(), and the rest of their methods.
import { compare } from './harness/compare';
import { loosely, type Scene } from './harness/scene';

/** Calls listen() of a new server with each list of arguments, and waits for what that leads to. */
async function tryAll(
  { net, log, keep, turns }: Scene,
  lists: readonly (readonly unknown[])[],
): Promise<void> {
  for (const [index, list] of lists.entries()) {
    const own = log(`server ${index}`);
    const server = keep(own.server(net.createServer()), 'server');
    own.call('listen', () => loosely(server)['listen']!(...list));
    await turns(3);
    own.add('then', server.listening);
    server.close(() => {});
    await turns(3);
  }
}

compare(__filename, {
  'options of a server that are none': ({ net, log, keep }) => {
    const { createServer, Server } = loosely(net);
    for (const list of [
      ...[1, '1', true, [], null, undefined, Symbol('options')].map((options) => [options]),
      ...[1, 'listener', {}, null].map((listener) => [{}, listener]),
      [() => {}, () => {}],
      ...[-1, 'x', 1.5, null, {}].map((highWaterMark) => [{ highWaterMark }]),
      ...[1, 'x', {}, null].map((blockList) => [{ blockList }]),
      [{ keepAlive: 1, keepAliveInitialDelay: 'x', noDelay: {}, pauseOnConnect: 1 }],
      [{ keepAliveInitialDelay: -1 }],
      [{ allowHalfOpen: 'yes' }],
    ]) {
      for (const [name, create] of Object.entries({ createServer, Server })) {
        log('calls').call(name, () => keep(create!(...list) as object, 'server'));
      }
    }
  },

  'nowhere to listen': (scene) =>
    tryAll(scene, [
      [{}],
      [{ host: '127.0.0.1' }],
      [{ path: undefined }],
      [{ fd: -1 }],
      [{ fd: undefined }],
      [{ exclusive: true }],
      [true],
      [false],
      [Symbol('port')],
      [1n],
      [[]],
    ]),

  'ports that are none': (scene) =>
    tryAll(
      scene,
      [
        ...[-1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '-1', '65536', '0x', ' '],
        ...[true, false, {}, [], 1n, Symbol('port')],
      ].map((port) => [{ port, host: '127.0.0.1' }]),
    ),

  'ports as numbers': (scene) => tryAll(scene, [[-1], [65536], [1.5], [Number.NaN], ['65536']]),

  'free ports in odd words': (scene) =>
    tryAll(scene, [
      [undefined, '127.0.0.1'],
      [null, '127.0.0.1'],
      ['0', '127.0.0.1'],
      [{ port: '0', host: '127.0.0.1' }],
      [{ port: null, host: '127.0.0.1' }],
      [{ port: undefined, host: '127.0.0.1' }],
      ['', '127.0.0.1'],
    ]),

  'paths that are none': (scene) =>
    tryAll(
      scene,
      [1, true, {}, [], '', null].map((path) => [{ path }]),
    ),

  'hosts that are none': (scene) =>
    tryAll(
      scene,
      [1, true, {}, [], Symbol('host')].map((host) => [{ port: 0, host }]),
    ),

  'backlogs that are none': (scene) =>
    tryAll(scene, [
      ...['x', -1, 1.5, {}, true].map((backlog) => [{ port: 0, host: '127.0.0.1', backlog }]),
      [0, '127.0.0.1', 'x'],
      [0, '127.0.0.1', '5'],
    ]),

  'signals that are none': (scene) =>
    tryAll(
      scene,
      [1, 'signal', {}, true, null].map((signal) => [{ port: 0, host: '127.0.0.1', signal }]),
    ),

  'callbacks that are none': (scene) =>
    tryAll(scene, [
      [0, '127.0.0.1', 5, 'callback'],
      [{ port: 0, host: '127.0.0.1' }, 1],
      [{ port: 0, host: '127.0.0.1' }, {}],
    ]),

  'methods of a server that does not listen': ({ net, log, keep }) => {
    for (const method of ['address', 'close', 'ref', 'unref', 'getConnections']) {
      for (const list of [[], [1], [() => {}]]) {
        const server = keep(log(method).server(net.createServer()), 'server');
        log(method).call('call', () => loosely(server)[method]!(...list));
      }
    }
  },

  'the same of one that was closed': async ({ listening, log, closed }) => {
    const { server } = await listening();
    server.close();
    await closed(server);
    for (const method of ['address', 'close', 'ref', 'unref']) {
      log('calls').call(method, () => loosely(server)[method]!());
    }
    await new Promise<void>((resolve) => server.close(log('calls').callback('close', resolve)));
  },

  'defaults for choosing a family': ({ net, log }) => {
    const all = loosely(net);
    const own = log('calls');
    for (const value of [1, 'x', null, undefined, {}]) {
      own.call('on', () => all['setDefaultAutoSelectFamily']!(value));
    }
    for (const value of [0, -1, 1.5, '1', null, undefined, Number.NaN, 2 ** 40]) {
      own.call('time', () => all['setDefaultAutoSelectFamilyAttemptTimeout']!(value));
    }
    const before = all['getDefaultAutoSelectFamilyAttemptTimeout']!();
    own.call('short', () => all['setDefaultAutoSelectFamilyAttemptTimeout']!(1));
    own.call('time', () => all['getDefaultAutoSelectFamilyAttemptTimeout']!());
    all['setDefaultAutoSelectFamilyAttemptTimeout']!(before);
    own.call('on', () => all['getDefaultAutoSelectFamily']!());
  },
});
