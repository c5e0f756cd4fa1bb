// A program: tries one thing and prints what it found as JSON. `probe`: what the kernel offers. `loop`, `thread`: a
// proactor on that dispatcher does a nop, an echo over TCP, and lets a timer of the event loop have its turn.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemError } from '../../errors';
import { TcpStream } from '../../io/tcp';
import { TcpAcceptor } from '../../io/tcp-acceptor';
import { operations } from '../../operations';
import { type Dispatch, Proactor } from '../../proactor';
import { defaultDispatch, inspect, REQUIRED_OPCODES } from '../../probe';
import { addonFile } from '../../ring/binding';
import { Opcode } from '../../ring/kernel';
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
  const { report, cause, native } = inspect();
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
    ...{ available, cause: cause ?? null, reason, hint, errno },
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

async function echo(proactor: Proactor): Promise<void> {
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
  const { address, port } = acceptor.address;
  const stream = await TcpStream.connect(proactor, { host: address, port });
  const message = 'to the kernel and back';
  stream.write(message);
  let received = '';
  while (received.length < message.length) {
    const bytes = await stream.read();
    if (bytes === null) break;
    received += bytes.toString('latin1');
  }
  if (received !== message) throw new Error(`the echo of '${message}' was '${received}'`);
  stream.destroy();
  await acceptor.close();
}

async function selfTest(dispatch: Dispatch): Promise<SelfTest> {
  const proactor = new Proactor({ dispatch });
  const nopMs = await timed(() => proactor.nop());
  const echoMs = await timed(() => echo(proactor));
  // The ring sleeps for the event loop, which must not sleep longer than its timers allow.
  const pending = proactor.timeout(60_000, 0, () => {});
  await sleep(1);
  proactor.cancel(pending);
  const { sleepsInRing } = proactor.ring.setUp;
  await proactor.dispose();
  const sleepsIn = dispatch === 'thread' ? 'event-loop' : sleepsInRing ? 'ring' : 'eventfd';
  return { dispatch, passed: true, failure: '', sleepsIn, nopMs, echoMs };
}

/** Of a refused ring without what helps: the doctor has that in the terms of the container. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall, message } = error as SystemError;
  return syscall?.startsWith('io_uring_') ? `${syscall} ${code}` : message;
}

async function main(what: string | undefined): Promise<void> {
  try {
    const found = what === 'loop' || what === 'thread' ? await selfTest(what) : probe();
    console.log(JSON.stringify(found));
  } catch (error) {
    console.error(wordsOf(error));
    process.exit(1); // operations in flight would keep it alive
  }
}

if (require.main === module) void main(process.argv[2]);
