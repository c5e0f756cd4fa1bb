// Programmer errors throw at the call, with Node's codes, and name the argument.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as proactorModule from 'proactor';
import {
  Chunk,
  constants,
  Lease,
  Memory,
  Proactor,
  Stream,
  TcpAcceptor,
  TcpStream,
} from 'proactor';
import * as http from 'proactor/http';
import { describeEach } from './support/dispatchers';
import { itWithOperation } from './support/features';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const RANGE = 'ERR_OUT_OF_RANGE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const PORT = 'ERR_SOCKET_BAD_PORT';

type Case = readonly [call: string, args: readonly unknown[], code: string, name: string];

const bytes = Buffer.alloc(8);
const handler = (): void => {};
const endpoint = { address: '127.0.0.1', port: 9 };

/** Wrong descriptors, for a method whose other arguments are right. */
function descriptors(call: string, ...others: readonly unknown[]): Case[] {
  return [
    [call, [undefined, ...others], TYPE, '"fd"'],
    [call, ['1', ...others], TYPE, '"fd"'],
    [call, [1n, ...others], TYPE, '"fd"'],
    [call, [-1, ...others], RANGE, '"fd"'],
    [call, [1.5, ...others], RANGE, '"fd"'],
    [call, [2 ** 31, ...others], RANGE, '"fd"'],
    [call, [Number.NaN, ...others], RANGE, '"fd"'],
  ];
}

/** Wrong flags, for a method whose arguments before them are right. */
function flags(call: string, ...before: readonly unknown[]): Case[] {
  return [
    [call, [...before, 'MSG_PEEK'], TYPE, '"flags"'],
    [call, [...before, -1], RANGE, '"flags"'],
    [call, [...before, 2 ** 32], RANGE, '"flags"'],
  ];
}

/** Wrong memory, and wrong parts of it. */
function memory(call: string): Case[] {
  return [
    [call, [0, undefined], TYPE, '"buffer"'],
    [call, [0, 'text'], TYPE, '"buffer"'],
    [call, [0, new ArrayBuffer(8)], TYPE, '"buffer"'],
    [call, [0, [1, 2]], TYPE, '"buffer"'],
    [call, [0, bytes, '0'], TYPE, '"offset"'],
    [call, [0, bytes, -1], RANGE, '"offset"'],
    [call, [0, bytes, 9], RANGE, '"offset"'],
    [call, [0, bytes, 4, 5], RANGE, '"length"'],
    [call, [0, bytes, 0, -1], RANGE, '"length"'],
    [call, [0, bytes, 0, 1.5], RANGE, '"length"'],
    [call, [0, bytes, handler], TYPE, '"handler"'],
  ];
}

function durations(call: string, name: string, ...before: readonly unknown[]): Case[] {
  return [
    [call, [...before, '1'], TYPE, name],
    [call, [...before, -1], RANGE, name],
    [call, [...before, Number.NaN], RANGE, name],
    [call, [...before, Number.POSITIVE_INFINITY], RANGE, name],
  ];
}

function ids(call: string, ...others: readonly unknown[]): Case[] {
  return [
    [call, ['1', ...others], TYPE, '"id"'],
    [call, [undefined, ...others], TYPE, '"id"'],
    [call, [0, ...others], RANGE, '"id"'],
    [call, [1.5, ...others], RANGE, '"id"'],
    [call, [2 ** 53, ...others], RANGE, '"id"'],
  ];
}

function vectors(call: string): Case[] {
  return [
    [call, [0, undefined], TYPE, '"buffers"'],
    [call, [0, bytes], TYPE, '"buffers"'],
    [call, [0, ['text']], TYPE, '"buffers[0]"'],
    [call, [0, [bytes, undefined]], TYPE, '"buffers[1]"'],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    [call, [0, [bytes, , bytes]], TYPE, '"buffers[1]"'],
    [call, [0, Array(1025).fill(bytes)], RANGE, '"buffers.length"'],
    [call, [0, [bytes], -2], RANGE, '"position"'],
    [call, [0, [bytes], '0'], TYPE, '"position"'],
    [call, [0, [bytes], 2 ** 53], RANGE, '"position"'],
  ];
}

