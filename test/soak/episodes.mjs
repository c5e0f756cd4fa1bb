// What happens to one connection of the soak: each end does something random, often rude, and is then dropped.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TcpStream } from 'proactor';

export const HOST = '127.0.0.1';

/** A seeded generator (mulberry32). */
export function randomFrom(seed) {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const integer = (least, most) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    integer,
    chance: (p) => next() < p,
    pick: (from) => from[integer(0, from.length - 1)],
  };
}

const DATA = Buffer.alloc(1 << 20, 'soak');
const someData = (random, most = 200_000) => DATA.subarray(0, random.integer(1, most));
const someMs = (random) => random.integer(0, 12);

/** What our end does, by name. Each may leave the stream open: it is destroyed afterwards. */
export const behaviours = {
  async echoes(stream, random) {
    stream.onData = (chunk) => {
      if (!stream.destroyed && !stream.write(chunk)) stream.pause();
    };
    stream.onDrain = () => stream.resume();
    await delay(someMs(random));
  },
  async endsCleanly(stream, random) {
    const ended = stream.end(someData(random)).catch(() => {});
    const timer = setTimeout(() => stream.destroy(), 30);
    for await (const _ of stream);
    clearTimeout(timer);
    await ended;
  },
  async endsAndWaits(stream, random) {
    void stream.end(someData(random)).catch(() => {});
    await delay(someMs(random));
  },
  async isDestroyedWhileSending(stream, random) {
    stream.write(DATA, () => {});
    stream.write(someData(random));
    if (random.chance(0.5)) await delay(someMs(random));
    stream.destroy(random.chance(0.5) ? new Error('enough') : undefined);
  },
  async isResetWhileSending(stream, random) {
    void stream.writeAsync(DATA).catch(() => {});
    if (random.chance(0.7)) await delay(someMs(random));
    stream.resetAndDestroy();
  },
  async isDestroyedAtOnce(stream) {
    stream.destroy();
  },
  async pausesAndForgets(stream, random) {
    stream.onData = () => stream.pause();
    await delay(someMs(random));
  },
  async pausesAndResumes(stream, random) {
    stream.onData = () => {
      stream.pause();
      setTimeout(() => stream.resume(), random.integer(0, 2));
    };
    await delay(someMs(random));
  },
  async leases(stream, random) {
    const leases = [];
    stream.onData = (chunk) => leases.push(chunk.lease());
    await delay(someMs(random));
    if (random.chance(0.5)) stream.destroy();
    await delay(someMs(random));
    for (const lease of leases) {
      if (!stream.destroyed && random.chance(0.3)) stream.write(lease);
      lease.release();
    }
  },
  async readsOnce(stream, random) {
    await Promise.race([stream.read(random.integer(1, 5000)), delay(someMs(random))]);
  },
  async breaksIteration(stream, random) {
    const timer = setTimeout(() => stream.destroy(), someMs(random));
    for await (const _ of stream) break;
    clearTimeout(timer);
  },
  async throwsInAHandler(stream, random) {
    stream.onData = () => {
      throw new Error('soak: a handler throws');
    };
    await delay(someMs(random));
  },
  async endsInAHandler(stream, random) {
    stream.onData = () => {
      if (random.chance(0.5)) stream.destroy();
      else void stream.end();
    };
    stream.onEnd = () => stream.destroy();
    await delay(someMs(random));
  },
  async times(stream, random) {
    stream.setTimeout(random.integer(1, 5));
    stream.onTimeout = () => stream.destroy();
    await delay(someMs(random));
  },
};

/** Lets our end behave, and drops it. */
export async function playStream(stream, random) {
  stream.onClose = () => {};
  const name = random.pick(Object.keys(behaviours));
  await behaviours[name](stream, random).catch(() => {});
  stream.destroy();
  await stream.closed;
}

/** The same for an end of node:net. */
export async function playPeer(socket, random) {
  socket.on('error', () => {});
  const act = random.pick([
    () => socket.pipe(socket),
    () => socket.resume(),
    () => socket.pause(),
    () => socket.resume().end(someData(random)),
    () => socket.write(DATA),
    () => socket.write(someData(random), () => socket.resetAndDestroy()),
    () => socket.destroy(),
    () => socket.resetAndDestroy(),
  ]);
  act();
  if (random.chance(0.5) && socket.writable) socket.write(someData(random));
  await delay(someMs(random));
  if (random.chance(0.3)) socket.resetAndDestroy();
  socket.destroy();
}

/** One connection of the soak, of a random kind. */
export async function playConnection(proactor, ports, random) {
  const options = { host: HOST, allowHalfOpen: random.chance(0.5) };
  if (random.chance(0.2)) options.highWaterMark = random.integer(1, 100_000);
  const kind = random.next();
  if (kind < 0.3) {
    const socket = connect(ports.ours, HOST);
    await playPeer(socket, random);
  } else if (kind < 0.85) {
    const port = random.chance(0.5) ? ports.ours : ports.theirs;
    const stream = await TcpStream.connect(proactor, { ...options, port }).catch(() => undefined);
    if (stream !== undefined) await playStream(stream, random);
  } else if (kind < 0.93) {
    const signal = AbortSignal.timeout(random.integer(0, 3));
    const connecting = TcpStream.connect(proactor, { ...options, port: ports.ours, signal });
    await connecting.then((stream) => stream.destroy().closed).catch(() => {});
  } else {
    const refused = TcpStream.connect(proactor, { ...options, port: ports.closed });
    await refused.then((stream) => stream.destroy().closed).catch(() => {});
  }
}
