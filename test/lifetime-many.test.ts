// The end of a proactor, or of a worker, with thousands of operations and streams: in time, and without standing in
// anybody's way. The kernel's own cancel of everything takes seconds for that.
import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { constants, type Proactor, TcpAcceptor, type TcpStream } from 'proactor';
import { atEnd } from './support/cleanup';
import { until } from './support/completions';
import { describeAll, describeEach, leaksOf } from './support/dispatchers';
import { pipe } from './support/files';
import { amount, patient } from './support/pace';

const MANY = 4000;

/** The longest time for which the event loop stood still, until it is asked for. */
function longestStop(): () => number {
  let longestMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }, 1);
  return () => {
    clearInterval(timer);
    return longestMs;
  };
}

const kinds: readonly (readonly [string, (proactor: Proactor, told: () => void) => void])[] = [
  [
    'polls of one descriptor',
    (proactor, told) => {
      const { reader } = pipe();
      for (let i = 0; i < MANY; i++) proactor.pollAdd(reader, constants.POLLIN, told);
    },
  ],
  [
    'timeouts',
    (proactor, told) => {
      for (let i = 0; i < MANY; i++) proactor.timeout(60_000, 0, told);
    },
  ],
  [
    'reads of a pipe',
    (proactor, told) => {
      const { reader } = pipe();
      for (let i = 0; i < MANY; i++) proactor.read(reader, Buffer.alloc(1), 0, 1, -1, told);
    },
  ],
];

describeAll('dispose() with thousands of', ({ open }) => {
  it.each(kinds)('%s ends them in time', async (_title, initiate) => {
    const proactor = open();
    const leaks = leaksOf(proactor);
    let told = 0;
    initiate(proactor, () => told++);
    await proactor.nop();
    const stop = longestStop();
    const startMs = performance.now();
    await proactor.dispose();
    const stoppedMs = stop();
    expect(told).toBe(MANY);
    expect(leaks()).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(patient(2000));
    expect(stoppedMs).toBeLessThan(patient(500));
  });
});

describeEach('dispose() with a thousand streams', ({ open }) => {
  it('closes each of them', async () => {
    const count = amount(1000);
    const proactor = open();
    const streams: TcpStream[] = [];
    let closed = 0;
    const acceptor = await TcpAcceptor.listen(
      proactor,
      { host: '127.0.0.1', backlog: count },
      (stream) => {
        streams.push(stream);
        stream.onData = () => {};
        stream.onClose = () => closed++;
      },
    );
    for (let i = 0; i < count; i++) {
      const peer = connect(acceptor.address.port, '127.0.0.1').on('error', () => {});
      atEnd(() => peer.destroy());
    }
    await until(() => streams.length === count);
    const stop = longestStop();
    await proactor.dispose();
    expect(stop()).toBeLessThan(patient(500));
    expect(closed).toBe(count);
  });
});

const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Proactor } = require('proactor');
  const proactor = new Proactor({ dispatch: workerData });
  for (let i = 0; i < ${MANY}; i++) proactor.timeout(60_000, 0, () => {});
  proactor.nop(() => parentPort.postMessage('ready'));
`;

describeEach('the end of a worker with thousands of operations', ({ options }) => {
  it.each([
    ['terminated', (worker: Worker) => worker.terminate()],
    ['that exits', (worker: Worker) => worker.postMessage('exit')],
  ] as const)('%s comes in time', async (_title, end) => {
    const exits = `require('node:worker_threads').parentPort.on('message', () => process.exit());`;
    const worker = new Worker(program + exits, { eval: true, workerData: options.dispatch });
    await once(worker, 'message');
    const startMs = performance.now();
    const exit = once(worker, 'exit');
    await end(worker);
    await exit;
    // It is given two seconds to drain; it needs a hundredth.
    expect(performance.now() - startMs).toBeLessThan(patient(1500));
  });
});
