// An echo server that does something wrong: its argument says what, once some messages were echoed as they should be.
import { createServer, type Socket } from 'node:net';

const goodBytes = 64 * 100;

const faults: Readonly<Record<string, (chunk: Buffer, socket: Socket) => Buffer>> = {
  none: (chunk) => chunk,
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

const fault = faults[process.argv[2] ?? ''];
if (fault === undefined) throw new Error(`there is no fault '${process.argv[2]}'`);

const server = createServer({ noDelay: true }, (socket) => {
  let echoed = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    echoed += chunk.length;
    const answer = echoed <= goodBytes ? chunk : fault(chunk, socket);
    if (answer.length > 0 && !socket.writableEnded) socket.write(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on 127.0.0.1:${typeof address === 'object' ? address?.port : address}`);
});
process.on('SIGTERM', () => process.exit(0));
