// What the tests of proactor/http share: servers that end with the test, and clients of Node's own.
import { type EventEmitter, once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { attach, shutdown } from 'proactor/http';
import { identity } from './certificate';
import { atEnd } from './cleanup';
import { temporaryFolder } from './files';

export const HOST = '127.0.0.1';

/** Listens on a free port until the test's end. */
export async function listen(server: net.Server, host = HOST): Promise<number> {
  server.listen(0, host);
  atEnd(() => shutdown(server, { timeoutMs: 0 }));
  await once(server, 'listening');
  return portOf(server);
}

export const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

export interface Served {
  readonly server: http.Server;
  readonly port: number;
}

/** A server of node:http on the Proactor. */
export async function serve(
  onRequest: http.RequestListener,
  options: http.ServerOptions = {},
): Promise<Served> {
  const server = attach(http.createServer(options, onRequest));
  return { server, port: await listen(server) };
}

/** A server of node:https on the Proactor. */
export async function serveSecurely(
  onRequest: http.RequestListener,
): Promise<{ server: https.Server; port: number }> {
  const server = attach(https.createServer(identity(), onRequest));
  return { server, port: await listen(server) };
}

/** A socket of node:net that ends with the test. */
export async function connectRaw(port: number, host = HOST): Promise<net.Socket> {
  const socket = net.connect({ port, host });
  atEnd(() => socket.destroy());
  socket.on('error', () => {}); // those who expect one listen themselves
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the other end ends, or resets. */
export async function readAll(socket: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch {
    // A reset: what came before it counts.
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** Waits until what came contains `text`. */
export async function readUntil(socket: Readable, text: string): Promise<string> {
  let read = '';
  while (!read.includes(text)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    read += chunk.toString('latin1');
  }
  return read;
}

/** Unlike `once`, whatever error comes before. */
export const whenClosed = (emitter: EventEmitter): Promise<void> =>
  new Promise((resolve) => emitter.once('close', () => resolve()));

/** Listens on a Unix domain socket in a folder of the test's, and returns its path. */
export async function listenLocally(server: net.Server): Promise<string> {
  const name = path.join(temporaryFolder(), 'socket');
  server.listen(name);
  atEnd(() => shutdown(server, { timeoutMs: 0 }));
  await once(server, 'listening');
  return name;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly response: http.IncomingMessage;
}

export type RequestOptions = https.RequestOptions & {
  readonly body?: string | Uint8Array;
  readonly secure?: boolean;
};

/** One request of Node's client, without an agent unless one is given. */
export async function request(port: number, options: RequestOptions = {}): Promise<Answer> {
  const { body, secure = false, ...others } = options;
  const module = secure ? https : http;
  const sent = module.request({ host: HOST, port, agent: false, ca: identity().ca, ...others });
  const closed = whenClosed(sent);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  await closed;
  const { statusCode = 0, headers } = response;
  return { status: statusCode, headers, body: Buffer.concat(chunks), response };
}

/** An agent of Node's own that keeps connections, until the test's end. */
export function keepAliveAgent(): http.Agent {
  const agent = new http.Agent({ keepAlive: true });
  atEnd(() => agent.destroy());
  return agent;
}

/** Something to wait at, until it is opened. */
export function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}
