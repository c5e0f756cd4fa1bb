// A program: the load generator. `node load.js '{"connections":64,"size":64,"depth":1}'`. It stays connected to every
// server, loads one at a time when told so, and leaves nothing outstanding, so that servers are idle between trials.
import { TcpStream } from '../../io/tcp';
import { Proactor } from '../../proactor';
import { Connection, makePattern, type Owner } from './connection';
import type { Contender, Load, LoadReply, LoadRequest, Trial } from './messages';
import { LatencyHistogram } from './statistics';

const HOST = '127.0.0.1';
const CONNECT_TIMEOUT_MS = 10_000;
const DRAIN_TIMEOUT_MS = 10_000;

/** The connections to one server, and the trial that they are in. */
class Group implements Owner {
  histogram = new LatencyHistogram();
  isEnding = false;
  readonly #connections: Connection[] = [];
  readonly #load: Load;
  #messages = 0;
  #outstanding = 0;
  #error: Error | undefined;
  #finish: (() => void) | undefined;

  constructor(load: Load) {
    this.#load = load;
  }

  add(connection: Connection): void {
    this.#connections.push(connection);
  }

  onMessages(count: number): void {
    this.#messages += count;
    if (!this.isEnding) return;
    this.#outstanding -= count;
    if (this.#outstanding === 0) this.#finish?.();
  }

  onError(error: Error): void {
    this.#error ??= error;
    this.#finish?.();
  }

  /** Every connection keeps its messages outstanding for a while, and awaits them then. */
  async trial(seconds: number): Promise<Trial> {
    if (this.#error !== undefined) throw this.#error;
    this.histogram = new LatencyHistogram();
    this.#messages = 0;
    this.isEnding = false;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const startMs = performance.now();
    for (const connection of this.#connections) connection.start();
    let messagesPerSecond = 0;
    let drain: NodeJS.Timeout | undefined;
    const end = setTimeout(() => {
      messagesPerSecond = this.#messages / ((performance.now() - startMs) / 1000);
      this.#outstanding = this.#connections.length * this.#load.depth;
      this.isEnding = true;
      drain = setTimeout(
        () => this.onError(new Error(`${this.#outstanding} messages did not come back`)),
        DRAIN_TIMEOUT_MS,
      );
    }, seconds * 1000);
    await finished;
    clearTimeout(end);
    clearTimeout(drain);
    this.#finish = undefined;
    if (this.#error !== undefined) throw this.#error;
    const { histogram } = this;
    return {
      messages: this.#messages,
      messagesPerSecond,
      p50: histogram.percentile(0.5) ?? 0,
      p99: histogram.percentile(0.99) ?? 0,
    };
  }
}

function serveRequests(load: Load): void {
  const proactor = new Proactor();
  const pattern = makePattern(proactor, load);
  const groups = new Map<Contender, Group>();
  const connect = async (contender: Contender, port: number): Promise<void> => {
    const group = new Group(load);
    for (let i = 0; i < load.connections; i++) {
      const options = { host: HOST, port, timeoutMs: CONNECT_TIMEOUT_MS };
      const { fd } = await TcpStream.connect(proactor, options);
      group.add(new Connection(proactor, fd, pattern, load, group));
    }
    groups.set(contender, group);
  };
  const answer = async (request: LoadRequest): Promise<LoadReply> => {
    try {
      if (request.kind === 'trial') {
        return { error: '', trial: await groups.get(request.contender)!.trial(request.seconds) };
      }
      await connect(request.contender, request.port);
      return { error: '' };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  process.on('message', async (request: LoadRequest) => {
    process.send?.(await answer(request));
  });
}

process.once('disconnect', () => process.exit(0));
try {
  serveRequests(JSON.parse(process.argv[2] ?? '') as Load);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
