// Type-checked only, as an ES module and (renamed) as a CommonJS module.
import { createServer } from 'node:http';
import { Proactor, type ProactorOptions, TcpAcceptor, type TcpStream } from 'proactor';
import { attach, type ShutdownOptions, shutdown } from 'proactor/http';
import * as net from 'proactor/net';

const options: ProactorOptions = { dispatch: 'thread' };
export const available: boolean = Proactor.probe().available;
export const create = (): Proactor => new Proactor(options);
export const listen = (proactor: Proactor): Promise<TcpAcceptor> =>
  TcpAcceptor.listen(proactor, { port: 0 }, (stream: TcpStream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
export const serve = () => attach(createServer(), { proactor: create() }).listen(0);
export const end = (ending: ShutdownOptions): Promise<number> => shutdown(serve(), ending);
// Names of node:net that are types as well as values.
export const names: [net.Socket?, net.Server?, net.BlockList?, net.SocketAddress?] = [];
export const place = (server: net.Server): net.AddressInfo => server.address() as net.AddressInfo;
export const socket = (): net.Socket => net.connect(1, '127.0.0.1');
