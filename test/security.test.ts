// What SECURITY.md promises and no other test shows: whose credentials operations have, what a child process inherits,
// and that bytes of one connection do not show in another's.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { expect, it } from '@jest/globals';
import { TcpAcceptor, TcpStream } from 'proactor';
import { runProgram } from './support/child';
import { atEnd } from './support/cleanup';
import { describeEach } from './support/dispatchers';

const scratch = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'proactor-security-'));
  chmodSync(folder, 0o755);
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const asRoot = process.getuid?.() === 0 ? it : it.skip;

describeEach('credentials', (dispatcher) => {
  asRoot('of operations are those that the process has by then (needs root)', async () => {
    const file = path.join(scratch(), 'for-root');
    writeFileSync(file, 'secret', { mode: 0o600 });
    const ended = await runProgram(
      dispatcher,
      async ({ open, constants, require }) => {
        const proactor = open();
        const outcome = (): Promise<string> =>
          proactor.openat(constants.AT_FDCWD, process.env['FOR_ROOT']!, 0).then(
            () => 'opened',
            (error: { code: string }) => error.code,
          );
        const before = await outcome();
        // Waits in a chain until after the change.
        proactor.link();
        proactor.timeout(200, constants.IORING_TIMEOUT_ETIME_SUCCESS, () => {});
        const chained = outcome();
        const { setTimeout: delay } = require('node:timers/promises');
        await delay(50);
        process.setgroups!([]);
        process.setgid!(65534);
        process.setuid!(65534);
        console.log(before, await outcome(), await chained);
        await proactor.dispose();
      },
      { env: { FOR_ROOT: file } },
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'opened EACCES EACCES\n' });
  });
});

describeEach('descriptors', (dispatcher) => {
  it('are not inherited by a child process', async () => {
    const proactor = dispatcher.open();
    const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, () => {});
    const { port } = acceptor.address;
    const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
    const file = path.join(scratch(), 'file');
    const fd = await proactor.openat(-100, file, 0o102); // O_RDWR | O_CREAT, no O_CLOEXEC
    const own = spawnSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' }).stdout;
    expect(own).toContain('[io_uring]');
    expect(own).toContain(file);
    // "exec" so that what is listed is what the first program got.
    const { stdout } = spawnSync('sh', ['-c', 'exec ls -l /proc/self/fd'], { encoding: 'utf8' });
    // Its standard input and output are sockets of its own.
    const inherited = stdout
      .split('\n')
      .filter((line) => / ([3-9]|\d\d+) -> .*(io_uring|eventfd|socket:)/.test(line));
    expect(inherited).toEqual([]);
    expect(stdout).not.toContain(file);
    await proactor.close(fd);
    stream.destroy();
  });
});

describeEach('received bytes', (dispatcher) => {
  it("of one connection do not show in another's chunk, though their buffers are shared", async () => {
    const proactor = dispatcher.open({ buffers: { count: 2, size: 1024 } });
    const seen: string[] = [];
    let whole = '';
    const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
      stream.onData = (chunk) => {
        seen.push(chunk.toString());
        whole = Buffer.from(chunk.bytes.buffer).toString('latin1');
        stream.end();
      };
    });
    const { port } = acceptor.address;
    for (const text of ['secret of the first', 'second']) {
      const stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
      await stream.end(text);
      expect(await stream.read()).toBeNull();
      await stream.closed;
    }
    expect(seen).toEqual(['secret of the first', 'second']);
    // What SECURITY.md warns of.
    expect(whole).toContain('secret of the first');
  });
});
