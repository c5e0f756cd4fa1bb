// Memory in flight: detached, shrunk or collected meanwhile, it never leaves the kernel a dangling address, and what
// becomes of the operation is defined.
import * as fs from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { runProgram } from './support/child';
import { completionOf } from './support/completions';
import { type Dispatcher, describeAll, describeEach } from './support/dispatchers';
import { openFile, temporaryFile } from './support/files';
import { tcpPair, udpSocket } from './support/sockets';

const EFAULT = 14;
const address = '127.0.0.1';

/** Takes the memory away, as postMessage and structuredClone do. */
function detach(view: ArrayBufferView): void {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(null, [view.buffer as ArrayBuffer]);
  port1.close();
  port2.close();
  expect(view.byteLength).toBe(0);
}

const alone = (length: number, fill = 0): Uint8Array => new Uint8Array(length).fill(fill);

const detached = {
  code: 'EFAULT',
  errno: -EFAULT,
  message: expect.stringContaining('detached'),
};

describeAll('a target that is detached in flight', ({ open }) => {
  it('fails a read with EFAULT, and the block behind it goes back', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('0123456789'));
    const target = alone(10);
    const read = proactor.read(fd, target, 0, 10, 0);
    detach(target);
    await expect(read).rejects.toMatchObject({ ...detached, syscall: 'read' });
    const again = alone(10);
    const completion = completionOf((handler) => proactor.read(fd, again, 0, 10, 0, handler));
    detach(again);
    expect((await completion).result).toBe(-EFAULT);
    expect(proactor.stats()).toMatchObject({ blocksLent: 0, inFlight: 0 });
  });

  it('fails a receive that waits', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const target = alone(10);
    const failed = expect(proactor.recv(near, target)).rejects.toMatchObject({
      ...detached,
      syscall: 'recv',
    });
    await proactor.nop();
    detach(target);
    await proactor.send(far, alone(10, 1));
    await failed;
  });

  it('does not matter where nothing was received', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const target = alone(10);
    const received = proactor.recv(near, target);
    detach(target);
    await proactor.shutdown(far, constants.SHUT_WR);
    expect(await received).toBe(0);
  });

  it('fails a readv, and the other buffers have their own bytes', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('aaabbbcccddd'));
    for (const lost of [0, 1, 2]) {
      const targets = [alone(3), alone(3), alone(3)];
      const memory = proactor.allocate(3);
      const read = proactor.readv(fd, [...targets, memory], 0);
      detach(targets[lost]!);
      await expect(read).rejects.toMatchObject({ ...detached, syscall: 'readv' });
      const texts = targets.map((target) => Buffer.from(target).toString());
      const whole = ['aaa', 'bbb', 'ccc'].map((text, index) => (index === lost ? '' : text));
      expect(texts).toEqual(whole);
      expect(memory.bytes.toString()).toBe('ddd');
    }
  });

  it('fails a recvmsg, and the sender is told all the same', async () => {
    const proactor = open();
    const { fd, port } = udpSocket();
    const target = alone(4);
    const message = { buffers: [target], endpoint: undefined };
    const received = proactor.recvmsg(fd, message);
    detach(target);
    await proactor.sendmsg(fd, { buffers: [alone(4)], endpoint: { address, port } });
    await expect(received).rejects.toMatchObject(detached);
    expect(message.endpoint).toMatchObject({ address, port });
  });

  it('fails a statx', async () => {
    const proactor = open();
    const target = alone(constants.STATX_BYTES);
    const told = proactor.statx(constants.AT_FDCWD, '/', 0, constants.STATX_BASIC_STATS, target);
    detach(target);
    await expect(told).rejects.toMatchObject({ ...detached, syscall: 'statx' });
    expect(proactor.stats().blocksLent).toBe(0);
  });
});

