// However much comes, everything else that the event loop serves has its turn: timers, signals, Node's own descriptors.
import { expect, it } from '@jest/globals';
import { type Program, runProgram } from './support/child';
import { describeAll } from './support/dispatchers';
import { patient } from './support/pace';

/**
 * Operations that follow each other without end, each of which takes JavaScript 0.3 ms, in a queue that is always full of
 * completions.
 */
const flooded: Program = async ({ open, require }) => {
  const { promises: fs } = require('node:fs') as typeof import('node:fs');
  const proactor = open();
  const untilMs = performance.now() + 2000;
  const again = (): void => {
    const startMs = performance.now();
    if (startMs > untilMs) return;
    while (performance.now() - startMs < 0.3);
    proactor.nop(again);
  };
  let ticks = 0;
  let reads = 0;
  let signalMs = 0;
  let longestMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    ticks++;
  }, 5);
  const read = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await fs.readFile('/proc/version');
      reads++;
    }
  };
  const reading = read();
  process.once('SIGUSR2', () => {
    signalMs = performance.now() - signalMs;
  });
  setTimeout(() => {
    signalMs = performance.now();
    process.kill(process.pid, 'SIGUSR2');
  }, 500);
  for (let i = 0; i < 1000; i++) proactor.nop(again);
  await reading;
  clearInterval(timer);
  await proactor.dispose();
  console.log(JSON.stringify({ ticks, reads, signalMs, longestMs }));
};

describeAll('while completions come faster than they are handled', (dispatcher) => {
  it('timers, signals and files of Node go on', async () => {
    const ended = await runProgram(dispatcher, flooded, { timeoutMs: 30_000 });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const { ticks, reads, signalMs, longestMs } = JSON.parse(ended.stdout);
    // A turn is cut after 5 ms of handlers.
    expect(longestMs).toBeLessThan(patient(200));
    expect(ticks).toBeGreaterThan(40);
    expect(reads).toBeGreaterThan(10);
    expect(signalMs).toBeLessThan(patient(200));
  });
});
