// Wrong arguments of the constructor of sockets and of their methods.
import type { Socket } from 'node:net';
import { compare } from './harness/compare';
import { loosely, type Scene } from './harness/scene';

const WRONG_KINDS = [undefined, null, 0, 1, -1, 1.5, '', 'text', true, false, {}, [], () => {}];

function tryConstructor({ net, log, keep }: Scene, options: readonly unknown[]): void {
  const Socket = net.Socket as unknown as new (options: unknown) => object;
  for (const each of options) {
    const socket = log('calls').call('new', () => keep(new Socket(each), 'socket'));
    if (socket !== undefined) log('calls').state('then', socket as never);
  }
}

/** Calls a method of a connected socket with each list of arguments. */
async function tryMethod(
  scene: Scene,
  method: string,
  lists: readonly (readonly unknown[])[],
): Promise<void> {
  const { log, pair } = scene;
  const clients: Socket[] = [];
  for (const list of lists) {
    const { client } = await pair();
    const own = log(`${method} ${lists.indexOf(list)}`);
    own.socket(client);
    own.call('call', () => loosely(client)[method]!(...list));
    own.state('then', client, ['timeout', 'readableEncoding', 'writableLength', 'writableEnded']);
    clients.push(client);
  }
  await Promise.race([scene.closed(...clients), scene.delay(100)]);
  for (const client of clients) client.destroy();
  await scene.closed(...clients);
}

compare(__filename, {
  'options that are none': (scene) => tryConstructor(scene, [null, 1, '1', true, 'text', []]),

  'descriptors that are none': (scene) =>
    tryConstructor(
      scene,
      [-1, 1.5, '0', {}, null, 2 ** 31, 100_000, Number.NaN].map((fd) => ({ fd })),
    ),

  'handles that are none': (scene) =>
    tryConstructor(
      scene,
      [1, 'handle', true, null, undefined].map((handle) => ({ handle })),
    ),

  'sizes that are none': (scene) =>
    tryConstructor(scene, [
      ...[-1, 1.5, '16', {}, Number.NaN, null].map((highWaterMark) => ({ highWaterMark })),
      { readableHighWaterMark: -1 },
      { writableHighWaterMark: 'x' },
    ]),

  'modes that sockets do not have': (scene) =>
    tryConstructor(scene, [
      { objectMode: true },
      { readableObjectMode: true },
      { writableObjectMode: true },
      { decodeStrings: true, emitClose: false, autoDestroy: false },
      { defaultEncoding: 'utf99' },
      { encoding: 'hex' },
      { encoding: 'utf99' },
      { readable: true },
      { writable: true },
      { readable: false, writable: false },
      { allowHalfOpen: 1 },
      { allowHalfOpen: true },
    ]),

  'signals that are none': (scene) =>
    tryConstructor(
      scene,
      [1, 'signal', {}, null, true].map((signal) => ({ signal })),
    ),

  'readers that are none': (scene) =>
    tryConstructor(scene, [
      ...[1, 'onread', true, null, {}].map((onread) => ({ onread })),
      ...[1, 'buffer', {}, null, () => 1].map((buffer) => ({
        onread: { buffer, callback: () => true },
      })),
      { onread: { buffer: Buffer.alloc(1) } },
      { onread: { buffer: Buffer.alloc(1), callback: 1 } },
      { onread: { buffer: Buffer.alloc(0), callback: () => true } },
      { onread: { callback: () => true } },
    ]),

  'keeping alive and delaying in odd words': (scene) =>
    tryConstructor(scene, [
      { noDelay: 1, keepAlive: 'yes', keepAliveInitialDelay: -1 },
      { noDelay: {}, keepAlive: null, keepAliveInitialDelay: 'x' },
      { keepAlive: true, keepAliveInitialDelay: Number.NaN },
    ]),

  'setTimeout()': (scene) =>
    tryMethod(scene, 'setTimeout', [
      [],
      // One that is short would strike.
      ...WRONG_KINDS.map((ms) => [typeof ms === 'number' && ms > 0 ? ms * 1000 : ms]),
      [Number.NaN],
      [Number.POSITIVE_INFINITY],
      [2 ** 31],
      ...[1, 'callback', {}, null, undefined].map((callback) => [1000, callback]),
      [0, 1],
      [0, () => {}],
    ]),

  'setKeepAlive()': (scene) =>
    tryMethod(scene, 'setKeepAlive', [
      [],
      ...WRONG_KINDS.map((on) => [on]),
      ...['1', -1, 1.5, 1e9, Number.NaN, {}].map((delay) => [true, delay]),
    ]),

  'setNoDelay()': (scene) => tryMethod(scene, 'setNoDelay', [[], ...WRONG_KINDS.map((on) => [on])]),

  'setEncoding()': (scene) =>
    tryMethod(scene, 'setEncoding', [[], ['utf99'], [1], [null], ['hex'], ['UTF-8'], ['']]),

  'setDefaultEncoding()': (scene) =>
    tryMethod(scene, 'setDefaultEncoding', [[], ['utf99'], [1], [null], ['hex']]),

  'write()': (scene) =>
    tryMethod(scene, 'write', [
      [],
      ...WRONG_KINDS.filter((kind) => kind !== '' && kind !== 'text').map((data) => [data]),
      [Symbol('data')],
      [1n],
      [new ArrayBuffer(1)],
      [new Date(0)],
      [''],
      ['text', 'utf99'],
      ['text', 1],
      ['text', null],
      ['text', 'utf8', 1],
      [new Uint16Array(2)],
      [new DataView(new ArrayBuffer(2))],
    ]),

  'end()': (scene) =>
    tryMethod(scene, 'end', [
      ...[null, 1, true, {}, [], Symbol('data')].map((data) => [data]),
      [''],
      ['text', 'utf99'],
      ['text', 'utf8', 1],
    ]),

  'destroy()': (scene) =>
    tryMethod(scene, 'destroy', [[null], [1], ['text'], [{}], [new TypeError('own')], [null, 1]]),

  'methods of a socket that is not connected': ({ net, log, keep }) => {
    for (const method of [
      ...['address', 'setNoDelay', 'setKeepAlive', 'ref', 'unref', 'pause', 'resume', 'read'],
      ...['cork', 'uncork', 'destroySoon', 'resetAndDestroy', 'end', 'destroy', 'isPaused'],
    ]) {
      const socket = keep(log(method).socket(new net.Socket()), 'socket');
      log(method).call(method, () => loosely(socket)[method]!());
      log(method).state('then', socket);
    }
  },

  'the same of one that is destroyed': async ({ pair, log, closed }) => {
    const { client } = await pair();
    client.destroy();
    await closed(client);
    for (const method of [
      ...['address', 'setNoDelay', 'setKeepAlive', 'ref', 'unref', 'pause', 'resume', 'read'],
      ...['cork', 'uncork', 'destroySoon', 'resetAndDestroy', 'end', 'destroy', 'setTimeout'],
    ]) {
      log('calls').call(method, () =>
        loosely(client)[method]!(...(method === 'setTimeout' ? [1] : [])),
      );
    }
    log('calls').state('then', client);
  },
});
