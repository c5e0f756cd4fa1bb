// A program: tries one thing and prints what it found as JSON. `probe`: what the kernel offers. `loop`, `thread`: a
// proactor on that dispatcher does a nop, an echo over TCP, and lets a timer of the event loop have its turn.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemError } from '../../errors';
import { readRestrictions } from '../../host';
import { TcpStream } from '../../io/tcp';
import { TcpAcceptor } from '../../io/tcp-acceptor';
import { operations } from '../../operations';
import { type Dispatch, Proactor } from '../../proactor';
import { defaultDispatch, explainRefusal, inspect, REQUIRED_OPCODES } from '../../probe';
import { addonFile } from '../../ring/binding';
import { Opcode } from '../../ring/kernel';
import { failedTest } from './failed-test';
import type { OperationFacts, ProbeFacts, SelfTest } from './report';

// Named as the kernel names them; the same numbers as in native/kernel_abi.h, which a test compares.
export const RING_FEATURES: Readonly<Record<string, number>> = {
  IORING_FEAT_SINGLE_MMAP: 1 << 0,
  IORING_FEAT_NODROP: 1 << 1,
  IORING_FEAT_SUBMIT_STABLE: 1 << 2,
  IORING_FEAT_FAST_POLL: 1 << 5,
  IORING_FEAT_EXT_ARG: 1 << 8,
};
export const SETUP_FLAGS: Readonly<Record<string, number>> = {
  IORING_SETUP_SUBMIT_ALL: 1 << 7,
  IORING_SETUP_TASKRUN_FLAG: 1 << 9,
  IORING_SETUP_SINGLE_ISSUER: 1 << 12,
  IORING_SETUP_DEFER_TASKRUN: 1 << 13,
  IORING_SETUP_NO_SQARRAY: 1 << 16,
};

/** What operations need of the kernel beside their opcode: features, or what their flag is called. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  recvMultishot: ['bufferRing', 'multishotReceive'],
  timeoutMultishot: ['IORING_TIMEOUT_MULTISHOT'],
};

function libc(): string {
  if (process.platform !== 'linux') return '';
  // The report lists network interfaces by default, whose names may be looked up.
  const report = process.report as { excludeNetwork?: boolean } & typeof process.report;
  if (typeof report?.getReport !== 'function') return '';
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const version = header?.glibcVersionRuntime;
  return version ? `glibc ${version}` : 'musl';
}

function probe(): ProbeFacts {
  const { report, cause, error, native } = inspect();
  const names = new Map<number, string>(Object.entries(Opcode).map(([name, code]) => [code, name]));
  const found: Record<string, OperationFacts> = {};
  for (const [name, { opcode, since }] of Object.entries(operations)) {
    const kernelName = names.get(opcode) ?? '';
    found[name] = {
      opcode: `IORING_OP_${kernelName}`,
      needs: NEEDS[name] ?? [],
      since: since ?? null,
      available: report.opcodes[name] === true,
      required: (REQUIRED_OPCODES as readonly string[]).includes(kernelName),
    };
  }
  const flags: Record<string, boolean> = {};
  for (const [name, bit] of Object.entries(RING_FEATURES))
    flags[name] = ((native?.features ?? 0) & bit) !== 0;
  for (const [name, bit] of Object.entries(SETUP_FLAGS))
    flags[name] = ((native?.setupFlags ?? 0) & bit) !== 0;
  const { available, reason, hint, errno } = report;
  return {
    ...{ available, cause: cause ?? null, reason, hint, errno, call: error?.syscall ?? '' },
    ...{ binary: addonFile ?? null, libc: libc() },
    ...{ features: { ...report.features }, flags, operations: found },
    defaultDispatch: defaultDispatch(report.features),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round((performance.now() - start) * 1000) / 1000;
}

const MESSAGE = 'to the kernel and back';

async function echo(proactor: Proactor): Promise<void> {
  let failed: (error: Error) => void = () => {};
  const acceptFailure = new Promise<never>((_, reject) => (failed = reject));
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
  acceptor.onError = failed; // it would go on, and this wait
  const { address, port } = acceptor.address;
  const answer = async (): Promise<void> => {
    const stream = await TcpStream.connect(proactor, { host: address, port });
    stream.write(MESSAGE);
    let received = '';
    while (received.length < MESSAGE.length) {
      const bytes = await stream.read();
      if (bytes === null) break;
      received += bytes.toString('latin1');
    }
    if (received !== MESSAGE) throw new Error(`the echo of '${MESSAGE}' was '${received}'`);
    stream.destroy();
  };
  await Promise.race([answer(), acceptFailure]);
  await acceptor.close();
}

/** The same without this package: where it fails as well, neither io_uring nor the package is to blame. */
async function echoOfNode(): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.end(MESSAGE);
  await once(socket, 'data');
  socket.destroy();
  server.close();
}

