// What the TCP tests share: proactors, streams and peers of node:net that end with the test, and the
// check after each test that nothing was left behind.
import * as diagnosticsChannel from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect } from '@jest/globals';
import {
  type ConnectOptions,
  type Dispatch,
  type ListenOptions,
  Proactor,
  type ProactorOptions,
  TcpAcceptor,
  TcpStream,
} from 'proactor';

export const dispatches: readonly Dispatch[] = ['loop', 'thread'];
export const HOST = '127.0.0.1';

/** Runs a group of tests on each completion dispatcher. */
export function onBothDispatchers(subject: string, define: (bed: Bed) => void): void {
  describe.each(dispatches)(`${subject}, %s dispatch`, (dispatch) => define(new Bed(dispatch)));
}

export interface Pair {
  /** Our end. */
  readonly stream: TcpStream;
  /** The other end, of node:net. It never ends by itself, and waits for someone who reads. */
  readonly peer: Socket;
}

export interface PairOptions {
  readonly proactor?: Proactor;
  readonly stream?: Partial<ConnectOptions>;
  readonly host?: string;
}

/** Makes what a test needs and ends it after the test. */
export class Bed {
  readonly dispatch: Dispatch;
  readonly #proactors: Proactor[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #proactor: Proactor | undefined;
  /** Set by a test that leaves bytes held on purpose. */
  holdsBytes = false;

  constructor(dispatch: Dispatch) {
    this.dispatch = dispatch;
    afterEach(() => this.#end());
  }

  /** The test's proactor, made when it is first asked for. */
  get proactor(): Proactor {
    this.#proactor ??= this.newProactor();
    return this.#proactor;
  }

  newProactor(options: ProactorOptions = {}): Proactor {
    const proactor = new Proactor({ dispatch: this.dispatch, ...options });
    this.#proactors.push(proactor);
    return proactor;
  }

  listen(options: ListenOptions = {}, handler?: (stream: TcpStream) => void): Promise<TcpAcceptor> {
    return TcpAcceptor.listen(this.proactor, { host: HOST, ...options }, handler);
  }

  /** A server of node:net on a free port, with the sockets that it accepted. */
  async serve(host = HOST): Promise<{ port: number; server: Server; next: () => Promise<Socket> }> {
    const waiting: ((socket: Socket) => void)[] = [];
    const accepted: Socket[] = [];
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.#keep(socket);
      const taker = waiting.shift();
      if (taker === undefined) accepted.push(socket);
      else taker(socket);
    });
    this.#servers.push(server);
    server.listen(0, host);
    await once(server, 'listening');
    const next = async (): Promise<Socket> =>
      accepted.shift() ?? new Promise((resolve) => waiting.push(resolve));
    return { port: (server.address() as AddressInfo).port, server, next };
  }

  /** A connected socket of node:net. */
  async connectPeer(port: number, host = HOST): Promise<Socket> {
    const socket = this.startPeer(port, host);
    await once(socket, 'connect');
    return socket;
  }

  /** A socket of node:net that may not be connected yet, or ever. */
  startPeer(port: number, host = HOST): Socket {
    return this.#keep(connect({ port, host, allowHalfOpen: true }).pause());
  }

  /** Our stream, connected to a peer. */
  async connected({ proactor, stream = {}, host = HOST }: PairOptions = {}): Promise<Pair> {
    const { port, next } = await this.serve(host);
    const ours = await TcpStream.connect(proactor ?? this.proactor, { port, host, ...stream });
    return { stream: ours, peer: await next() };
  }

  /** Our stream, accepted from a peer. */
  async accepted({ proactor, stream = {} }: PairOptions = {}): Promise<Pair> {
    const { port: _port, ...options } = stream;
    const acceptor = await TcpAcceptor.listen(proactor ?? this.proactor, {
      host: HOST,
      ...options,
    });
    const accepting = acceptor[Symbol.asyncIterator]().next();
    const peer = await this.connectPeer(acceptor.address.port);
    const { value } = await accepting;
    await acceptor.close();
    return { stream: value as TcpStream, peer };
  }

  /** Both ends ours. */
  async both(stream: TcpOptions = {}): Promise<{ near: TcpStream; far: TcpStream }> {
    const acceptor = await this.listen(stream);
    const accepting = acceptor[Symbol.asyncIterator]().next();
    const near = await TcpStream.connect(this.proactor, {
      ...stream,
      host: HOST,
      port: acceptor.address.port,
    });
    const { value } = await accepting;
    await acceptor.close();
    return { near, far: value as TcpStream };
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    // Each test looks at the errors that it is about.
    socket.on('error', () => {});
    return socket;
  }

  async #end(): Promise<void> {
    const disposals = this.#proactors.splice(0);
    this.#proactor = undefined;
    const leaks: unknown[] = [];
    const note = (message: unknown): void => {
      leaks.push((message as { leaked: number }).leaked);
    };
    diagnosticsChannel.subscribe('proactor:dispose', note);
    await Promise.all(disposals.map((proactor) => proactor.dispose()));
    diagnosticsChannel.unsubscribe('proactor:dispose', note);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    const servers = this.#servers.splice(0).filter((server) => server.listening);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    expect(leaks.filter((leaked) => leaked !== 0)).toEqual([]);
    if (!this.holdsBytes) for (const proactor of disposals) expectNothingHeld(proactor);
    this.holdsBytes = false;
  }
}

type TcpOptions = Omit<ListenOptions, 'port' | 'host'>;

/** No operation, no block of memory and no receive buffer is in use. */
export function expectNothingHeld(proactor: Proactor): void {
  const { blocksLent, buffersProvided, inFlight } = proactor.stats();
  expect({ inFlight, blocksLent, buffersProvided }).toEqual({
    inFlight: 0,
    blocksLent: 0,
    buffersProvided: proactor.buffers.count,
  });
}
