// What older kernels would do: the ring is set up without the flags they lack, and without incremental buffers. The same
// things have to work.
import { describe, expect, it } from '@jest/globals';
import { constants, Proactor } from 'proactor';
import { runProgram } from './support/child';
import { completionOf, delay, Recorder } from './support/completions';
import { type Dispatcher, describeAll, describeEach } from './support/dispatchers';
import { itWithoutFeature } from './support/features';
import { openFile, patterned, pipe, temporaryFile } from './support/files';
import { receiveAll, sendAll } from './support/receive';
import { tcpPair } from './support/sockets';

const SUBMIT_ALL = 1 << 7;
const COOP_TASKRUN = 1 << 8;
const TASKRUN_FLAG = 1 << 9;
const SINGLE_ISSUER = 1 << 12;
const DEFER_TASKRUN = 1 << 13;
const NO_SQARRAY = 1 << 16;

const kernels: readonly (readonly [what: string, withheld: number, there: number])[] = [
  ['everything', 0, SUBMIT_ALL],
  ['no NO_SQARRAY (before 6.6)', NO_SQARRAY, DEFER_TASKRUN | SINGLE_ISSUER],
  ['no DEFER_TASKRUN (before 6.1)', DEFER_TASKRUN, COOP_TASKRUN | TASKRUN_FLAG],
  ['no SINGLE_ISSUER (before 6.0)', SINGLE_ISSUER, SUBMIT_ALL],
  ['no COOP_TASKRUN (before 5.19)', DEFER_TASKRUN | COOP_TASKRUN, SUBMIT_ALL],
  ['no SUBMIT_ALL (before 5.18)', SUBMIT_ALL, 0],
];

describe.each(kernels)('a kernel with %s', (_what, withheldSetupFlags, there) => {
  describeAll('works', (dispatcher: Dispatcher) => {
    const open = (options = {}) => dispatcher.open({ ...options, withheldSetupFlags });

    it('with the flags that are left', async () => {
      const proactor = open();
      const { setupFlags } = proactor.ring.setUp;
      expect(setupFlags & withheldSetupFlags).toBe(0);
      expect(setupFlags & there).toBe(there);
      expect(await proactor.nop()).toBe(0);
    });

    it('through timeouts, files, cancels and other users of the event loop', async () => {
      const proactor = open();
      const fd = openFile(temporaryFile('content'));
      const { reader } = pipe();
      const read = new Recorder();
      const id = proactor.read(reader, Buffer.alloc(1), 0, 1, -1, read.handler);
      for (let i = 0; i < 5; i++) {
        expect(await proactor.read(fd, Buffer.alloc(7), 0, 7, 0)).toBe(7);
        await delay(1);
        expect(await proactor.timeout(1)).toBe(0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      proactor.cancel(id);
      expect([-constants.ECANCELED, -constants.EINTR]).toContain((await read.last()).result);
    });

    it('through streams of bytes, and queues that overflow', async () => {
      const proactor = open({ entries: 8 });
      const pairs = await Promise.all(Array.from({ length: 4 }, () => tcpPair(proactor)));
      const nops = new Recorder();
      for (let i = 0; i < 500; i++) proactor.nop(nops.handler);
      await Promise.all(
        pairs.map(async ({ near, far }, index) => {
          const bytes = patterned(150_000, index);
          const [received] = await Promise.all([
            receiveAll(proactor, near),
            sendAll(proactor, far, bytes),
          ]);
          expect(received.equals(bytes)).toBe(true);
        }),
      );
      await nops.reach(500);
      expect(nops.results).toEqual(Array(500).fill(0));
    });

    it('to its end, with work in flight', async () => {
      const proactor = open();
      const waiting = completionOf((handler) => proactor.timeout(60_000, 0, handler));
      await proactor.dispose();
      expect((await waiting).result).toBe(-constants.ECANCELED);
    });

    it('asleep without processor time, and lets the process end', async () => {
      const own = { ...dispatcher, options: { ...dispatcher.options, withheldSetupFlags } };
      const ended = await runProgram(own, ({ open: openOne }) => {
        const proactor = openOne();
        proactor.unrefOperation(proactor.timeout(60_000, 0, () => {}));
        proactor.timeout(400, 0, () => {
          const { user, system } = process.cpuUsage(start);
          console.log((user + system) / 1000 < 200 ? 'slept' : `used ${user + system} us`);
        });
        const start = process.cpuUsage();
      });
      expect(ended).toMatchObject({ code: 0, stdout: 'slept\n', timedOut: false });
    });
  });
});

describeEach('what the kernel lacks', ({ open }) => {
  const unsupported = (message: string): unknown =>
    expect.objectContaining({
      code: 'ERR_PROACTOR_UNSUPPORTED',
      message: expect.stringContaining(message),
    });

  it('is refused at the call, in either form, and everything else works', async () => {
    const proactor = open({ withheldOperations: ['timeoutMultishot', 'statx'] });
    const { kernel } = Proactor.probe();
    const since = `the operation timeoutMultishot is not there in this kernel (${kernel}); Linux 6.4`;
    expect(() => proactor.timeoutMultishot(1, 1, 0, () => {})).toThrow(unsupported(since));
    const statx = `the operation statx is not there in this kernel (${kernel})`;
    expect(() => proactor.statx(-100, '/', 0, 0, Buffer.alloc(256))).toThrow(unsupported(statx));
    expect(await proactor.timeout(1)).toBe(0);
    expect(proactor.stats()).toMatchObject({ submitted: 1, inFlight: 0 });
  });

  it('is what the probe says', () => {
    const proactor = open() as unknown as Record<string, () => unknown>;
    for (const [name, isThere] of Object.entries(Proactor.probe().opcodes)) {
      if (!isThere) expect(() => proactor[name]!()).toThrow(unsupported(name));
      else expect(Object.hasOwn(proactor, name)).toBe(false);
    }
  });

  itWithoutFeature('incrementalBuffers')('can be incremental buffers', async () => {
    const { kernel } = Proactor.probe();
    expect(() => open({ buffers: { incremental: true } })).toThrow(unsupported(kernel));
  });
});
