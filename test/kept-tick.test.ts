// A collection that comes early does not make process.nextTick() slow for good.
import { expect, it } from '@jest/globals';
import { runProgram } from './support/child';
import { describeEach } from './support/dispatchers';

describeEach('process.nextTick()', (dispatcher) => {
  /** Nanoseconds of a call, in a process that makes a proactor and collects garbage early, or not. */
  async function costOf(opens: boolean, collects: boolean): Promise<number> {
    const { stdout } = await runProgram(
      dispatcher,
      async ({ open }) => {
        const tick = (): void => {};
        const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
        if (process.env['OPENS'] === 'true') open();
        for (let i = 0; i < 50; i++) {
          process.nextTick(tick);
          if (i % 10 === 0) await turn();
        }
        for (let i = 0; i < 3; i++) {
          await turn();
          if (process.env['COLLECTS'] === 'true') globalThis.gc?.();
        }
        const calls = 20_000;
        const rounds: number[] = [];
        for (let round = 0; round < 20; round++) {
          await turn();
          const began = process.hrtime.bigint();
          for (let i = 0; i < calls; i++) process.nextTick(tick);
          rounds.push(Number(process.hrtime.bigint() - began) / calls);
        }
        console.log(Math.min(...rounds));
        process.exit();
      },
      {
        nodeOptions: ['--expose-gc'],
        env: { OPENS: String(opens), COLLECTS: String(collects) },
      },
    );
    return Number(stdout);
  }

  it('is as fast after an early collection as without one', async () => {
    const undisturbed = await costOf(false, false);
    expect(undisturbed).toBeGreaterThan(0);
    expect(await costOf(true, true)).toBeLessThan(3 * undisturbed);
  });
});