function messages(call: string): Case[] {
  return [
    [call, [0, undefined], TYPE, '"message"'],
    [call, [0, null], TYPE, '"message"'],
    [call, [0, {}], TYPE, '"message.buffers"'],
    [call, [0, { buffers: [1] }], TYPE, '"message.buffers[0]"'],
    [call, [0, { buffers: Array(1025).fill(bytes) }], RANGE, '"message.buffers.length"'],
  ];
}

const cases: readonly Case[] = [
  ...vectors('readv'),
  ...descriptors('readv', [bytes]),
  ...vectors('writev'),
  ...descriptors('writev', [bytes]),
  ...descriptors('fsync'),
  ...flags('fsync', 0),
  ...descriptors('pollAdd', constants.POLLIN),
  ['pollAdd', [0, undefined], TYPE, '"events"'],
  ['pollAdd', [0, -1], RANGE, '"events"'],
  ...descriptors('pollMultishot', constants.POLLIN, handler),
  ['pollMultishot', [0, 'POLLIN', handler], TYPE, '"events"'],
  ['pollMultishot', [0, constants.POLLIN], TYPE, '"handler"'],
  ...ids('pollRemove'),
  ...descriptors('sendmsg', { buffers: [bytes] }),
  ...messages('sendmsg'),
  ...flags('sendmsg', 0, { buffers: [bytes] }),
  ['sendmsg', [0, { buffers: [], control: 'x' }], TYPE, '"message.control"'],
  ['sendmsg', [0, { buffers: [], endpoint: 'x' }], TYPE, '"endpoint"'],
  ['sendmsg', [0, { buffers: [], endpoint: { ...endpoint, port: 65536 } }], PORT, 'port'],
  ['sendmsg', [0, { buffers: [], endpoint: { port: 1, address: 'localhost' } }], VALUE, 'address'],
  ...descriptors('recvmsg', { buffers: [bytes] }),
  ...messages('recvmsg'),
  ...flags('recvmsg', 0, { buffers: [bytes] }),
  ['recvmsg', [0, { buffers: [], controlLength: -1 }], RANGE, '"message.controlLength"'],
  ['recvmsg', [0, { buffers: [], controlLength: '1' }], TYPE, '"message.controlLength"'],
  ['recvmsg', [0, Object.freeze({ buffers: [bytes] })], VALUE, "'message'"],
  ...durations('timeout', '"durationMs"'),
  ...flags('timeout', 1),
  ...durations('timeoutMultishot', '"durationMs"').map(
    ([call, [duration], code]): Case => [call, [duration, 1, 0, handler], code, '"periodMs"'],
  ),
  ['timeoutMultishot', [1, -1, 0, handler], RANGE, '"count"'],
  ['timeoutMultishot', [1, '1', 0, handler], TYPE, '"count"'],
  ['timeoutMultishot', [1, 1, 0], TYPE, '"handler"'],
  ...ids('timeoutRemove'),
  ...ids('timeoutUpdate', 1),
  ...durations('timeoutUpdate', '"durationMs"', 1),
  ...descriptors('accept'),
  ...flags('accept', 0),
  ...descriptors('acceptMultishot', 0, handler),
  ['acceptMultishot', [0, 0], TYPE, '"handler"'],
  ['acceptMultishot', [0, 0, { signal: undefined }], TYPE, '"handler"'],
  ...ids('asyncCancel'),
  ...descriptors('asyncCancelDescriptor'),
  ...durations('linkTimeout', '"durationMs"'),
  ...descriptors('connect', endpoint),
  ['connect', [0, undefined], TYPE, '"endpoint"'],
  ['connect', [0, '127.0.0.1:80'], TYPE, '"endpoint"'],
  ['connect', [0, { port: 80 }], TYPE, '"address"'],
  ['connect', [0, { address: 'localhost', port: 80 }], VALUE, "'address'"],
  ['connect', [0, { address: '1.2.3.4.5', port: 80 }], VALUE, "'address'"],
  ['connect', [0, { address: '', port: 80 }], VALUE, "'address'"],
  ['connect', [0, { address: '127.0.0.1' }], PORT, 'port'],
  ['connect', [0, { address: '127.0.0.1', port: -1 }], PORT, 'port'],
  ['connect', [0, { address: '127.0.0.1', port: 65_536 }], PORT, 'port'],
  ['connect', [0, { address: '127.0.0.1', port: 1.5 }], PORT, 'port'],
  ['openat', ['x', 'file', 0], TYPE, '"dirfd"'],
  ['openat', [-101, 'file', 0], RANGE, '"dirfd"'],
  ['openat', [constants.AT_FDCWD, 1, 0], TYPE, '"path"'],
  ['openat', [constants.AT_FDCWD, 'a\0b', 0], VALUE, "'path'"],
  ['openat', [constants.AT_FDCWD, 'file', 'r'], TYPE, '"flags"'],
  ['openat', [constants.AT_FDCWD, 'file', -1], RANGE, '"flags"'],
  ['openat', [constants.AT_FDCWD, 'file', 0, '644'], TYPE, '"mode"'],
  ['openat', [constants.AT_FDCWD, 'file', 0, 0o10000], RANGE, '"mode"'],
  ...descriptors('close'),
  ['statx', ['x', 'file', 0, 0, Buffer.alloc(256)], TYPE, '"dirfd"'],
  ['statx', [constants.AT_FDCWD, undefined, 0, 0, Buffer.alloc(256)], TYPE, '"path"'],
  ['statx', [constants.AT_FDCWD, 'file', 'x', 0, Buffer.alloc(256)], TYPE, '"flags"'],
  ['statx', [constants.AT_FDCWD, 'file', 0, -1, Buffer.alloc(256)], RANGE, '"mask"'],
  ['statx', [constants.AT_FDCWD, 'file', 0, 0, undefined], TYPE, '"buffer"'],
  ['statx', [constants.AT_FDCWD, 'file', 0, 0, new ArrayBuffer(256)], TYPE, '"buffer"'],
  ['statx', [constants.AT_FDCWD, 'file', 0, 0, Buffer.alloc(255)], RANGE, '"buffer.byteLength"'],
  ...descriptors('read', bytes),
  ...memory('read'),
  ['read', [0, bytes, 0, 8, -2], RANGE, '"position"'],
  ['read', [0, bytes, 0, 8, '0'], TYPE, '"position"'],
  ...descriptors('write', bytes),
  ...memory('write'),
  ['write', [0, bytes, 0, 8, 1.5], RANGE, '"position"'],
  ...descriptors('send', bytes),
  ...memory('send'),
  ...flags('send', 0, bytes, 0, 8),
  ...descriptors('recv', bytes),
  ...memory('recv'),
  ...flags('recv', 0, bytes, 0, 8),
  ['recvMultishot', [0, undefined, 0, handler], TYPE, '"buffers"'],
  ['recvMultishot', [0, {}, 0, handler], TYPE, '"buffers"'],
  ['recvMultishot', [0, bytes, 0, handler], TYPE, '"buffers"'],
  ['recvProvided', [0, undefined, 0, handler], TYPE, '"buffers"'],
  ['recvProvided', [0, {}, 0], TYPE, '"handler"'],
  ...descriptors('shutdown', 0),
  ['shutdown', [0, undefined], TYPE, '"how"'],
  ['shutdown', [0, 3], RANGE, '"how"'],
  ['shutdown', [0, -1], RANGE, '"how"'],
  ...descriptors('sendZeroCopy', bytes),
  ...memory('sendZeroCopy'),
  // What is not an operation.
  ...ids('cancel'),
  ...ids('refOperation'),
  ...ids('unrefOperation'),
  ['allocate', [undefined], TYPE, '"byteLength"'],
  ['allocate', [0], RANGE, '"byteLength"'],
  ['allocate', [1.5], RANGE, '"byteLength"'],
  ['allocate', [2 ** 31], RANGE, '"byteLength"'],
  // Options of the promise's form.
  ['nop', [1], TYPE, '"options"'],
  ['nop', [null], TYPE, '"options"'],
  ['nop', [{ signal: 'x' }], TYPE, '"options.signal"'],
  ['nop', [{ signal: {} }], TYPE, '"options.signal"'],
];

