// Files: opening, reading, writing, making durable, and telling about them as node:fs does.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { completionOf } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { openFile, patterned, pipe, temporaryFile, temporaryFolder } from './support/files';

const { AT_EMPTY_PATH, AT_FDCWD, STATX_BASIC_STATS, STATX_BTIME, STATX_BYTES } = constants;
const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;

describeAll('openat', ({ open }) => {
  it('opens a file and makes one, with a mode', async () => {
    const proactor = open();
    const name = path.join(temporaryFolder(), 'new');
    const fd = await proactor.openat(AT_FDCWD, name, O_CREAT | O_RDWR, 0o640);
    expect(fs.fstatSync(fd).mode & 0o777).toBe(0o640 & ~process.umask());
    expect(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')).toMatch(/flags:\s+0\d*2\d{6}\n/);
    fs.closeSync(fd);
  });

  it('opens a name below a folder that is open', async () => {
    const proactor = open();
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'naïve.txt'), 'x');
    const { result } = await completionOf((handler) =>
      proactor.openat(openFile(folder, O_RDONLY), 'naïve.txt', O_RDONLY, 0, handler),
    );
    expect(fs.fstatSync(result).size).toBe(1);
    fs.closeSync(result);
  });

  it('rejects as node:fs does, with the path', async () => {
    const proactor = open();
    const name = path.join(temporaryFolder(), 'missing');
    const own = await proactor.openat(AT_FDCWD, name, O_RDONLY).catch((error) => error);
    let nodes: unknown;
    try {
      fs.openSync(name, 'r');
    } catch (error) {
      nodes = error;
    }
    const { code, errno, syscall } = nodes as NodeJS.ErrnoException;
    expect(own).toMatchObject({ code, errno, syscall, path: name });
    expect(own.message).toBe((nodes as Error).message);
    const file = temporaryFile();
    const exclusively = proactor.openat(AT_FDCWD, file, O_CREAT | O_EXCL | O_WRONLY);
    await expect(exclusively).rejects.toMatchObject({ code: 'EEXIST', path: file });
  });

  it('opens a path longer than the smallest block', async () => {
    const proactor = open();
    const folder = path.join(temporaryFolder(), 'd'.repeat(200), 'e'.repeat(200));
    fs.mkdirSync(folder, { recursive: true });
    const fd = await proactor.openat(AT_FDCWD, folder, O_RDONLY);
    expect(fs.fstatSync(fd).isDirectory()).toBe(true);
    fs.closeSync(fd);
  });
});

