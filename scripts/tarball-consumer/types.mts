// Type-checked only, as an ES module and (renamed) as a CommonJS module.
import { Proactor, type ProactorOptions, TcpAcceptor, type TcpStream } from 'proactor';

const options: ProactorOptions = { dispatch: 'thread' };
export const available: boolean = Proactor.probe().available;
export const create = (): Proactor => new Proactor(options);
export const listen = (proactor: Proactor): Promise<TcpAcceptor> =>
  TcpAcceptor.listen(proactor, { port: 0 }, (stream: TcpStream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
