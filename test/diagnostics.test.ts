// What can be watched from outside: figures, channels and NODE_DEBUG.
import { expect, it } from '@jest/globals';
import { channels } from 'proactor';
import { runProgram } from './support/child';
import { type Dispatcher, describeEach } from './support/dispatchers';

it('the channels have the names that are documented', () => {
  expect(Object.values(channels).map(({ name }) => name)).toEqual([
    'proactor:open',
    'proactor:dispose',
    'proactor:accept',
    'proactor:accept-error',
    'proactor:connect',
    'proactor:stream-close',
    'proactor:buffers-exhausted',
  ]);
});

describeEach('NODE_DEBUG=proactor', (dispatcher: Dispatcher) => {
  const program = ({ open }: { open: () => { dispose(): Promise<void> } }): unknown =>
    open().dispose();

  it('tells of opening and disposing on stderr', async () => {
    const ended = await runProgram(dispatcher, program, { env: { NODE_DEBUG: 'proactor' } });
    expect(ended.stderr).toMatch(
      /PROACTOR \d+: open: (loop|thread) dispatch, set-up flags 0x[0-9a-f]+/,
    );
    expect(ended.stderr).toMatch(/PROACTOR \d+: disposed of: 0 operations leaked/);
    expect(ended).toMatchObject({ code: 0, stdout: '' });
  });

  it('is silent otherwise', async () => {
    const ended = await runProgram(dispatcher, program, { env: { NODE_DEBUG: '' } });
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});

describeEach('stats()', ({ open }) => {
  it('counts from zero, each thing where it belongs', async () => {
    const proactor = open({ entries: 8, buffers: { count: 4, size: 1024 } });
    expect(proactor.stats()).toEqual({
      submitted: 0,
      completed: 0,
      completions: 0,
      inFlight: 0,
      enters: expect.any(Number),
      batches: 0,
      overflows: 0,
      submissionQueueFull: 0,
      bufferExhaustion: 0,
      staleCompletions: 0,
      posts: 0,
      wakeups: 0,
      blocksLent: 0,
      buffersProvided: 4,
    });
    const timers = Array.from({ length: 20 }, () => proactor.timeout(1));
    expect(proactor.stats()).toMatchObject({ submitted: 20, inFlight: 20, blocksLent: 20 });
    expect(proactor.stats().submissionQueueFull).toBeGreaterThan(0);
    await Promise.all(timers);
    const stats = proactor.stats();
    expect(stats).toMatchObject({ completed: 20, completions: 20, inFlight: 0, blocksLent: 0 });
    expect(stats.enters).toBeGreaterThan(0);
    expect(stats.batches).toBeGreaterThan(0);
    expect(stats.posts > 0 && stats.wakeups > 0).toBe(proactor.dispatch === 'thread');
  });

  it('is a picture of the moment, not a live view', async () => {
    const proactor = open();
    const before = proactor.stats();
    await proactor.nop();
    expect(before).toMatchObject({ submitted: 0 });
    expect(proactor.stats()).toMatchObject({ submitted: 1 });
  });
});