const shown = (args: readonly unknown[]): string =>
  args
    .map((arg) => {
      if (typeof arg === 'function') return 'handler';
      if (typeof arg === 'bigint') return `${arg}n`;
      if (ArrayBuffer.isView(arg)) return `bytes(${arg.byteLength})`;
      if (arg instanceof ArrayBuffer) return `ArrayBuffer(${arg.byteLength})`;
      return typeof arg === 'number' ? String(arg) : (JSON.stringify(arg) ?? 'undefined');
    })
    .join(', ')
    .slice(0, 60);

describeEach('a call with a wrong argument', ({ options: dispatch }) => {
  let proactor: Proactor;
  beforeAll(() => {
    proactor = new Proactor({ ...dispatch, maxOperations: 64, entries: 64 });
  });
  afterAll(() => proactor.dispose());

  for (const [call, args, code, name] of cases) {
    itWithOperation(call)(`${call}(${shown(args)}) throws`, async () => {
      const method = (proactor as unknown as Record<string, (...args: unknown[]) => unknown>)[
        call
      ]!;
      const expected = expect.objectContaining({ code, message: expect.stringContaining(name) });
      expect(() => method.apply(proactor, [...args])).toThrow(expected);
      // Nothing was initiated, and nothing is kept.
      expect(proactor.stats()).toMatchObject({ submitted: 0, inFlight: 0, blocksLent: 0 });
    });
  }
});

