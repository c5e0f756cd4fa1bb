// Which connections a server has, for those who have to end them: net.Server itself only counts them. Node
// publishes each connection that any server accepts, on the Proactor or not, on a channel.
import { subscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What a server has open. */
export class Connections {
  /** The connections themselves, under TLS as well. */
  readonly sockets: Set<Socket> = new Set();
  /** What speaks TLS on them, as far as the server was attached before. */
  readonly secure: Set<TLSSocket> = new Set();
  /** HTTP/2 on them, as far as the server was attached before. */
  readonly sessions: Set<ServerHttp2Session> = new Set();
}

interface Closing {
  once(event: 'close', listener: () => void): unknown;
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

function keep<T extends Closing>(set: Set<T>, member: T): void {
  set.add(member);
  member.once('close', () => set.delete(member));
}

subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket & { server?: Server } };
  if (socket.server !== undefined && !socket.destroyed)
    keep(connectionsOf(socket.server).sockets, socket);
});

/** From now on knows what the server speaks on its connections, too. */
export function watchProtocols(server: Server): void {
  const { secure, sessions } = connectionsOf(server);
  server.on('secureConnection', (socket: TLSSocket) => keep(secure, socket));
  server.on('session', (session: ServerHttp2Session) => keep(sessions, session));
}
