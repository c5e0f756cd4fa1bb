// What is printed of each public object: what it is and its state, and no byte of another connection. Receive buffers
// and blocks are shared and not cleared, so a secret of one connection is in them while another's objects are printed.
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import * as workerThreads from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { type Chunk, channels, type Lease, Proactor, TcpAcceptor, TcpStream } from 'proactor';
import { atEnd } from './support/cleanup';
import { type Dispatcher, describeEach } from './support/dispatchers';
import { printing, searchFor, walk, walking } from './support/printing';
import { thrown, until } from './support/tcp-peer';

const SECRET = 'SECRET-of-A.';
const OWN = 'I am B';
const host = '127.0.0.1';
const isForeign = searchFor(SECRET);

type Subjects = Record<string, object>;

/** What is wrong with what is printed of them, of each object the first thing: to be nothing. */
function faultsOf(subjects: Subjects, ways = { ...printing, ...walking }): string[] {
  const firstOf = (subject: object): string | undefined => {
    for (const [way, print] of Object.entries(ways)) {
      const fault = faultOf(() => print(subject));
      if (fault !== undefined) return `${way} ${fault}`;
    }
    return undefined;
  };
  return Object.entries(subjects).flatMap(([name, subject]) => {
    const fault = firstOf(subject);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
}

function faultOf(print: () => string): string | undefined {
  let text: string;
  try {
    text = print();
  } catch (error) {
    return `throws ${error}`;
  }
  if (isForeign(text)) return 'shows the bytes of another connection';
  return text.length > 20_000 ? `has ${text.length} characters` : undefined;
}

/** What is too long of what is printed of them. */
function lengthsAbove(subjects: Subjects, lines: number, characters: number): string[] {
  return Object.entries(subjects).flatMap(([name, subject]) => {
    const printed = inspect(subject).split('\n').length;
    const walked = walk(subject).length;
    const json = JSON.stringify(subject).length;
    if (printed <= lines && walked < 2 * characters && json < characters) return [];
    return [`${name}: ${printed} lines, ${walked} characters, ${json} as JSON`];
  });
}

interface Scene {
  readonly proactor: Proactor;
  readonly acceptor: TcpAcceptor;
  /** Connects, sends, and hands the server's end to `onStream`. */
  connect(text: string, onStream: (stream: TcpStream) => void): Promise<TcpStream>;
}

/** A server whose receive buffers and blocks are full of what a first connection sent and was sent. */
async function sceneWithSecret({ open }: Dispatcher): Promise<Scene> {
  const proactor = open({ buffers: { count: 4, size: 1024 } });
  let next: (stream: TcpStream) => void = () => {};
  const acceptor = await TcpAcceptor.listen(proactor, { host, port: 0 }, (stream) => next(stream));
  const connect: Scene['connect'] = async (text, onStream) => {
    next = onStream;
    const stream = await TcpStream.connect(proactor, { host, port: acceptor.address.port });
    stream.write(text);
    return stream;
  };
  let received = 0;
  const first = await connect('', (stream) => {
    stream.onData = ({ length }) => {
      received += length;
      stream.write(SECRET);
    };
  });
  const text = SECRET.repeat(85); // a buffer each
  for (let i = 1; i <= 8; i++) {
    first.write(text);
    await until('the secret is received', () => received === i * text.length);
  }
  return { proactor, acceptor, connect };
}

describeEach('what is printed', (dispatcher) => {
  /** Prints in the handler of the second connection what `subjectsOf` gives, and of each what is wrong with it. */
  async function checkInHandler(
    subjectsOf: (scene: Scene, stream: TcpStream, chunk: Chunk) => Subjects,
    check: (subjects: Subjects) => void,
  ): Promise<void> {
    const scene = await sceneWithSecret(dispatcher);
    const checked = new Promise<void>((resolve, reject) => {
      void scene.connect(OWN, (stream) => {
        stream.onData = (chunk) => {
          try {
            check(subjectsOf(scene, stream, chunk));
            resolve();
          } catch (error) {
            reject(error);
          }
        };
      });
    });
    await checked;
  }

  const everyObject = (
    { proactor, acceptor }: Scene,
    stream: TcpStream,
    chunk: Chunk,
  ): Subjects => {
    const lease = chunk.lease();
    atEnd(() => lease.release());
    stream.write(OWN);
    return {
      proactor,
      acceptor,
      iterator: stream[Symbol.asyncIterator](),
      stream,
      chunk,
      lease,
      buffers: proactor.buffers,
      'memory of the buffers': proactor.buffers.memory,
      memory: proactor.allocate(100),
      message: { acceptor, stream },
      figures: proactor.stats(),
      report: Proactor.probe(),
      error: thrown(() => dispatcher.open().recvMultishot(0, proactor.buffers, 0, () => {})),
      channels,
    };
  };

  it('would be found to have a secret: it is where the buffers begin', async () => {
    await checkInHandler(
      ({ proactor }) => ({ bytes: proactor.buffers.memory.bytes }),
      (subjects) => {
        const bytes = subjects['bytes'] as Buffer;
        const words = new Int32Array(bytes.buffer, 0, 20);
        const shown = [inspect(bytes), walk(bytes), JSON.stringify(bytes), inspect(bytes.buffer)];
        expect([...shown, walk(words), String(bytes)].map(isForeign)).toEqual(Array(6).fill(true));
      },
    );
  });

  it('has no bytes of another connection, however it is printed', async () => {
    await checkInHandler(everyObject, (subjects) => expect(faultsOf(subjects)).toEqual([]));
  });

  it('is short', async () => {
    await checkInHandler(
      everyObject,
      ({ message, error, figures, report, channels: all, ...subjects }) => {
        expect(lengthsAbove(subjects, 12, 1000)).toEqual([]);
        const others = { message, error, figures, report, all } as Subjects;
        expect(lengthsAbove(others, 50, 2000)).toEqual([]);
      },
    );
  });

  it("has the object's own bytes, its addresses and figures", async () => {
    await checkInHandler(everyObject, ({ acceptor, stream, chunk, lease, proactor, buffers }) => {
      const bytes = inspect(Buffer.from(OWN));
      expect(inspect(chunk)).toBe(`Chunk { length: 6, bytes: ${bytes} }`);
      expect(inspect(lease)).toBe(`Lease { length: 6, bytes: ${bytes} }`);
      expect(JSON.parse(JSON.stringify([chunk, lease]))).toEqual([
        { length: 6, bytes },
        { length: 6, bytes },
      ]);
      const { localAddress, remoteAddress, fd } = stream as TcpStream;
      expect(JSON.parse(JSON.stringify(stream))).toEqual({
        state: 'open',
        fd,
        localAddress,
        remoteAddress,
        bytesRead: 6,
        bytesWritten: 0,
        writableLength: 6,
        isPaused: false,
      });
      const { address, fd: listening } = acceptor as TcpAcceptor;
      const printed = { state: 'listening', fd: listening, address, waiting: 0 };
      expect(inspect(acceptor)).toBe(`TcpAcceptor ${inspect(printed)}`);
      expect(JSON.parse(JSON.stringify(acceptor))).toEqual(printed);
      expect(inspect(proactor)).toMatch(
        /^Proactor { dispatch: '(loop|thread)', disposed: false, inFlight: \d+ }$/,
      );
      expect(inspect(buffers)).toMatch(
        /^BufferRing { count: 4, size: 1024, provided: \d, scarce: (true|false) }$/,
      );
    });
  });

  it('is as deep and as colored as is asked for', async () => {
    await checkInHandler(everyObject, ({ stream, chunk, acceptor }) => {
      expect(inspect({ stream, chunk }, { depth: 0 })).toBe(
        '{ stream: [TcpStream], chunk: [Chunk] }',
      );
      expect(inspect(acceptor, { depth: 0 })).toContain('address: [Object]');
      expect(inspect(stream, { colors: true })).toContain("state: \u001b[32m'open'\u001b[39m");
      expect(inspect(chunk, { compact: false })).toContain('Chunk {\n  length: 6,\n');
    });
  });

  it('has no internals in what is enumerable', async () => {
    await checkInHandler(everyObject, ({ proactor, acceptor, stream, memory }) => {
      expect(Object.keys(proactor!)).toEqual(['dispatch']);
      expect(Object.keys(acceptor!).sort()).toEqual(['address', 'onError', 'proactor']);
      expect(Object.keys(stream!).sort()).toEqual(
        ['onClose', 'onDrain', 'onEnd', 'onTimeout', 'proactor'].sort(),
      );
      expect(Object.keys(memory!)).toEqual(['byteLength']);
    });
  });

  it('is what a copy for another thread has at the most: none is made where Node can refuse it', async () => {
    await checkInHandler(
      everyObject,
      ({ proactor, acceptor, stream, chunk, lease, buffers, memory }) => {
        const own = { proactor, acceptor, stream, chunk, lease, buffers, memory } as Subjects;
        for (const [name, subject] of Object.entries(own)) {
          // A chunk and a lease refer to the buffers, whose methods cannot be cloned by any Node.
          if (!('markAsUncloneable' in workerThreads) && !Object.hasOwn(subject, 'buffers'))
            continue;
          const { name: error } = thrown(() => structuredClone(subject));
          expect({ name, error }).toEqual({ name, error: 'DataCloneError' });
        }
        // What SECURITY.md warns of, and what it advises.
        const { bytes } = chunk as Chunk;
        expect(isForeign(String(Buffer.from(structuredClone(bytes).buffer)))).toBe(true);
        expect(structuredClone(Uint8Array.from(bytes)).buffer.byteLength).toBe(OWN.length);
      },
    );
  });

  it('is there, without figures, of a proxy and of what inherits from the object', async () => {
    await checkInHandler(everyObject, (subjects) => {
      for (const subject of Object.values(subjects)) {
        for (const other of [new Proxy(subject, {}), Object.create(subject) as object]) {
          expect(() => [inspect(other), JSON.stringify(other)]).not.toThrow();
        }
      }
    });
  });
});

describeEach('what is printed at the end', (dispatcher) => {
  it('says that a chunk was returned and a lease released', async () => {
    const { connect } = await sceneWithSecret(dispatcher);
    const kept: { chunk: Chunk; lease: Lease }[] = [];
    await connect(OWN, (stream) => {
      stream.onData = (chunk) => {
        kept.push({ chunk, lease: chunk.lease() });
      };
    });
    await until('something is received', () => kept.length > 0);
    const { chunk, lease } = kept[0]!;
    // '%s' is toString(), which gives the bytes or throws.
    const { '%s': _, ...ways } = { ...printing, ...walking };
    expect(inspect(chunk)).toBe('Chunk { isReturned: true }');
    expect(faultsOf({ chunk }, ways)).toEqual([]);
    expect(faultsOf({ lease })).toEqual([]);
    expect(inspect(lease)).toContain('49 20 61 6d 20 42');
    lease.release();
    expect(inspect(lease)).toBe('Lease { length: 6, isReleased: true }');
    expect(faultsOf({ lease }, ways)).toEqual([]);
  });

  it('has the states of a stream', async () => {
    const { connect } = await sceneWithSecret(dispatcher);
    const streams: TcpStream[] = [];
    const far = await connect(OWN, (stream) => streams.push(stream));
    await until('it is accepted', () => streams.length > 0);
    const stream = streams[0]!;
    const stateOf = (subject: object): string =>
      (JSON.parse(JSON.stringify(subject)) as { state: string }).state;
    const { remoteAddress } = stream;
    stream.pause();
    stream.onData = () => {};
    await delay(20); // what came is queued
    expect(JSON.parse(JSON.stringify(stream))).toMatchObject({ state: 'open', isPaused: true });
    expect(faultsOf({ stream, far })).toEqual([]);
    void far.end();
    expect(stateOf(far)).toBe('readOnly');
    expect(faultsOf({ stream, far })).toEqual([]);
    stream.destroy(new Error('of the test'));
    expect(stateOf(stream)).toBe('closing');
    expect(faultsOf({ stream })).toEqual([]);
    await stream.closed;
    expect(JSON.parse(JSON.stringify(stream))).toMatchObject({ state: 'closed', remoteAddress });
    expect(inspect(stream)).not.toContain('fd');
    expect(faultsOf({ stream })).toEqual([]);
  });

  it('is there of what its proactor ended, and of the proactor', async () => {
    const { proactor, acceptor, connect } = await sceneWithSecret(dispatcher);
    const stream = await connect(OWN, () => {});
    acceptor.pause();
    expect(inspect(acceptor)).toContain("state: 'paused'");
    const { buffers } = proactor;
    const memory = proactor.allocate(100);
    await proactor.dispose();
    const subjects = { proactor, acceptor, stream, buffers, memory, shared: buffers.memory };
    expect(faultsOf(subjects)).toEqual([]);
    expect(lengthsAbove(subjects, 12, 1000)).toEqual([]);
    expect(inspect(proactor)).toContain('disposed: true, inFlight: 0');
    expect(inspect(acceptor)).toContain("state: 'closed'");
  });

  it('says of memory that it is detached', async () => {
    const proactor = dispatcher.open();
    const memory = proactor.allocate(64);
    expect(inspect(memory)).toMatch(/^Memory {\n {2}byteLength: 64,\n {2}bytes: <Buffer 00 00 /);
    const { buffer } = memory.bytes as { buffer: ArrayBuffer & { transfer?: () => ArrayBuffer } };
    if (buffer.transfer === undefined) return; // Node 20
    buffer.transfer();
    expect(inspect(memory)).toBe('Memory { byteLength: 64, isDetached: true }');
    expect(JSON.stringify(memory)).toBe('{"byteLength":64,"isDetached":true}');
  });
});
