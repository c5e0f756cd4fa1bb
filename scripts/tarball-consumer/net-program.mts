// Type-checked only, as an ES module and (renamed) as a CommonJS module: a program on node:net, and the same one with
// 'proactor/net' in the place of 'node:net' in the next line.
import net, { type AddressInfo, Server } from 'node:net';

export class Client extends net.Socket {
  readonly options: net.NetConnectOpts = { port: 1, host: '127.0.0.1' };
}

export function serve(onSocket: (socket: net.Socket) => void, options: net.ServerOpts): net.Server {
  const server: Server = new Server(options, onSocket);
  return server.listen(0);
}

export const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
export const addressOf = (server: Server): AddressInfo | string | null => server.address();
export const create = (): Server => net.createServer();
export const connect = (): net.Socket => net.connect(1, '127.0.0.1', () => {});
export const isServer = (value: unknown): value is net.Server => value instanceof net.Server;
export const refused: { list: net.BlockList; from: net.SocketAddress } = {
  list: new net.BlockList(),
  from: new net.SocketAddress({ address: '127.0.0.1' }),
};
export type Net = typeof net;