describeAll('a source that is detached in flight', ({ open }) => {
  it('was copied: a write, a send and a zero-copy send carry its bytes', async () => {
    const proactor = open();
    const file = temporaryFile();
    const fd = openFile(file);
    const { near, far } = await tcpPair(proactor);
    const sources = Array.from({ length: 4 }, (_, i) => alone(1000, i + 1));
    const [first, second, third, fourth] = sources;
    const done = Promise.all([
      proactor.write(fd, first!, 0, 1000, 0),
      proactor.writev(fd, [second!], 1000),
      proactor.send(near, third!),
    ]);
    for (const source of sources.slice(0, 3)) detach(source);
    expect(await done).toEqual([1000, 1000, 1000]);
    const sent = proactor.sendZeroCopy(near, fourth!);
    detach(fourth!);
    const received = Buffer.alloc(2000);
    expect(await proactor.recv(far, received, 0, 2000, constants.MSG_WAITALL)).toBe(2000);
    expect(await sent).toBe(1000);
    const whole = (from: number): Buffer =>
      Buffer.concat([Buffer.alloc(1000, from), Buffer.alloc(1000, from + 1)]);
    expect(fs.readFileSync(file).equals(whole(1))).toBe(true);
    expect(received.equals(whole(3))).toBe(true);
  });
});

// Node 20 has ArrayBuffer.prototype.transfer behind an option, which later ones do not know.
const TRANSFER_OPTIONS = 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer'];

describeEach('a target that is resized in flight', ({ open }) => {
  type Resizable = ArrayBuffer & { resize(length: number): void };
  const resizable = (length: number): Resizable =>
    new (ArrayBuffer as unknown as new (length: number, options: object) => Resizable)(length, {
      maxByteLength: length * 2,
    });

  it('fails with EFAULT where its place is gone, and works where it is still there', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('0123456789'));
    const shrunk = resizable(10);
    const failed = proactor.read(fd, new Uint8Array(shrunk, 0, 10), 0, 10, 0);
    const vector = resizable(10);
    const failedVector = proactor.readv(fd, [new Uint8Array(vector, 5, 5)], 0);
    const grown = resizable(10);
    const target = new Uint8Array(grown, 0, 10);
    const read = proactor.read(fd, target, 0, 10, 0);
    shrunk.resize(4);
    vector.resize(4);
    grown.resize(20);
    await expect(failed).rejects.toMatchObject({ code: 'EFAULT' });
    await expect(failedVector).rejects.toMatchObject({ code: 'EFAULT' });
    expect(await read).toBe(10);
    expect(Buffer.from(target).toString()).toBe('0123456789');
  });
});

describeEach('memory shared with workers', ({ open }) => {
  it('is read into and written from', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('shared'));
    const target = new Uint8Array(new SharedArrayBuffer(6));
    expect(await proactor.read(fd, target, 0, 6, 0)).toBe(6);
    expect(Buffer.from(target).toString()).toBe('shared');
    expect(await proactor.write(fd, target, 0, 3, 6)).toBe(3);
  });
});

describeEach('native memory', (dispatcher: Dispatcher) => {
  it('cannot be transferred away', () => {
    const memory = dispatcher.open().allocate(100);
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(null, [memory.bytes.buffer as ArrayBuffer]);
    } catch (error) {
      // From Node 21 on this throws; before, such a request was ignored.
      expect(error).toMatchObject({ name: 'DataCloneError' });
    }
    port1.close();
    port2.close();
    expect(memory.bytes.byteLength).toBe(100);
  });

  it('that is detached by ArrayBuffer.prototype.transfer stays mapped for what is in flight', async () => {
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const files = require('node:fs') as typeof import('node:fs');
        const os = require('node:os') as typeof import('node:os');
        const proactor = open();
        const folder = files.mkdtempSync(`${os.tmpdir()}/proactor-test-`);
        const fd = files.openSync(`${folder}/file`, 'w+');
        files.rmSync(folder, { recursive: true });
        const memory = proactor.allocate(65_536);
        memory.bytes.fill(7);
        const written = proactor.write(fd, memory, 0, 65_536, 0);
        const read = proactor.read(fd, proactor.allocate(10), 0, 10, 70_000);
        (memory.bytes.buffer as unknown as { transfer(length: number): void }).transfer(0);
        (globalThis as unknown as { gc(): void }).gc();
        Promise.all([written, read]).then(async (results) => {
          const content = files.readFileSync(`/proc/self/fd/${fd}`);
          console.log(
            results.join(),
            memory.bytes.byteLength,
            content.equals(Buffer.alloc(65_536, 7)),
          );
          await proactor
            .write(fd, memory, 0, 10, 0)
            .then(console.log, (error: NodeJS.ErrnoException) => console.log(error.code));
        });
      },
      { nodeOptions: ['--expose-gc', ...TRANSFER_OPTIONS] },
    );
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(/^65536,0 0 true\n/);
    expect(ended).toMatchObject({ code: 0, timedOut: false });
  });
});