async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no echo within ${timeoutMs / 1000} s`);
  });
  late.catch(() => {});
  try {
    await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

async function selfTest(dispatch: Dispatch, timeoutMs: number): Promise<SelfTest> {
  let test = failedTest(dispatch, '', null);
  try {
    const proactor = new Proactor({ dispatch });
    const { sleepsInRing } = proactor.ring.setUp;
    const sleepsIn = dispatch === 'thread' ? 'event-loop' : sleepsInRing ? 'ring' : 'eventfd';
    test = { ...test, sleepsIn, nopMs: await timed(() => proactor.nop()) };
    // With a third for another try and one for the rest.
    const echoMs = await timed(() => within(timeoutMs / 3, echo(proactor)));
    // The ring sleeps for the event loop, which must not sleep longer than its timers allow.
    const pending = proactor.timeout(60_000, 0, () => {});
    await sleep(1);
    proactor.cancel(pending);
    await proactor.dispose();
    return { ...test, passed: true, echoMs };
  } catch (error) {
    return { ...test, ...(await diagnose(error, test.nopMs !== null, timeoutMs / 3)) };
  }
}

/** What a self-test failed by, and whose fault it is. */
async function diagnose(
  error: unknown,
  hasRing: boolean,
  timeoutMs: number,
): Promise<Pick<SelfTest, 'failure' | 'cause'>> {
  const failure = wordsOf(error);
  const { code, cause: refusal } = error as Error & { code?: string; cause?: SystemError };
  if (code === 'ERR_IO_URING_UNAVAILABLE' && refusal !== undefined) {
    const { cause } = explainRefusal(refusal.errno, refusal.syscall, readRestrictions('/'));
    return { failure, cause };
  }
  if (code === 'EMFILE' || code === 'ENFILE') return { failure, cause: 'descriptors' };
  if (!hasRing) return { failure, cause: null };
  try {
    await within(timeoutMs, echoOfNode());
    return { failure, cause: null };
  } catch (other) {
    const hasLoopback = Object.values(networkInterfaces())
      .flat()
      .some((each) => each?.internal);
    const why = hasLoopback ? '' : '; the loopback interface is down';
    return { failure: `${failure}; with node:net: ${wordsOf(other)}${why}`, cause: 'network' };
  }
}

/** Of a refused ring without what helps: the doctor has that in the terms of the container. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { syscall, code } = (error.cause ?? {}) as Partial<SystemError>;
  return syscall === undefined ? error.message : `${syscall} ${code}`;
}

async function main(what: string | undefined, timeoutMs: number): Promise<void> {
  try {
    const isTest = what === 'loop' || what === 'thread';
    console.log(JSON.stringify(isTest ? await selfTest(what, timeoutMs) : probe()));
    process.exit(); // operations in flight would keep it alive
  } catch (error) {
    console.error(wordsOf(error));
    process.exit(1);
  }
}

if (require.main === module) void main(process.argv[2], Number(process.argv[3]));
