// What a scenario is given: the module under test, logs, and what ends with the scenario.
import { spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import * as fs from 'node:fs';
import type * as nodeNet from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { patient } from '../../support/pace';
import { Describer } from './describe';
import { Log } from './log';
import type { Net, Variant } from './variant';

/** Plays something with `net` and notes what is to be the same with any `net`. */
export type Scenario = (scene: Scene) => unknown;
export type Scenarios = Readonly<Record<string, Scenario>>;
/** The entries of each log. */
export type Logs = Readonly<Record<string, readonly unknown[]>>;

/** Both ends of a connection, and the server that accepted it. */
export interface Pair {
  readonly client: nodeNet.Socket;
  readonly served: nodeNet.Socket;
  readonly server: nodeNet.Server;
  readonly port: number;
}

export interface PairOptions {
  readonly client?: Partial<nodeNet.NetConnectOpts> & nodeNet.SocketConstructorOpts;
  readonly server?: nodeNet.ServerOpts;
}

/** Is given the module and prints what it notes. */
export type Program = (net: Net, note: (...values: unknown[]) => void) => void;

/** More bytes than the kernel's buffers take while nobody reads. How many they take differs from write to write. */
export const MUCH = 64 << 20;

const CLEANUP_MS = 2000;
const SETTLE_MS = 15;
const PROGRAM_MS = 8000;

export class Scene {
  readonly describer = new Describer();
  readonly #logs = new Map<string, Log>();
  readonly #ends: (() => unknown)[] = [];
  // Not `socket.closed`, which is true before 'close' is emitted.
  readonly #closed = new WeakSet<EventEmitter>();

  readonly net: Net;
  /** Operations that the proactors of its programs were given. */
  submitted = 0;
  readonly #variant: string;

  constructor({ name, net }: Variant) {
    this.net = net;
    this.#variant = name;
  }

  /** The log of one participant. */
  readonly log = (participant: string): Log => {
    let log = this.#logs.get(participant);
    if (log === undefined) {
      log = new Log(this.describer);
      this.#logs.set(participant, log);
    }
    return log;
  };

  /**
   * Notes the events of a socket that sends and receives at the same time: what it receives and what it has sent in logs of
   * their own, since either may be ahead; and none of 'drain', which depends on how fast the other side is.
   */
  readonly apart = <T extends EventEmitter>(participant: string, socket: T): T => {
    this.log(`${participant}, receiving`).on(socket, 'data', 'end');
    this.log(`${participant}, sending`).on(socket, 'finish');
    this.log(participant).on(socket, 'connect', 'ready', 'timeout', 'error', 'close');
    return socket;
  };

  get logs(): Logs {
    return Object.fromEntries([...this.#logs].map(([name, { entries }]) => [name, [...entries]]));
  }

  /** Calls `end` after the scenario. */
  readonly atEnd = (end: () => unknown): void => {
    this.#ends.push(end);
  };

  /** A socket or server that ends with the scenario; it is shown as `[label]`. */
  readonly keep = <T extends object>(owner: T, label?: string): T => {
    if (label !== undefined) this.describer.name(owner, label);
    const emitter = owner as unknown as nodeNet.Socket & nodeNet.Server;
    emitter.on('close', () => this.#closed.add(emitter));
    if (typeof emitter.listen === 'function') this.#nameAddress(emitter, label);
    this.atEnd(() => endOf(emitter));
    return owner;
  };

  #nameAddress(server: nodeNet.Server, label = 'server'): void {
    server.on('listening', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object')
        this.describer.namePort(address.port, `${label} port`);
    });
  }

  /** A server that listens on a free port of 127.0.0.1. */
  readonly listening = async (
    options: nodeNet.ServerOpts = {},
    onConnection?: (socket: nodeNet.Socket) => void,
  ): Promise<{ server: nodeNet.Server; port: number }> => {
    const server = this.keep(this.net.createServer(options), 'server');
    server.on('connection', (socket: nodeNet.Socket) => this.keep(socket, 'served'));
    if (onConnection) server.on('connection', onConnection);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as nodeNet.AddressInfo;
    return { server, port };
  };

  /** A connected pair of sockets. */
  readonly pair = async (options: PairOptions = {}): Promise<Pair> => {
    const { server, port } = await this.listening(options.server);
    const accepted = once(server, 'connection');
    const client = this.connect({ port, host: '127.0.0.1', ...options.client });
    await once(client, 'connect');
    const [served] = (await accepted) as [nodeNet.Socket];
    this.describer.namePort(client.localPort ?? 0, 'client port');
    return { client, served, server, port };
  };

  /** `net.connect` of a socket that ends with the scenario. */
  readonly connect = (options: object, callback?: () => void): nodeNet.Socket =>
    this.keep(this.net.connect(options as nodeNet.NetConnectOpts, callback), 'client');

  /** A port of 127.0.0.1 that nobody listens on. */
  readonly closedPort = async (): Promise<number> => {
    const server = this.net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as nodeNet.AddressInfo;
    this.describer.namePort(port, 'closed port');
    server.close();
    await once(server, 'close');
    return port;
  };

  /** A folder that is gone after the scenario. */
  readonly folder = (): string => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'compat-'));
    this.describer.nameText(folder, 'folder');
    this.atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
  };

  /** Waits for these, which are kept, to have emitted 'close'. */
  readonly closed = async (...emitters: readonly EventEmitter[]): Promise<void> => {
    const open = emitters.filter((emitter) => !this.#closed.has(emitter));
    await Promise.all(open.map((emitter) => this.event(emitter, 'close')));
  };

  /** Waits for an event, whatever else happens. */
  readonly event = (emitter: EventEmitter, name: string): Promise<unknown> =>
    new Promise((resolve) => emitter.once(name, resolve));

  /** Lets so many turns of the event loop pass. */
  readonly turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  /** Waits until `isSo` returns true. */
  readonly until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await delay(1);
  };

  readonly delay = (ms: number): Promise<void> => delay(ms);

  /**
   * Runs a program in a process of its own; it is sent as text, so it sees nothing else. It has these
   * descriptors from 3 on. Notes how it ended.
   */
  readonly program = async (
    label: string,
    program: Program,
    descriptors: readonly number[] = [],
  ): Promise<void> => {
    const variant = JSON.stringify(require.resolve('./variant'));
    const source = `const { net, submitted } = require(${variant}).variantNamed('${this.#variant}');
      process.on('exit', () => process._rawDebug('submitted', submitted()));
      (${program.toString()})(net, (...values) => console.log(JSON.stringify(values)));`;
    const child = spawn(process.execPath, ['--no-warnings', '-e', source], {
      stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
      timeout: patient(PROGRAM_MS),
    });
    const ended = once(child, 'close');
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    const [code, signal] = (await ended) as [number | null, string | null];
    this.log(label).add('ended', code ?? signal);
    for (const line of stdout.split('\n').filter(Boolean)) this.log(label).add('printed', line);
    this.submitted += Number(/^submitted (\d+)$/m.exec(stderr)?.[1] ?? 0);
    const uncaught = stderr.split('\n').filter((line) => /^\w*Error\b/.test(line));
    if (uncaught.length > 0) this.log(label).add('uncaught', ...uncaught);
  };

  /** Waits for what is still on its way to the other side, until nothing has been noted for a while. */
  async settle(): Promise<void> {
    let before: number;
    do {
      before = this.#noted();
      await delay(SETTLE_MS);
    } while (this.#noted() !== before);
  }

  #noted(): number {
    return [...this.#logs.values()].reduce((sum, log) => sum + log.length, 0);
  }

  async end(): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      await Promise.race([end(), delay(CLEANUP_MS)]);
    }
  }
}

/** Destroys a socket or closes a server that is not yet. */
async function endOf(owner: nodeNet.Socket & nodeNet.Server): Promise<void> {
  owner.on?.('error', () => {});
  if (typeof owner.destroy === 'function') {
    owner.destroy();
    return;
  }
  if (!owner.listening) return;
  const closed = new Promise((resolve) => owner.once('close', resolve));
  owner.close();
  await closed;
}

/** For calls that TypeScript would not let pass. */
export function loosely(target: object): Readonly<Record<string, (...args: unknown[]) => unknown>> {
  return new Proxy(target, {
    get: (object, key) => {
      const value = Reflect.get(object, key) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => value.apply(object, args);
    },
  }) as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
}
