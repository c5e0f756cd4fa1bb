// No byte is lost, reordered or invented: checksums over streams of random sizes in both directions, with random pauses,
// over plenty of buffers and over hardly any. A failure names its seed; PROACTOR_TEST_SEED repeats it.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { type Lease, Proactor, type ProactorOptions, type TcpStream } from 'proactor';
import { amount, patient } from './support/pace';
import { ByteSink, ByteSource, Random, seed } from './support/random';
import { type Bed, onBothDispatchers } from './support/tcp-bed';

const { incrementalBuffers } = Proactor.probe().features;

const BUFFERS: readonly (readonly [string, ProactorOptions['buffers']])[] = [
  ['default buffers', {}],
  ['plain buffers', { incremental: false }],
  ['two tiny buffers', { count: 2, size: 1024, incremental: false }],
  ['one tiny buffer', { count: 1, size: 1024, incremental: false }],
  ['sixteen small buffers', { count: 16, size: 4096, incremental: false }],
  ...(incrementalBuffers
    ? ([
        ['two tiny incremental buffers', { count: 2, size: 1024, incremental: true }],
        ['one tiny incremental buffer', { count: 1, size: 1024, incremental: true }],
        ['four incremental buffers', { count: 4, size: 16384, incremental: true }],
      ] as const)
    : []),
];

/** Writes `bytes` bytes of a source in random pieces, in every form, and heeds backpressure or not. */
async function send(stream: TcpStream, source: ByteSource, bytes: number, random: Random) {
  let left = bytes;
  const take = (most: number): Buffer => {
    const data = source.take(Math.min(left, random.size(1, most)));
    left -= data.length;
    return data;
  };
  while (left > 0) {
    const data = random.chance(0.3)
      ? Array.from({ length: random.integer(1, 8) }, () => take(8000)).filter((part) => part.length)
      : take(random.chance(0.1) ? 300_000 : 20_000);
    if (random.chance(0.2)) await stream.writeAsync(data);
    else if (!stream.write(data) && random.chance(0.8)) {
      await new Promise<void>((resolve) => {
        stream.onDrain = resolve;
      });
    }
    if (random.chance(0.05)) await delay(random.integer(0, 3));
  }
  await stream.end();
}

/** Takes everything in one of the ways there are, at a random pace. */
async function receive(stream: TcpStream, sink: ByteSink, random: Random): Promise<void> {
  const way = random.pick(['onData', 'leases', 'pauses', 'read', 'iterate']);
  if (way === 'iterate') {
    for await (const data of stream) {
      sink.put(data);
      if (random.chance(0.1)) await turn();
    }
    return;
  }
  if (way === 'read') {
    for (;;) {
      const data = await stream.read(random.size(1, 50_000));
      if (data === null) return;
      sink.put(data);
      if (random.chance(0.05)) await delay(random.integer(0, 2));
    }
  }
  const ended = new Promise<void>((resolve) => {
    stream.onEnd = resolve;
  });
  const held: Lease[] = [];
  const releaseHeld = (): void => {
    for (const lease of held.splice(0)) {
      sink.put(lease.bytes);
      lease.release();
    }
  };
  stream.onData = (chunk) => {
    if (way === 'leases') {
      held.push(chunk.lease());
      if (random.chance(0.3)) releaseHeld();
    } else {
      sink.put(chunk.bytes);
      if (way === 'pauses' && random.chance(0.1)) {
        stream.pause();
        setTimeout(() => stream.resume(), random.integer(0, 3));
      }
    }
  };
  await ended;
  releaseHeld();
}

async function peerSend(peer: Socket, source: ByteSource, bytes: number, random: Random) {
  for (let left = bytes; left > 0; ) {
    const data = source.take(Math.min(left, random.size(1, 100_000)));
    left -= data.length;
    if (!peer.write(data)) await once(peer, 'drain');
    if (random.chance(0.05)) await delay(random.integer(0, 3));
  }
  peer.end();
}

async function peerReceive(peer: Socket, sink: ByteSink, random: Random): Promise<void> {
  for await (const data of peer.iterator({ destroyOnReturn: false })) {
    sink.put(data as Buffer);
    if (random.chance(0.05)) await delay(random.integer(0, 2));
  }
}

/** One connection with traffic in both directions; checks what arrived. */
async function exchange(
  bed: Bed,
  proactor: Proactor,
  state: number,
  [least, most]: readonly [number, number],
): Promise<void> {
  const random = new Random(state);
  const { stream, peer } = await (random.chance(0.5) ? bed.connected : bed.accepted).call(bed, {
    proactor,
    stream: {
      allowHalfOpen: true,
      highWaterMark: random.size(1, 200_000),
      ...(random.chance(0.3) ? { receiveBufferSize: random.size(4096, 100_000) } : {}),
      ...(random.chance(0.3) ? { sendBufferSize: random.size(4096, 100_000) } : {}),
    },
  });
  const there = new ByteSource(state + 1);
  const back = new ByteSource(state + 2);
  const atPeer = new ByteSink();
  const atStream = new ByteSink();
  const draw = (): Random => new Random(random.integer(0, 2 ** 31));
  await Promise.all([
    send(stream, there, random.size(least, most), draw()),
    receive(stream, atStream, draw()),
    peerSend(peer, back, random.size(least, most), draw()),
    peerReceive(peer, atPeer, draw()),
  ]);
  await stream.closed;
  expect([state, atPeer.digest()]).toEqual([state, there.digest()]);
  expect([state, atStream.digest()]).toEqual([state, back.digest()]);
  expect([stream.bytesWritten, stream.bytesRead]).toEqual([atPeer.length, atStream.length]);
}