describeEach('memory that is collected', (dispatcher: Dispatcher) => {
  it('is not collected in flight, and is afterwards', async () => {
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const files = require('node:fs') as typeof import('node:fs');
        const { execFileSync } =
          require('node:child_process') as typeof import('node:child_process');
        const os = require('node:os') as typeof import('node:os');
        const folder = files.mkdtempSync(`${os.tmpdir()}/proactor-test-`);
        execFileSync('mkfifo', [`${folder}/pipe`]);
        const fd = files.openSync(`${folder}/pipe`, files.constants.O_RDWR);
        files.rmSync(folder, { recursive: true });
        const proactor = open();
        const collect = (globalThis as unknown as { gc(): void }).gc;
        const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
        const references: WeakRef<object>[] = [];
        const results: number[] = [];
        const initiate = (): void => {
          const memory = proactor.allocate(1 << 20);
          const listed = proactor.allocate(1);
          references.push(new WeakRef(memory), new WeakRef(listed));
          proactor.read(fd, memory, 0, 1, -1, (result) => results.push(result));
          proactor.readv(fd, [listed], -1, (result) => results.push(result));
          proactor.read(fd, new Uint8Array(1000), 0, 1, -1, (result) => results.push(result));
        };
        const alive = (): number => references.filter((reference) => reference.deref()).length;
        const run = async (): Promise<void> => {
          for (let i = 0; i < 5; i++) initiate();
          for (let i = 0; i < 5; i++) {
            await turn();
            collect();
          }
          console.log('in flight', alive());
          files.writeSync(fd, 'x'.repeat(1000));
          while (results.length < 15) await turn();
          for (let i = 0; i < 5; i++) {
            await turn();
            collect();
          }
          console.log(
            'completed',
            alive(),
            results.every((result) => result > 0),
          );
          await proactor.dispose();
        };
        run();
      },
      { nodeOptions: ['--expose-gc'] },
    );
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toBe('in flight 10\ncompleted 0 true\n');
    expect(ended).toMatchObject({ code: 0, timedOut: false });
  });

  it('is unmapped: what is mapped returns to its start', async () => {
    const ended = await runProgram(
      dispatcher,
      ({ open, require }) => {
        const { addon } = require('./dist/ring/binding.js') as { addon: { mappedBytes(): number } };
        const collect = (globalThis as unknown as { gc(): void }).gc;
        const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
        const settled = async (): Promise<number> => {
          for (let i = 0; i < 10; i++) {
            await turn();
            collect();
          }
          return addon.mappedBytes();
        };
        const use = async (): Promise<void> => {
          const proactor = open();
          for (let i = 0; i < 20; i++) {
            await proactor.nop();
            proactor.allocate(100_000).bytes.fill(1);
            await proactor.read(0, new Uint8Array(400_000)).catch(() => {});
          }
          proactor.timeout(60_000, 0, () => {});
          await proactor.dispose();
        };
        const run = async (): Promise<void> => {
          const before = await settled();
          for (let i = 0; i < 5; i++) await use();
          const after = await settled();
          console.log(before, after);
        };
        run();
      },
      { nodeOptions: ['--expose-gc'] },
    );
    expect(ended).toMatchObject({ code: 0, stdout: '0 0\n', stderr: '', timedOut: false });
  });
});