describeAll('read and write', ({ open }) => {
  it('read at a position and at the end', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('0123456789'));
    const bytes = Buffer.alloc(4, '.');
    expect(await proactor.read(fd, bytes, 1, 2, 5)).toBe(2);
    expect(bytes.toString()).toBe('.56.');
    expect(await proactor.read(fd, bytes, 0, 4, 8)).toBe(2);
    expect(await proactor.read(fd, bytes, 0, 4, 10)).toBe(0);
  });

  it("move the file's own position where none is given", async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('0123456789'));
    const bytes = Buffer.alloc(4);
    await proactor.read(fd, bytes);
    expect(await proactor.read(fd, bytes, 0, 4, -1)).toBe(4);
    expect(bytes.toString()).toBe('4567');
    expect(await proactor.write(fd, Buffer.from('ab'))).toBe(2);
    await proactor.read(fd, bytes, 0, 4, 6);
    expect(bytes.toString()).toBe('67ab');
  });

  it('reach beyond 4 GiB', async () => {
    const proactor = open();
    const file = temporaryFile();
    const fd = openFile(file);
    const at = 5 * 2 ** 32 + 7;
    expect(await proactor.write(fd, Buffer.from('far'), 0, 3, at)).toBe(3);
    expect(fs.statSync(file).size).toBe(at + 3);
    const bytes = Buffer.alloc(3);
    await proactor.read(fd, bytes, 0, 3, at);
    expect(bytes.toString()).toBe('far');
  });

  it('copy nothing with native memory: reads go where they belong, writes come from there', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile());
    const memory = proactor.allocate(300_000);
    patterned(300_000).copy(memory.bytes);
    const lent = proactor.stats().blocksLent;
    const written = proactor.write(fd, memory, 0, 300_000, 0);
    expect(proactor.stats().blocksLent).toBe(lent);
    expect(await written).toBe(300_000);
    memory.bytes.fill(0);
    expect(await proactor.read(fd, memory.bytes.subarray(100, 200_100), 0, 200_000, 0)).toBe(
      200_000,
    );
    expect(
      memory.bytes.subarray(100, 200_100).equals(patterned(300_000).subarray(0, 200_000)),
    ).toBe(true);
    expect(memory.bytes.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
    expect(memory.bytes.subarray(200_100).every((byte) => byte === 0)).toBe(true);
  });

  it('carry every size of block', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile());
    for (const length of [1, 255, 256, 257, 4096, 4097, 65_536, 65_537, 262_145, 3_000_000]) {
      const bytes = patterned(length, length);
      expect(await proactor.write(fd, bytes, 0, length, 0)).toBe(length);
      const target = Buffer.alloc(length + 2);
      expect(await proactor.read(fd, target, 1, length, 0)).toBe(length);
      expect(target.subarray(1, length + 1).equals(bytes)).toBe(true);
      expect([target[0], target[length + 1]]).toEqual([0, 0]);
    }
    expect(proactor.stats().blocksLent).toBe(0);
  });

  it('work on pipes, and a read there can be aborted', async () => {
    const proactor = open();
    const { reader, writer } = pipe();
    const bytes = Buffer.alloc(8);
    const waiting = completionOf((handler) => proactor.read(reader, bytes, 0, 8, -1, handler));
    expect(await proactor.write(writer, Buffer.from('piped'))).toBe(5);
    expect((await waiting).result).toBe(5);
    const signal = AbortSignal.timeout(5);
    const aborted = proactor.read(reader, bytes, 0, 8, -1, { signal });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('reject with EBADF where the file is not open for it, and with EISDIR', async () => {
    const proactor = open();
    const readable = openFile(temporaryFile('x'), 'r');
    const failed = proactor.write(readable, Buffer.from('y'));
    await expect(failed).rejects.toMatchObject({ code: 'EBADF', errno: -9, syscall: 'write' });
    const folder = openFile(temporaryFolder(), O_RDONLY);
    const read = proactor.read(folder, Buffer.alloc(1));
    await expect(read).rejects.toMatchObject({ code: 'EISDIR', syscall: 'read' });
  });

  it('do many at a time', async () => {
    const proactor = open();
    const content = patterned(64 * 4096);
    const fd = openFile(temporaryFile(content));
    const blocks = Array.from({ length: 500 }, (_, i) => ({
      at: (i % 64) * 4096,
      bytes: Buffer.alloc(4096),
    }));
    const read = await Promise.all(
      blocks.map(({ at, bytes }) => proactor.read(fd, bytes, 0, 4096, at)),
    );
    expect(new Set(read)).toEqual(new Set([4096]));
    for (const { at, bytes } of blocks)
      expect(bytes.equals(content.subarray(at, at + 4096))).toBe(true);
  });
});

describeEach('readv and writev', ({ open }) => {
  it('scatter and gather, at a position and at the own one', async () => {
    const proactor = open();
    const file = temporaryFile();
    const fd = openFile(file);
    const memory = proactor.allocate(3);
    memory.bytes.write('two');
    expect(await proactor.writev(fd, [Buffer.from('one'), memory, Buffer.from('three')])).toBe(11);
    expect(await proactor.writev(fd, [Buffer.from('ONE')], 0)).toBe(3);
    expect(fs.readFileSync(file, 'latin1')).toBe('ONEtwothree');
    const first = Buffer.alloc(2);
    const last = Buffer.alloc(9, '.');
    expect(await proactor.readv(fd, [first, memory, last], 1)).toBe(10);
    expect(first.toString()).toBe('NE');
    expect(memory.bytes.toString()).toBe('two');
    expect(last.toString()).toBe('three....');
    expect(await proactor.readv(fd, [first])).toBe(0);
  });

  it('give the handler the result', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('abc'));
    const target = Buffer.alloc(5);
    const completion = await completionOf((handler) => proactor.readv(fd, [target], 0, handler));
    expect(completion).toEqual({ result: 3, flags: 0 });
    const failed = await completionOf((handler) =>
      proactor.writev(1_000_000, [target], 0, handler),
    );
    expect(failed.result).toBe(-9);
  });

  it('take no buffer at all, and empty ones', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('abc'));
    expect(await proactor.readv(fd, [], 0)).toBe(0);
    const target = Buffer.alloc(3);
    expect(await proactor.readv(fd, [Buffer.alloc(0), target, Buffer.alloc(0)], 0)).toBe(3);
    expect(target.toString()).toBe('abc');
  });
});