onBothDispatchers(`TCP streams (seed ${seed})`, (bed) => {
  describe.each(BUFFERS)('over %s', (_, buffers) => {
    it(
      'carry every byte in both directions',
      async () => {
        const proactor = bed.newProactor({ buffers: buffers! });
        for (let index = 0; index < 4; index++) {
          await exchange(bed, proactor, seed + index * 1000, [1, amount(3_000_000)]);
        }
      },
      patient(30_000),
    );

    it(
      'carry every byte of many connections at once',
      async () => {
        const proactor = bed.newProactor({ buffers: buffers! });
        const states = Array.from({ length: 24 }, (_each, index) => seed + 7 * index);
        await Promise.all(
          states.map((state) => exchange(bed, proactor, state, [1, amount(400_000)])),
        );
      },
      patient(30_000),
    );

    it(
      'echo through chunks, leases and queues',
      async () => {
        const proactor = bed.newProactor({ buffers: buffers! });
        const echo = async (state: number): Promise<void> => {
          const random = new Random(state);
          const { stream, peer } = await bed.accepted({ proactor });
          stream.onData = (chunk) => {
            if (random.chance(0.2)) {
              using lease = chunk.lease();
              stream.write(lease);
            } else if (!stream.write(random.chance(0.2) ? chunk.bytes : chunk)) {
              stream.pause();
            }
          };
          stream.onDrain = () => stream.resume();
          const source = new ByteSource(state);
          const sink = new ByteSink();
          await Promise.all([
            peerSend(peer, source, random.size(100, amount(1_500_000)), new Random(state + 1)),
            peerReceive(peer, sink, new Random(state + 2)),
          ]);
          expect([state, sink.digest()]).toEqual([state, source.digest()]);
        };
        await Promise.all(Array.from({ length: 8 }, (_each, index) => echo(seed + index)));
      },
      patient(30_000),
    );
  });

  it('exhaust tiny buffers on the way, and go on', async () => {
    const proactor = bed.newProactor({ buffers: { count: 2, size: 1024 } });
    const states = Array.from({ length: 8 }, (_each, index) => seed + index);
    await Promise.all(states.map((state) => exchange(bed, proactor, state, [100_000, 300_000])));
    expect(proactor.stats().bufferExhaustion).toBeGreaterThan(0);
  });

  it(
    'let others go on while a paused stream and leases hold what they have',
    async () => {
      for (const [, buffers] of BUFFERS) {
        const proactor = bed.newProactor({ buffers: buffers! });
        const leases: Lease[] = [];
        for (let count = 0; count < 3; count++) {
          const { stream, peer } = await bed.connected({ proactor });
          stream.onData = (chunk) => {
            leases.push(chunk.lease());
            if (count === 1) stream.pause();
          };
          peer.write(Buffer.alloc(100_000, 'held'));
        }
        await delay(20);
        await exchange(bed, proactor, seed, [1, 100_000]);
        const held = Buffer.concat(leases.map((lease) => lease.bytes));
        expect(held.equals(Buffer.alloc(held.length, 'held'))).toBe(true);
        for (const lease of leases) lease.release();
      }
    },
    patient(30_000),
  );

  it('answer pipelined requests in their order', async () => {
    const { stream, peer } = await bed.accepted();
    let rest = '';
    stream.onData = (chunk) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) stream.write(`re: ${line}\n`);
    };
    const count = amount(20_000);
    let answers = '';
    peer.on('data', (data) => {
      answers += data;
    });
    peer.resume();
    const ended = once(peer, 'end');
    for (let index = 0; index < count; index++) peer.write(`request ${index}\n`);
    peer.end();
    await ended;
    const expected = Array.from({ length: count }, (_each, index) => `re: request ${index}\n`);
    expect(answers === expected.join('')).toBe(true);
  });

  it(
    'carry every byte between two of ours, many at once',
    async () => {
      const exchangeOwn = async (state: number): Promise<void> => {
        const random = new Random(state);
        const { near, far } = await bed.both({ allowHalfOpen: true });
        const sources = [new ByteSource(state), new ByteSource(state + 1)] as const;
        const sinks = [new ByteSink(), new ByteSink()] as const;
        const draw = (): Random => new Random(random.integer(0, 2 ** 31));
        await Promise.all([
          send(near, sources[0], random.size(1, amount(1_000_000)), draw()),
          receive(far, sinks[0], draw()),
          send(far, sources[1], random.size(1, amount(1_000_000)), draw()),
          receive(near, sinks[1], draw()),
        ]);
        for (const end of [0, 1] as const) {
          expect([state, sinks[end].digest()]).toEqual([state, sources[end].digest()]);
        }
      };
      await Promise.all(Array.from({ length: 12 }, (_each, index) => exchangeOwn(seed + index)));
    },
    patient(30_000),
  );
});