const options: readonly (readonly [options: unknown, code: string, name: string])[] = [
  [null, TYPE, '"options"'],
  ['loop', TYPE, '"options"'],
  [{ dispatch: 'poll' }, VALUE, "'options.dispatch'"],
  [{ dispatch: 1 }, VALUE, "'options.dispatch'"],
  [{ entries: '8' }, TYPE, '"options.entries"'],
  [{ entries: 4 }, RANGE, '"options.entries"'],
  [{ entries: 65_536 }, RANGE, '"options.entries"'],
  [{ entries: 100 }, RANGE, '"options.entries"'],
  [{ maxOperations: 15 }, RANGE, '"options.maxOperations"'],
  [{ maxOperations: 2 ** 20 }, RANGE, '"options.maxOperations"'],
  [{ maxOperations: '64' }, TYPE, '"options.maxOperations"'],
  [{ buffers: null }, TYPE, '"options.buffers"'],
  [{ buffers: 8 }, TYPE, '"options.buffers"'],
  [{ buffers: { count: 3 } }, RANGE, '"options.buffers.count"'],
  [{ buffers: { count: 0 } }, RANGE, '"options.buffers.count"'],
  [{ buffers: { count: 65_536 } }, RANGE, '"options.buffers.count"'],
  [{ buffers: { size: 512 } }, RANGE, '"options.buffers.size"'],
  [{ buffers: { size: 5000 } }, RANGE, '"options.buffers.size"'],
  [{ buffers: { count: 32_768, size: 1_048_576 } }, RANGE, 'options.buffers.size'],
  [{ buffers: { incremental: 1 } }, TYPE, '"options.buffers.incremental"'],
  [{ disposeTimeoutMs: -1 }, RANGE, '"options.disposeTimeoutMs"'],
  [{ disposeTimeoutMs: '1' }, TYPE, '"options.disposeTimeoutMs"'],
  [{ disposeTimeoutMs: Number.NaN }, RANGE, '"options.disposeTimeoutMs"'],
  [{ withheldSetupFlags: -1 }, RANGE, '"options.withheldSetupFlags"'],
  [{ withheldOperations: 'nop' }, TYPE, '"options.withheldOperations"'],
  [{ withheldOperations: ['nop', 'nip'] }, VALUE, "'options.withheldOperations[1]'"],
  [{ eventfd: 'yes' }, TYPE, '"options.eventfd"'],
];

