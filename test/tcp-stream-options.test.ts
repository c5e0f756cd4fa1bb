// TcpStream: idle timeout, socket options, addresses and figures.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { constants, Stream, type TcpStream } from 'proactor';
import { addon } from '#lib/ring/binding';
import { HOST, onBothDispatchers } from './support/tcp-bed';
import { peerRead, thrown, until } from './support/tcp-peer';

const { IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPIDLE, TCP_NODELAY } = constants;

/** What the kernel says about the socket. */
function optionsOf(stream: TcpStream): object {
  const get = (level: number, name: number): number => addon!.getOption(stream.fd, level, name)!;
  return {
    noDelay: get(IPPROTO_TCP, TCP_NODELAY) !== 0,
    keepAlive: get(SOL_SOCKET, SO_KEEPALIVE) !== 0,
    keepAliveSeconds: get(IPPROTO_TCP, TCP_KEEPIDLE),
    receiveBufferSize: stream.receiveBufferSize,
    sendBufferSize: stream.sendBufferSize,
  };
}

/** Does something ten times, 30 ms or more apart; returns the longest time that went by between. */
async function longestPause(act: () => unknown): Promise<number> {
  let longestMs = 0;
  for (let turn = 0; turn < 10; turn++) {
    const startMs = performance.now();
    act();
    await delay(30);
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  return longestMs;
}

onBothDispatchers('TcpStream', (bed) => {
  it.each(['connected', 'accepted'] as const)('has the options it was %s with', async (made) => {
    const { stream } = await bed[made]({
      stream: {
        noDelay: false,
        keepAlive: 9000,
        receiveBufferSize: 50_000,
        sendBufferSize: 60_000,
      },
    });
    // The kernel doubles sizes, for its own bookkeeping.
    expect(optionsOf(stream)).toEqual({
      noDelay: false,
      keepAlive: true,
      keepAliveSeconds: 9,
      receiveBufferSize: 100_000,
      sendBufferSize: 120_000,
    });
    const { stream: byDefault } = await bed[made]();
    expect(optionsOf(byDefault)).toMatchObject({ noDelay: true, keepAlive: false });
    const { stream: kept } = await bed[made]({ stream: { keepAlive: true } });
    expect(optionsOf(kept)).toMatchObject({ keepAlive: true, keepAliveSeconds: 7200 });
  });

  it('changes its options', async () => {
    const { stream } = await bed.connected();
    expect(stream.setNoDelay(false).setKeepAlive(3200)).toBe(stream);
    stream.receiveBufferSize = 40_000;
    stream.sendBufferSize = 30_000;
    expect(optionsOf(stream)).toEqual({
      noDelay: false,
      keepAlive: true,
      keepAliveSeconds: 3,
      receiveBufferSize: 80_000,
      sendBufferSize: 60_000,
    });
    stream.setNoDelay().setKeepAlive(false);
    expect(optionsOf(stream)).toMatchObject({ noDelay: true, keepAlive: false });
  });

  it('refuses wrong options', async () => {
    const { stream } = await bed.connected();
    const before = optionsOf(stream);
    const type = 'ERR_INVALID_ARG_TYPE';
    const range = 'ERR_OUT_OF_RANGE';
    const codeOf = (call: () => unknown): string | undefined => thrown(call).code;
    expect(codeOf(() => stream.setNoDelay(1 as never))).toBe(type);
    expect(codeOf(() => stream.setKeepAlive('yes' as never))).toBe(type);
    expect(codeOf(() => stream.setKeepAlive(-1))).toBe(range);
    expect(codeOf(() => stream.setKeepAlive(Number.NaN))).toBe(range);
    expect(codeOf(() => (stream.receiveBufferSize = '5' as never))).toBe(type);
    expect(codeOf(() => (stream.sendBufferSize = 0))).toBe(range);
    expect(codeOf(() => (stream.sendBufferSize = 2 ** 31))).toBe(range);
    expect(codeOf(() => stream.setTimeout(-1))).toBe(range);
    expect(codeOf(() => stream.setTimeout(2 ** 31))).toBe(range);
    expect(codeOf(() => stream.setTimeout('5' as never))).toBe(type);
    expect(optionsOf(stream)).toEqual(before);
  });

  it('knows both addresses, also after its close where it was asked before', async () => {
    const { stream, peer } = await bed.accepted();
    const local = { address: HOST, family: 'IPv4', port: peer.remotePort };
    const remote = { address: HOST, family: 'IPv4', port: peer.localPort };
    expect([stream.localAddress, stream.remoteAddress]).toEqual([local, remote]);
    await stream.destroy().closed;
    expect([stream.localAddress, stream.remoteAddress]).toEqual([local, remote]);
    const other = await bed.accepted();
    await other.stream.destroy().closed;
    expect(other.stream.localAddress).toBeUndefined();
    expect(other.stream.remoteAddress).toBeUndefined();
  });

  it('has no remote address once the peer is gone', async () => {
    const { stream, peer } = await bed.accepted();
    peer.resetAndDestroy();
    await delay(20);
    expect(stream.remoteAddress).toBeUndefined();
    expect(stream.destroyed).toBe(false);
  });

  it('counts bytes in both directions', async () => {
    const { stream, peer } = await bed.connected();
    expect([stream.bytesRead, stream.bytesWritten]).toEqual([0, 0]);
    stream.onData = (chunk) => stream.write([chunk, '!']);
    peer.write('12345');
    await peerRead(peer, 6);
    await until('the send is told', () => stream.bytesWritten === 6);
    expect(stream.bytesRead).toBe(5);
    await stream.destroy().closed;
    expect([stream.bytesRead, stream.bytesWritten]).toEqual([5, 6]);
  });

  it('is a Stream of its proactor, with a descriptor', async () => {
    const { stream } = await bed.connected();
    expect(stream).toBeInstanceOf(Stream);
    expect(stream.proactor).toBe(bed.proactor);
    expect(addon!.getOption(stream.fd, SOL_SOCKET, constants.SO_ERROR)).toBe(0);
  });

  it('tells again and again that it is idle', async () => {
    const { stream } = await bed.connected();
    const startMs = performance.now();
    const times: number[] = [];
    stream.onTimeout = () => times.push(performance.now() - startMs);
    expect(stream.setTimeout(40)).toBe(stream);
    await until('it was told twice', () => times.length === 2);
    expect(times[0]).toBeGreaterThanOrEqual(38);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(38);
    expect(stream.destroyed).toBe(false);
    stream.setTimeout(0);
    const count = times.length;
    await delay(100);
    expect(times.length).toBe(count);
  });

  it('is not idle while bytes come', async () => {
    const { stream, peer } = await bed.connected();
    let told = 0;
    stream.onData = () => {};
    stream.onTimeout = () => told++;
    stream.setTimeout(120);
    const pauseMs = await longestPause(() => peer.write('x'));
    // Where the machine stalled, nothing came either.
    if (pauseMs < 100) expect(told).toBe(0);
    await until('it is idle afterwards', () => told > 0);
  });

  it('is not idle while bytes go', async () => {
    const { stream, peer } = await bed.connected();
    let told = 0;
    stream.onTimeout = () => told++;
    stream.setTimeout(120);
    peer.resume();
    const pauseMs = await longestPause(() => stream.write('x'));
    // Where the machine stalled, nothing came either.
    if (pauseMs < 100) expect(told).toBe(0);
    await until('it is idle afterwards', () => told > 0);
  });

  it('is idle where the peer takes nothing', async () => {
    const { stream } = await bed.connected();
    let told = 0;
    stream.onTimeout = () => {
      told++;
      stream.destroy(new Error('the peer sleeps'));
    };
    stream.write(Buffer.alloc(16 << 20));
    stream.setTimeout(50);
    await stream.closed;
    expect(told).toBe(1);
    expect(thrown(() => stream.write('x')).message).toBe('the peer sleeps');
    await delay(80);
    expect(told).toBe(1);
  });
});