describeEach('a buffer of 4 GiB', ({ open }) => {
  // The length of an entry has 32 bits, and the kernel takes less than 2 GiB at a time. Untouched memory is not there.
  const huge = (): Uint8Array => new Uint8Array(2 ** 32);

  it('is read into, from the beginning and from another place', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('all of it'));
    const buffer = huge();
    expect(await proactor.read(fd, buffer, 0, buffer.length, 0)).toBe(9);
    expect(await proactor.read(fd, buffer, 1000, buffer.length - 1000, 4)).toBe(5);
    expect(Buffer.from(buffer.buffer, 0, 9).toString()).toBe('all of it');
    expect(Buffer.from(buffer.buffer, 1000, 5).toString()).toBe('of it');
  });

  it('is one of several that are read into', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('all of it'));
    const small = Buffer.alloc(4);
    const buffer = huge();
    expect(await proactor.readv(fd, [small, buffer, Buffer.alloc(4)], 0)).toBe(9);
    expect(String(small) + Buffer.from(buffer.buffer, 0, 5).toString()).toBe('all of it');
  });
});

describeEach('fsync', ({ open }) => {
  it('fulfils with 0, for data only as well', async () => {
    const proactor = open();
    const fd = openFile(temporaryFile('x'));
    expect(await proactor.fsync(fd)).toBe(0);
    expect(await proactor.fsync(fd, constants.IORING_FSYNC_DATASYNC)).toBe(0);
    const completion = await completionOf((handler) => proactor.fsync(fd, 0, handler));
    expect(completion).toEqual({ result: 0, flags: 0 });
  });

  it('rejects with EINVAL where there is nothing to make durable, and with EBADF', async () => {
    const proactor = open();
    await expect(proactor.fsync(pipe().reader)).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'fsync',
    });
    await expect(proactor.fsync(1_000_000)).rejects.toMatchObject({ code: 'EBADF' });
  });
});

describeEach('statx', ({ open }) => {
  const mask = STATX_BASIC_STATS | STATX_BTIME;

  it('tells what fs.statSync tells', async () => {
    const proactor = open();
    const file = temporaryFile(patterned(12_345));
    fs.chmodSync(file, 0o640);
    fs.utimesSync(file, 1_000_000_001, 1_600_000_000.5);
    const bytes = Buffer.alloc(STATX_BYTES);
    expect(await proactor.statx(AT_FDCWD, file, 0, mask, bytes)).toBe(0);
    const expected = fs.statSync(file, { bigint: true });
    expect({
      mode: BigInt(bytes.readUInt16LE(28)),
      nlink: BigInt(bytes.readUInt32LE(16)),
      uid: BigInt(bytes.readUInt32LE(20)),
      gid: BigInt(bytes.readUInt32LE(24)),
      ino: bytes.readBigUInt64LE(32),
      size: bytes.readBigUInt64LE(40),
      blocks: bytes.readBigUInt64LE(48),
      atimeNs: bytes.readBigInt64LE(64) * 10n ** 9n + BigInt(bytes.readUInt32LE(72)),
      birthtimeNs: bytes.readBigInt64LE(80) * 10n ** 9n + BigInt(bytes.readUInt32LE(88)),
      mtimeNs: bytes.readBigInt64LE(112) * 10n ** 9n + BigInt(bytes.readUInt32LE(120)),
    }).toEqual({
      mode: expected.mode,
      nlink: expected.nlink,
      uid: expected.uid,
      gid: expected.gid,
      ino: expected.ino,
      size: expected.size,
      blocks: expected.blocks,
      atimeNs: expected.atimeNs,
      birthtimeNs: expected.birthtimeNs,
      mtimeNs: expected.mtimeNs,
    });
  });

  it('asks about a descriptor with an empty path, and follows or shows a link', async () => {
    const proactor = open();
    const file = temporaryFile('12345');
    const bytes = Buffer.alloc(STATX_BYTES);
    expect(await proactor.statx(openFile(file), '', AT_EMPTY_PATH, mask, bytes)).toBe(0);
    expect(bytes.readBigUInt64LE(40)).toBe(5n);
    const link = path.join(temporaryFolder(), 'link');
    fs.symlinkSync(file, link);
    await proactor.statx(AT_FDCWD, link, 0, mask, bytes);
    expect(bytes.readUInt16LE(28) & 0o170000).toBe(fs.constants.S_IFREG);
    const AT_SYMLINK_NOFOLLOW = 0x100;
    await proactor.statx(AT_FDCWD, link, AT_SYMLINK_NOFOLLOW, mask, bytes);
    expect(bytes.readUInt16LE(28) & 0o170000).toBe(fs.constants.S_IFLNK);
  });

  it('rejects with ENOENT and the path, and leaves the buffer alone', async () => {
    const proactor = open();
    const missing = path.join(temporaryFolder(), 'missing');
    const bytes = Buffer.alloc(STATX_BYTES, 7);
    await expect(proactor.statx(AT_FDCWD, missing, 0, mask, bytes)).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'statx',
      path: missing,
    });
    expect(bytes.equals(Buffer.alloc(STATX_BYTES, 7))).toBe(true);
  });
});
