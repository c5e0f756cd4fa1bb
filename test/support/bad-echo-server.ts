// An echo server that does something wrong: its argument says what, once some messages were echoed as they should be. With
// a file of a key and a certificate as its second argument it speaks TLS.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const goodBytes = 64 * 20;

const faults: Readonly<Record<string, (chunk: Buffer, socket: Socket) => Buffer>> = {
  none: (chunk) => chunk,
  // TLS: the session of the connection before.
  forgets: (chunk) => chunk,
  changes: (chunk) => Buffer.from(chunk.map((byte, index) => (index === 0 ? byte ^ 1 : byte))),
  // Neither among the first nor the last bytes of a message.
  'changes-within': (chunk) =>
    Buffer.from(chunk.map((byte, index) => (index === 30 ? byte ^ 1 : byte))),
  adds: (chunk) => Buffer.concat([chunk, Buffer.from([0])]),
  loses: (chunk) => chunk.subarray(1),
  swallows: () => Buffer.alloc(0),
  swaps: (chunk) => Buffer.concat([chunk.subarray(32), chunk.subarray(0, 32)]),
  closes: (chunk, socket) => {
    socket.end();
    return chunk;
  },
};

const [, , name = '', identity] = process.argv;
const fault = faults[name];
if (fault === undefined) throw new Error(`there is no fault '${name}'`);

function onConnection(socket: Socket): void {
  let echoed = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    echoed += chunk.length;
    const answer = echoed <= goodBytes ? chunk : fault!(chunk, socket);
    if (answer.length > 0 && !socket.writableEnded) socket.write(answer);
  });
}

function tlsServer(pem: string) {
  const secureOptions = name === 'forgets' ? constants.SSL_OP_NO_TICKET : 0;
  return createTlsServer({ key: pem, cert: pem, secureOptions, noDelay: true }, onConnection);
}

const server =
  identity === undefined
    ? createServer({ noDelay: true }, onConnection)
    : tlsServer(readFileSync(identity, 'utf8'));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on 127.0.0.1:${typeof address === 'object' ? address?.port : address}`);
});
process.on('SIGTERM', () => process.exit(0));
