// TcpStream, ending: half-closes, end(), destroy(), resets, and what late calls get.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { TcpStream } from 'proactor';
import { onBothDispatchers } from './support/tcp-bed';
import {
  closeError,
  peerClosed,
  peerRead,
  peerReadAll,
  readAll,
  rejection,
  thrown,
  until,
} from './support/tcp-peer';

const LARGE = Buffer.alloc(20 << 20, 'large');

onBothDispatchers('TcpStream ending', (bed) => {
  it('ends with its peer', async () => {
    const { stream, peer } = await bed.connected();
    const ended = once(peer.resume(), 'end');
    stream.onData = () => {};
    peer.end('bye');
    await ended;
    await stream.closed;
    expect(stream.destroyed).toBe(true);
  });

  it('goes on receiving after end()', async () => {
    const { stream, peer } = await bed.connected();
    await stream.end('request');
    expect((await peerReadAll(peer)).toString()).toBe('request');
    expect(stream.destroyed).toBe(false);
    const reply = Buffer.alloc(3 << 20, 'reply');
    peer.end(reply);
    expect((await readAll(stream)).equals(reply)).toBe(true);
    await stream.closed;
  });

  it('loses nothing that comes between end() and the first read', async () => {
    const { stream, peer } = await bed.connected();
    await stream.end('request');
    peer.end('a reply that nobody waits for yet');
    await delay(50);
    expect(stream.destroyed).toBe(false);
    expect((await readAll(stream)).toString()).toBe('a reply that nobody waits for yet');
    await stream.closed;
  });

  it('closes after end() without a reader where the peer says nothing more', async () => {
    const { stream, peer } = await bed.accepted();
    const read = peerReadAll(peer);
    void stream.end('bye');
    expect((await read).toString()).toBe('bye');
    peer.end();
    await stream.closed;
  });

  it('goes on sending after the peer ended, with allowHalfOpen', async () => {
    const { stream, peer } = await bed.accepted({ stream: { allowHalfOpen: true } });
    const reading = peerReadAll(peer);
    peer.end('question');
    expect((await readAll(stream)).toString()).toBe('question');
    await delay(20);
    expect(stream.destroyed).toBe(false);
    stream.write('ans');
    await delay(5);
    await stream.end('wer');
    expect((await reading).toString()).toBe('answer');
    await stream.closed;
  });

  it('sends what was written before the peer ended, without allowHalfOpen', async () => {
    const { stream, peer } = await bed.connected();
    stream.onData = (chunk) => {
      if (chunk.toString() === 'go') stream.write(LARGE);
    };
    peer.end('go');
    expect((await peerReadAll(peer)).length).toBe(LARGE.length);
    await stream.closed;
    expect(thrown(() => stream.write('late')).code).toBe('ERR_STREAM_DESTROYED');
  });

  it('refuses writes in onEnd, without allowHalfOpen', async () => {
    const { stream, peer } = await bed.connected();
    const codes: (string | undefined)[] = [];
    stream.onData = () => {};
    stream.onEnd = () => codes.push(thrown(() => stream.write('late')).code);
    peer.end();
    await stream.closed;
    expect(codes).toEqual(['ERR_STREAM_WRITE_AFTER_END']);
  });

  it('sends everything before its end', async () => {
    const { stream, peer } = await bed.connected();
    stream.write('head');
    stream.write(LARGE);
    const ended = stream.end('tail');
    const received = await peerReadAll(peer);
    await ended;
    expect(received.length).toBe(LARGE.length + 8);
    expect(received.subarray(-4).toString()).toBe('tail');
  });

  it('fulfils end() each time, also after the close', async () => {
    const { stream, peer } = await bed.connected();
    await Promise.all([stream.end('once'), stream.end(), stream.end()]);
    peer.end();
    await stream.closed;
    await stream.end();
    expect((await peerReadAll(peer)).toString()).toBe('once');
  });

  it('refuses writes after end()', async () => {
    const { stream } = await bed.connected();
    void stream.end();
    const code = 'ERR_STREAM_WRITE_AFTER_END';
    const error = thrown(() => stream.write('x'));
    expect([error.code, error.message]).toEqual([code, 'write after end']);
    expect(thrown(() => stream.writeText('x', 'hex')).code).toBe(code);
    expect((await rejection((async () => stream.writeAsync('x'))())).code).toBe(code);
    expect((await rejection((async () => stream.end('x'))())).code).toBe(code);
  });

  it('refuses writes after destroy(), and answers reads', async () => {
    const { stream } = await bed.connected();
    stream.destroy();
    for (let turn = 0; turn < 2; turn++) {
      expect(thrown(() => stream.write('x')).code).toBe('ERR_STREAM_DESTROYED');
      expect(thrown(() => stream.writeText('x', 'hex')).code).toBe('ERR_STREAM_DESTROYED');
      expect(thrown(() => stream.setNoDelay()).code).toBe('ERR_STREAM_DESTROYED');
      expect(thrown(() => stream.setKeepAlive()).code).toBe('ERR_STREAM_DESTROYED');
      expect(thrown(() => stream.receiveBufferSize).code).toBe('ERR_STREAM_DESTROYED');
      expect(await stream.read()).toBeNull();
      expect((await rejection(stream.end())).code).toBe('ERR_STREAM_DESTROYED');
      stream.pause();
      stream.resume();
      stream.destroy();
      stream.resetAndDestroy();
      stream.setTimeout(1);
      stream.ref().unref();
      await stream.closed;
    }
    await stream[Symbol.asyncDispose]();
  });

  it('fails pending calls with the error of destroy(error)', async () => {
    const { stream } = await bed.connected();
    const reason = new Error('enough');
    const reading = rejection(stream.read());
    const writing = rejection(stream.writeAsync(LARGE));
    const ending = rejection(stream.end());
    const closed = closeError(stream);
    stream.destroy(reason);
    expect(await closed).toBe(reason);
    expect([await reading, await writing, await ending]).toEqual([reason, reason, reason]);
    expect(thrown(() => stream.write('x'))).toBe(reason);
    expect(await rejection(stream.read())).toBe(reason);
    expect(await rejection(stream.end())).toBe(reason);
    await stream.closed;
  });

  it('ends pending calls at destroy() without an error', async () => {
    const { stream, peer } = await bed.connected();
    const reading = stream.read();
    const writing = rejection(stream.writeAsync(LARGE));
    const ending = stream.end().then(
      () => 'ended',
      (error: Error) => error.message,
    );
    const closed = closeError(stream);
    await delay(20);
    stream.destroy();
    expect(await closed).toBeUndefined();
    expect(await reading).toBeNull();
    expect((await writing).code).toBe('ERR_STREAM_DESTROYED');
    expect(await ending).not.toBe('ended');
    // What the kernel had taken may still arrive; the rest does not.
    expect((await peerReadAll(peer)).length).toBeLessThan(LARGE.length);
  });

  it('drops data that was not sent at destroy()', async () => {
    const { stream, peer } = await bed.accepted();
    const closed = peerClosed(peer);
    stream.write('never sent');
    stream.destroy();
    peer.resume().on('end', () => peer.end());
    await stream.closed;
    await closed;
    expect(peer.bytesRead).toBe(0);
  });

  it('resets the connection with resetAndDestroy()', async () => {
    const { stream, peer } = await bed.connected();
    stream.write('x');
    await peerRead(peer, 1);
    const failed = peerClosed(peer.resume());
    stream.resetAndDestroy();
    expect(await failed).toMatchObject({ code: 'ECONNRESET' });
    await stream.closed;
  });

  it('resets the connection in the middle of a transfer', async () => {
    const { near, far } = await bed.both();
    let received = 0;
    far.onData = (chunk) => {
      received += chunk.length;
      if (received > 1 << 20) near.resetAndDestroy();
    };
    const failed = closeError(far);
    near.write(LARGE);
    expect(await failed).toMatchObject({ code: 'ECONNRESET', errno: -104, syscall: 'read' });
    expect(received).toBeLessThan(LARGE.length);
    await near.closed;
  });

  it('resets a peer whose data nobody read', async () => {
    const { stream, peer } = await bed.connected();
    peer.write('unread');
    await delay(20);
    const failed = peerClosed(peer.resume());
    stream.destroy();
    expect(await failed).toMatchObject({ code: 'ECONNRESET' });
  });

  it('fails writes to a peer that is gone as node:net does', async () => {
    const errors: NodeJS.ErrnoException[] = [];
    // Nobody reads at our end, so only the writes find out.
    const { stream, peer } = await bed.connected({ stream: { allowHalfOpen: true } });
    const closed = closeError(stream);
    stream.write('it will be answered with a reset');
    await peerRead(peer, 1);
    peer.destroy();
    await peerClosed(peer);
    await delay(20);
    for (let turn = 0; turn < 100 && !stream.destroyed; turn++) {
      stream.write('x', (error) => {
        if (error) errors.push(error);
      });
      await delay(1);
    }
    const error = (await closed) as NodeJS.ErrnoException;
    expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
    expect(error.syscall).toBe('write');
    expect(error.message).toBe(`write ${error.code}`);
    expect(errors.every((each) => each === error)).toBe(true);
    expect(errors.length).toBeGreaterThan(0);
  });

  it('fails with EPIPE where its own sending direction is shut', async () => {
    const { stream } = await bed.connected();
    const closed = closeError(stream);
    // SHUT_WR, behind the stream's back.
    await bed.proactor.shutdown(stream.fd, 1);
    stream.write('x');
    expect(await closed).toMatchObject({ code: 'EPIPE', errno: -32, syscall: 'write' });
  });

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'can be ended from inside each handler with %s()',
    async (verb) => {
      const endIn = async (install: (stream: TcpStream, act: () => void) => void) => {
        const { stream, peer } = await bed.connected({ stream: { highWaterMark: 4 } });
        peer.resume();
        let called = 0;
        install(stream, () => {
          called++;
          void stream[verb]();
        });
        if (peer.writable) peer.write('some data');
        setTimeout(() => peer.end(), 10);
        await stream.closed;
        expect(called).toBe(1);
      };
      await endIn((stream, act) => {
        stream.onData = () => {
          stream.onData = () => {};
          act();
        };
      });
      await endIn((stream, act) => {
        stream.onData = () => {};
        stream.onEnd = act;
      });
      await endIn((stream, act) => {
        stream.onData = () => {};
        stream.onDrain = act;
        stream.write('longer than the mark');
      });
      await endIn((stream, act) => {
        stream.onData = () => {};
        stream.write('x', act);
      });
      await endIn((stream, act) => {
        stream.onData = () => {};
        stream.onTimeout = () => {
          stream.onTimeout = null;
          act();
        };
        stream.setTimeout(1);
      });
    },
  );

  it('closes with `await using` after everything was sent', async () => {
    const { stream, peer } = await bed.connected();
    const reading = peerReadAll(peer);
    {
      await using owned = stream;
      owned.write(LARGE);
      owned.write('!');
    }
    expect(stream.destroyed).toBe(true);
    expect((await reading).length).toBe(LARGE.length + 1);
  });

  it('closes with `await using` after a failure', async () => {
    const { stream, peer } = await bed.connected();
    {
      await using owned = stream;
      owned.onData = () => {};
      peer.resetAndDestroy();
      await until('it failed', () => owned.destroyed);
    }
    expect(stream.destroyed).toBe(true);
  });

  it('ends with its proactor', async () => {
    const proactor = bed.newProactor();
    const { stream } = await bed.connected({ proactor });
    const reading = rejection(stream.read());
    const writing = rejection(stream.writeAsync(LARGE));
    const closed = closeError(stream);
    await proactor.dispose();
    for (const error of [await reading, await writing, await closed]) {
      expect(error).toMatchObject({ code: 'ERR_PROACTOR_DISPOSED' });
    }
    expect(thrown(() => stream.write('x')).code).toBe('ERR_PROACTOR_DISPOSED');
    stream.destroy();
    stream.pause();
    stream.resume();
    await stream.closed;
  });
});
