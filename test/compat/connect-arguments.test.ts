// Wrong arguments of connect() and what becomes of odd ones.
import { compare } from './harness/compare';
import { loosely, type Scene } from './harness/scene';

/** Calls connect() of a new socket with each list of arguments; what connects is destroyed. */
async function tryAll({ net, log, keep, turns }: Scene, lists: readonly (readonly unknown[])[]) {
  for (const [index, list] of lists.entries()) {
    const own = log(`socket ${index}`);
    const socket = keep(own.socket(new net.Socket()), 'socket');
    own.call('connect', () => loosely(socket)['connect']!(...list));
    own.state('then', socket, ['connecting', 'pending', 'destroyed']);
    socket.destroy();
    await turns(3);
  }
}

const lookup = (): void => {};

compare(
  __filename,
  {
    'nothing to connect to': (scene) =>
      tryAll(scene, [[], [undefined], [null], [{}], [() => {}], [{ host: '127.0.0.1' }], [[]]]),

    'ports that are none': (scene) =>
      tryAll(
        scene,
        [
          ...[-1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '', ' ', 'port', '0x', '-1'],
          ...[true, false, {}, [], () => {}, 1n, Symbol('port')],
        ].map((port) => [{ port, host: '127.0.0.1' }]),
      ),

    'ports as other arguments': (scene) =>
      tryAll(scene, [[65536], [-1], ['65536'], [65536, '127.0.0.1'], [true], [Symbol('port')]]),

    'ports of other types that are some': (scene) =>
      tryAll(scene, [
        [{ port: '1', host: '127.0.0.1', lookup }],
        [{ port: '0x10', host: '127.0.0.1', lookup }],
        [{ port: ' 7 ', host: '127.0.0.1', lookup }],
        [{ port: 7, host: '127.0.0.1', lookup }, () => {}],
      ]),

    'hosts that are none': (scene) =>
      tryAll(
        scene,
        [1, true, {}, [], () => {}, Symbol('host')].map((host) => [{ port: 7, host, lookup }]),
      ),

    'paths that are none': (scene) =>
      tryAll(
        scene,
        [1, true, {}, [], () => {}, '', 'a\0b'].map((path) => [{ path }]),
      ),

    'local addresses that are none': (scene) =>
      tryAll(
        scene,
        ['nowhere', '', '1.2.3', 1, true, {}, '127.0.0.1:80'].map((localAddress) => [
          { port: 7, host: '127.0.0.1', localAddress },
        ]),
      ),

    'local ports that are none': (scene) =>
      tryAll(
        scene,
        ['1', 'port', {}, true, null, -1, 65536, 1.5].map((localPort) => [
          { port: 7, host: '127.0.0.1', localPort },
        ]),
      ),

    'families that are none': (scene) =>
      tryAll(
        scene,
        [5, 'IPv4', '4', true, -1, {}].map((family) => [
          { port: 7, host: 'nowhere', family, lookup },
        ]),
      ),

    'hints that are none': (scene) =>
      tryAll(
        scene,
        [1.5, 1 << 20, -1, 'hint', {}].map((hints) => [
          { port: 7, host: 'nowhere', hints, lookup },
        ]),
      ),

    'lookups that are none': (scene) =>
      tryAll(
        scene,
        [1, 'lookup', {}, true, null].map((wrong) => [{ port: 7, host: 'nowhere', lookup: wrong }]),
      ),

    'choices of families that are none': (scene) =>
      tryAll(scene, [
        ...[1, 'yes', {}, null].map((autoSelectFamily) => [
          { port: 7, host: 'nowhere', lookup, autoSelectFamily },
        ]),
        ...[0, -1, 1.5, '250', {}].map((autoSelectFamilyAttemptTimeout) => [
          { port: 7, host: 'nowhere', lookup, autoSelectFamilyAttemptTimeout },
        ]),
      ]),

    'callbacks that are none': (scene) =>
      tryAll(scene, [
        [{ port: 7, host: 'nowhere', lookup }, 1],
        [{ port: 7, host: 'nowhere', lookup }, 'callback'],
        [7, 'nowhere', 'callback'],
      ]),

    'net.connect() with the same': ({ net, log, keep }) => {
      const { connect, createConnection } = loosely(net);
      const lists = [[], [{}], [-1], [{ port: 65536 }], ['port', 'host'], [null], [true]];
      for (const list of [...lists, [{ path: 1 }], [{ port: 7, localPort: 'x', lookup }]]) {
        for (const call of [connect!, createConnection!]) {
          const socket = log('calls').call('connect', () => call(...list));
          if (socket !== undefined) keep(socket as object);
        }
      }
    },

    'options of net.connect() that are the socket’s': ({ net, log, keep }) => {
      const { connect } = loosely(net);
      for (const timeout of ['1', -1, Number.NaN, Number.POSITIVE_INFINITY, {}, 1, 0, 2 ** 31]) {
        const options = { port: 7, host: 'nowhere', lookup, timeout };
        const socket = log('calls').call('connect', () => connect!(options));
        if (socket !== undefined) log('calls').state('then', keep(socket as never), ['timeout']);
      }
      for (const signal of [1, {}, 'signal', null]) {
        const options = { port: 7, host: 'nowhere', lookup, signal };
        const socket = log('calls').call('connect', () => connect!(options));
        if (socket !== undefined) keep(socket as object);
      }
    },
  },
  { offline: true },
);