describeEach('recvMultishot', ({ open }) => {
  it("refuses another proactor's buffers", () => {
    const [own, other] = [open(), open()];
    expect(() => own.recvMultishot(0, other.buffers, 0, handler)).toThrow(
      expect.objectContaining({ code: VALUE, message: expect.stringContaining("'buffers'") }),
    );
  });
});

it.each(options)('new Proactor(%j) throws %s', (given, code, name) => {
  expect(() => new Proactor(given as never)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(name) }),
  );
});

describeEach('a completion handler in the place of an argument', ({ open }) => {
  it.each([
    ['timeout', [10, handler], 'argument number 3'],
    ['read', [0, Buffer.alloc(1), handler], 'argument number 6'],
    ['acceptMultishot', [0, handler], 'argument number 3'],
  ] as const)('of %s is told where it belongs', (call, args, place) => {
    const methods = open() as unknown as Record<string, (...args: unknown[]) => unknown>;
    const message = expect.stringMatching(new RegExp(`"handler" argument must be ${place}`));
    expect(() => methods[call]!(...args)).toThrow(expect.objectContaining({ code: TYPE, message }));
  });
});

describe('TcpAcceptor and TcpStream', () => {
  it('need a proactor to listen and to connect', async () => {
    const expected = expect.objectContaining({
      code: TYPE,
      message: expect.stringContaining('"proactor" argument must be an instance of Proactor'),
    });
    for (const given of [undefined, {}, { port: 0 }, Proactor]) {
      await expect(TcpAcceptor.listen(given as never, { port: 0 })).rejects.toEqual(expected);
      await expect(TcpStream.connect(given as never, { port: 1 })).rejects.toEqual(expected);
    }
  });
});

describe('classes', () => {
  type Make = new (...args: readonly unknown[]) => object;
  const exported = Object.entries({ ...proactorModule, ...http }).filter(
    ([name, value]) => typeof value === 'function' && /^[A-Z]/.test(name),
  ) as unknown as readonly (readonly [string, Make])[];

  it.each(exported)('%s goes by this name in messages', (name, type) => {
    expect(type.name).toBe(name);
    const call = type as unknown as () => void;
    expect(() => call()).toThrow(`Class constructor ${name} cannot be invoked without 'new'`);
  });

  it.each([
    [TcpAcceptor, 'TcpAcceptor.listen()'],
    [TcpStream, 'TcpStream.connect()'],
    [Stream, 'TcpStream.connect()'],
    [Chunk, 'stream.onData'],
    [Lease, 'chunk.lease()'],
    [Memory, 'proactor.allocate()'],
  ])('that are made by a function say which: %o', async (type, instead) => {
    const proactor = new Proactor();
    const make = type as unknown as Make;
    for (const args of [[], [proactor, { port: 0 }], [bytes]]) {
      expect(() => new make(...args)).toThrow(
        expect.objectContaining({
          code: 'ERR_ILLEGAL_CONSTRUCTOR',
          message: `Illegal constructor: use ${instead}`,
        }),
      );
    }
    await proactor.dispose(); // nothing of them is left on it
  });
});

describe('a proactor that is printed', () => {
  it('goes by its name, and shows what it is and does', async () => {
    const proactor = new Proactor({ dispatch: 'thread' });
    expect(inspect(proactor)).toBe("Proactor { dispatch: 'thread', disposed: false, inFlight: 0 }");
    await proactor.dispose();
    expect(inspect(proactor)).toContain('disposed: true');
  });
});
