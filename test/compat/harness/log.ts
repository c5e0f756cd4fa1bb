// What one participant of a scenario went through, in order. Each end of a connection has a log of its own: which of the
// two sees something first is up to the kernel.
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Describer } from './describe';

type Entry = [what: string, ...values: unknown[]];
type Chunk = string | Buffer;

/** Properties of a socket that a user can read at any time. */
const STATE = [
  ...['pending', 'connecting', 'readyState', 'destroyed', 'closed', 'errored', 'timeout'],
  ...['readable', 'readableEnded', 'readableFlowing', 'readableLength', 'readableEncoding'],
  ...['readableHighWaterMark', 'readableAborted', 'readableDidRead', 'readableObjectMode'],
  ...['writable', 'writableEnded', 'writableFinished', 'writableLength', 'writableNeedDrain'],
  ...['writableHighWaterMark', 'writableCorked', 'writableAborted', 'writableObjectMode'],
  ...[
    'bytesRead',
    'bytesWritten',
    'bufferSize',
    'allowHalfOpen',
    'autoSelectFamilyAttemptedAddresses',
  ],
  ...['localAddress', 'localPort', 'localFamily', 'remoteAddress', 'remotePort', 'remoteFamily'],
];

const SOCKET_EVENTS = [
  ...['lookup', 'connect', 'ready', 'end', 'timeout', 'drain', 'error', 'close', 'finish'],
  ...['connectionAttempt', 'connectionAttemptFailed', 'connectionAttemptTimeout'],
];
const SERVER_EVENTS = ['listening', 'connection', 'close', 'error', 'drop'];

export class Log {
  readonly #describer: Describer;
  readonly #entries: Entry[] = [];
  /** Data that came in one piece or in many, and is one entry. */
  #data: Chunk[] = [];

  constructor(describer: Describer) {
    this.#describer = describer;
  }

  /** How much was noted. */
  get length(): number {
    return this.#entries.length + this.#data.length;
  }

  get entries(): readonly Entry[] {
    this.#flushData();
    return this.#entries;
  }

  /** Notes that something happened. */
  add(what: string, ...values: readonly unknown[]): void {
    this.#flushData();
    this.#entries.push([what, ...values.map((value) => this.#describer.describe(value))]);
  }

  /** Notes received data; how it was cut into pieces is not compared. */
  addData(chunk: Chunk): void {
    if (this.#data.length > 0 && typeof this.#data[0] !== typeof chunk) this.#flushData();
    this.#data.push(chunk);
  }

  #flushData(): void {
    const data = this.#data;
    if (data.length === 0) return;
    this.#data = [];
    const isText = typeof data[0] === 'string';
    this.add('data', isText ? data.join('') : Buffer.concat(data as Buffer[]));
  }

  /** Notes these events of an emitter, with their arguments. */
  on(emitter: EventEmitter, ...events: readonly string[]): void {
    for (const event of events) {
      if (event === 'data') emitter.on('data', (chunk: Chunk) => this.addData(chunk));
      else emitter.on(event, (...values: unknown[]) => this.add(event, ...values));
    }
  }

  /** Notes all events of a socket but those that change how it reads; more of them if they are named. */
  socket<T extends EventEmitter>(socket: T, ...more: readonly string[]): T {
    this.on(socket, ...SOCKET_EVENTS, ...more);
    return socket;
  }

  /** Notes all events of a server. */
  server<T extends EventEmitter>(server: T): T {
    this.on(server, ...SERVER_EVENTS);
    return server;
  }

  /** Calls `action` and notes what it returns or throws; returns what it returned. */
  call<T>(what: string, action: () => T): T | undefined {
    try {
      const value = action();
      this.add(what, 'returned', value);
      return value;
    } catch (error) {
      this.add(what, 'threw', error);
      return undefined;
    }
  }

  /** A callback that notes that it was called, on what, and with what. */
  callback(what: string, then?: () => void): (...values: unknown[]) => void {
    const log = this;
    return function (this: unknown, ...values: unknown[]) {
      log.add(what, 'on', this, ...values);
      then?.();
    };
  }

  /** Notes what can be read of a socket, or these properties. */
  state(what: string, socket: Socket, properties: readonly string[] = STATE): void {
    const all = socket as unknown as Record<string, unknown>;
    this.add(what, Object.fromEntries(properties.map((name) => [name, all[name]])));
  }
}
