// Which connections a server has, for those who have to end them: net.Server itself only counts them. Node
// publishes each connection that any server accepts, on the Proactor or not, on a channel.
import { subscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

interface Ending {
  readonly destroyed: boolean;
}

/** Ended ones go when there are so many, or twice as many as were open the last time. */
const SWEPT_FROM = 64;

/** What is open. It listens to none of them: a program sees who listens, and may take all listeners away. */
class OpenSet<T extends Ending> {
  readonly #members = new Set<T>();
  #sweptFrom = SWEPT_FROM;

  add(member: T): void {
    if (this.#members.size >= this.#sweptFrom) this.#sweep();
    this.#members.add(member);
  }

  *[Symbol.iterator](): Generator<T> {
    for (const member of this.#members) if (!member.destroyed) yield member;
  }

  #sweep(): void {
    for (const member of this.#members) if (member.destroyed) this.#members.delete(member);
    this.#sweptFrom = Math.max(SWEPT_FROM, 2 * this.#members.size);
  }
}

/** What a server has open. */
export class Connections {
  /** The connections themselves, under TLS as well. */
  readonly sockets = new OpenSet<Socket>();
  /** What speaks TLS on them, as far as the server was attached before. */
  readonly secure = new OpenSet<TLSSocket>();
  /** HTTP/2 on them, as far as the server was attached before. */
  readonly sessions = new OpenSet<ServerHttp2Session>();
}

const servers = new WeakMap<Server, Connections>();

/** What of its connections is known. */
export function connectionsOf(server: Server): Connections {
  let connections = servers.get(server);
  if (connections === undefined) {
    connections = new Connections();
    servers.set(server, connections);
  }
  return connections;
}

subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket & { server?: Server } };
  if (socket.server !== undefined && !socket.destroyed)
    connectionsOf(socket.server).sockets.add(socket);
});

/** From now on knows what the server speaks on its connections, too. */
export function watchProtocols(server: Server): void {
  const { secure, sessions } = connectionsOf(server);
  server.on('secureConnection', (socket: TLSSocket) => secure.add(socket));
  server.on('session', (session: ServerHttp2Session) => sessions.add(session));
}
