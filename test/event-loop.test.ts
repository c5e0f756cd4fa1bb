// The event loop's other users: timers, immediates, files, sockets, child processes and signals stay alive while a
// proactor is busy, and while it sleeps in the kernel in libuv's place. Events of libuv's must never be lost.
import { execFile } from 'node:child_process';
import * as dns from 'node:dns/promises';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import type { Proactor } from 'proactor';
import { runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { delay } from './support/completions';
import { type Dispatcher, describeAll } from './support/dispatchers';
import { patterned, temporaryFile } from './support/files';
import { patient } from './support/pace';

const FOREVER_MS = 60_000;

/** What the proactor does meanwhile. */
const loads: Readonly<Record<string, (proactor: Proactor) => void>> = {
  'asleep with an operation in flight': (proactor) => {
    proactor.timeout(FOREVER_MS, 0, () => {});
  },
  'woken every millisecond': (proactor) => {
    const again = (): void => {
      if (!proactor.disposed) proactor.timeout(1, 0, again);
    };
    again();
  },
  'busy without a pause': (proactor) => {
    const again = (): void => {
      if (!proactor.disposed) proactor.nop(again);
    };
    for (let i = 0; i < 8; i++) proactor.nop(again);
  },
};

async function echoServer(): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  atEnd(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** Sends `bytes` to an echo server and reads them back, a little at a time. */
async function echoed(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = net.connect({
    port,
    host: '127.0.0.1',
    readableHighWaterMark: 4096,
  } as net.NetConnectOpts);
  atEnd(() => socket.destroy());
  socket.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    // The rest waits in the kernel while nobody reads.
    if (chunks.length % 50 === 0) await delay(1);
  }
  return Buffer.concat(chunks);
}

for (const [load, begin] of Object.entries(loads)) {
  describeAll(`beside a proactor that is ${load}`, ({ open }) => {
    const loaded = (): Proactor => {
      const proactor = open();
      begin(proactor);
      atEnd(() => expect(proactor.stats().inFlight).toBeGreaterThan(0));
      return proactor;
    };

    it('timers and immediates run on time', async () => {
      loaded();
      for (const ms of [1, 5, 20]) {
        const start = performance.now();
        await delay(ms);
        const late = performance.now() - start - ms;
        expect(late).toBeGreaterThan(-2);
        expect(late).toBeLessThan(patient(5000));
      }
      let turns = 0;
      await new Promise<void>((resolve) => {
        const turn = (): void => {
          if (++turns === 100) resolve();
          else setImmediate(turn);
        };
        setImmediate(turn);
      });
      await new Promise<void>((resolve) => {
        let ticks = 0;
        const interval = setInterval(() => {
          if (++ticks < 10) return;
          clearInterval(interval);
          resolve();
        }, 2);
      });
    });

    it('files are read and names looked up in the thread pool', async () => {
      loaded();
      const content = patterned(200_000);
      const files = Array.from({ length: 20 }, () => temporaryFile(content));
      const read = await Promise.all(files.map((file) => fs.promises.readFile(file)));
      for (const bytes of read) expect(bytes.equals(content)).toBe(true);
      expect((await dns.lookup('127.0.0.1')).address).toBe('127.0.0.1');
    });

    it('child processes run, and their end is noticed', async () => {
      loaded();
      const run = promisify(execFile);
      const outputs = await Promise.all(
        Array.from({ length: 4 }, (_, i) => run('/bin/sh', ['-c', `sleep 0.0${i}; echo ${i}`])),
      );
      expect(outputs.map(({ stdout }) => stdout.trim())).toEqual(['0', '1', '2', '3']);
    });

    it('large uploads through node:net arrive whole', async () => {
      loaded();
      const port = await echoServer();
      const sizes = [3_000_001, 1, 500_000, 70_000];
      const results = await Promise.all(
        sizes.map((size, index) => echoed(port, patterned(size, index))),
      );
      for (const [index, size] of sizes.entries()) {
        expect(results[index]!.equals(patterned(size, index))).toBe(true);
      }
    });

    it('sockets that are opened one after the other all get their events', async () => {
      loaded();
      const port = await echoServer();
      for (let i = 0; i < 30; i++) {
        const bytes = patterned(100 + i, i);
        expect((await echoed(port, bytes)).equals(bytes)).toBe(true);
      }
    });

    it('sockets, files and timers that are opened from within a handler get their events', async () => {
      const proactor = loaded();
      const port = await echoServer();
      const file = temporaryFile('content');
      const results = await Promise.all(
        Array.from(
          { length: 10 },
          (_, i) =>
            new Promise<string>((resolve, reject) => {
              proactor.timeout(i, 0, () => {
                if (i % 3 === 0)
                  echoed(port, Buffer.from('content')).then(String).then(resolve, reject);
                else if (i % 3 === 1) fs.readFile(file, 'utf8', (_error, text) => resolve(text));
                else setTimeout(resolve, 3, 'content');
              });
            }),
        ),
      );
      expect(results).toEqual(Array(10).fill('content'));
    });
  });
}

describeAll('a sleeping proactor', (dispatcher: Dispatcher) => {
  it('lets signals through', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      const proactor = open();
      proactor.timeout(60_000, 0, () => {});
      process.on('SIGUSR2', () => {
        console.log('signal');
        proactor.dispose().then(() => process.off('SIGUSR2', () => {}));
        setTimeout(() => process.exit(0), 50);
      });
      setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 20);
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'signal\n', timedOut: false });
  });

  it('uses no processor time', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      open().timeout(700, 0, () => {
        const { user, system } = process.cpuUsage(start);
        console.log((user + system) / 1000 < 200 ? 'slept' : `used ${user + system} us`);
      });
      const start = process.cpuUsage();
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'slept\n', timedOut: false });
  });

  it('that has nothing to do uses none either', async () => {
    const ended = await runProgram(dispatcher, ({ open }) => {
      open().nop(() => {
        const start = process.cpuUsage();
        setTimeout(() => {
          const { user, system } = process.cpuUsage(start);
          console.log((user + system) / 1000 < 200 ? 'idle' : `used ${user + system} us`);
        }, 700);
      });
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'idle\n', timedOut: false });
  });

  it('wakes up for messages of workers', async () => {
    const ended = await runProgram(dispatcher, ({ open, require }) => {
      const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
      const proactor = open();
      proactor.timeout(60_000, 0, () => {});
      const worker = new Worker(
        `const { parentPort } = require('node:worker_threads');
         parentPort.on('message', (n) => parentPort.postMessage(n + 1));`,
        { eval: true },
      );
      worker.on('message', (n: number) => {
        if (n < 200) worker.postMessage(n);
        else {
          console.log(n);
          process.exit(0);
        }
      });
      worker.postMessage(0);
    });
    expect(ended).toMatchObject({ code: 0, stdout: '200\n', timedOut: false });
  });
});
