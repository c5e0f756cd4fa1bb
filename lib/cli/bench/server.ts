// A program: an echo server for the comparison. `node server.js proactor-loop|proactor-thread|node-net`. It tells its
// port through the channel to its parent, and ends with it.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { TcpAcceptor } from '../../io/tcp-acceptor';
import { Proactor } from '../../proactor';
import type { Listening } from './messages';

const HOST = '127.0.0.1';
const BACKLOG = 4096;

function tell(port: number): void {
  const message: Listening = { port };
  process.send?.(message);
}

async function serveProactor(dispatch: 'loop' | 'thread'): Promise<void> {
  const proactor = new Proactor({ dispatch });
  const options = { host: HOST, port: 0, backlog: BACKLOG };
  const acceptor = await TcpAcceptor.listen(proactor, options, (stream) => {
    stream.onData = (chunk) => {
      if (!stream.write(chunk)) stream.pause();
    };
    stream.onDrain = () => stream.resume();
  });
  tell(acceptor.address.port);
}

async function serveNodeNet(): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', (chunk) => {
      if (!socket.write(chunk)) socket.pause();
    });
    socket.on('drain', () => socket.resume());
    socket.on('error', () => socket.destroy());
  });
  server.listen({ host: HOST, port: 0, backlog: BACKLOG });
  await once(server, 'listening');
  tell((server.address() as AddressInfo).port);
}

async function main(what: string | undefined): Promise<void> {
  try {
    if (what === 'node-net') await serveNodeNet();
    else await serveProactor(what === 'proactor-thread' ? 'thread' : 'loop');
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

// The parent is gone, and nobody wants the server any more.
process.once('disconnect', () => process.exit(0));
void main(process.argv[2]);
