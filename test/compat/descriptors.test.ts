// Sockets and servers over descriptors that exist already.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as nodeNet from 'node:net';
import { compare } from './harness/compare';
import type { Scene } from './harness/scene';

const handleOf = (owner: object): { fd: number } =>
  (owner as unknown as { _handle: { fd: number } })._handle;

/** The two ends of a named pipe. */
function pipeOf({ folder }: Scene): { reader: number; writer: number } {
  const name = `${folder()}/pipe`;
  execFileSync('mkfifo', [name]);
  const both = fs.openSync(name, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  const reader = fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const writer = fs.openSync(name, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  fs.closeSync(both);
  return { reader, writer };
}

compare(__filename, {
  'reading from a pipe': async (scene) => {
    const { net, log, keep, closed } = scene;
    const { reader, writer } = pipeOf(scene);
    const socket = keep(new net.Socket({ fd: reader, readable: true, writable: false }), 'socket');
    log('socket').socket(socket, 'data');
    log('socket').state('open', socket);
    fs.writeSync(writer, 'through the pipe');
    fs.closeSync(writer);
    await closed(socket);
    log('socket').state('after', socket, ['bytesRead', 'readableEnded', 'destroyed']);
  },

  'writing to a pipe': async (scene) => {
    const { net, log, keep, closed } = scene;
    const { reader, writer } = pipeOf(scene);
    const socket = keep(new net.Socket({ fd: writer, readable: false, writable: true }), 'socket');
    log('socket').socket(socket);
    socket.write('one,', log('socket').callback('written'));
    socket.end('two', log('socket').callback('ended'));
    await closed(socket);
    const buffer = Buffer.alloc(64);
    log('pipe').add('read', buffer.subarray(0, fs.readSync(reader, buffer)));
    log('pipe').add('end', fs.readSync(reader, buffer));
    fs.closeSync(reader);
  },

  'a pipe that nobody reads any more': async (scene) => {
    const { net, log, keep, closed } = scene;
    const { reader, writer } = pipeOf(scene);
    const socket = keep(new net.Socket({ fd: writer, readable: false, writable: true }), 'socket');
    log('socket').socket(socket);
    fs.closeSync(reader);
    socket.write('x', log('socket').callback('written'));
    await closed(socket);
  },

  'descriptors that cannot be sockets': async ({ net, log, keep, folder }) => {
    const file = fs.openSync(`${folder()}/file`, 'w+');
    const nothing = fs.openSync('/dev/null', 'r+');
    for (const [name, fd] of Object.entries({ file, nothing, closed: 1000 })) {
      log(name).call('new', () => keep(new net.Socket({ fd }), 'socket').readyState);
    }
    fs.closeSync(file);
    fs.closeSync(nothing);
  },

  'listening on a descriptor': async ({ keep, program, event, describer }) => {
    const first = keep(nodeNet.createServer());
    first.listen(0, '127.0.0.1');
    await event(first, 'listening');
    const { port } = first.address() as nodeNet.AddressInfo;
    describer.namePort(port, 'first port');
    const ended = program(
      'program',
      (net, note) => {
        const server = net.createServer((served) => served.end('hello'));
        server.on('error', (error) => note('error', error.message));
        server.listen({ fd: 3 }, () => {
          const { address, port, family } = server.address() as nodeNet.AddressInfo;
          note('listening', address, family);
          const client = net.connect(port, address, () => note('connect'));
          client.on('data', (data) => note('data', String(data)));
          client.on('close', () => server.close(() => note('closed')));
        });
      },
      [handleOf(first).fd],
    );
    // The program has the descriptor by now; a second server on it would take connections away.
    first.close();
    await ended;
  },

  'a connection on a descriptor': async ({ log, keep, program, event, closed }) => {
    const server = keep(nodeNet.createServer());
    server.listen(0, '127.0.0.1');
    await event(server, 'listening');
    const { port } = server.address() as nodeNet.AddressInfo;
    const client = keep(nodeNet.connect(port, '127.0.0.1'));
    const served = (await event(server, 'connection')) as nodeNet.Socket;
    log('client').on(client, 'data', 'end', 'close');
    await program(
      'program',
      (net, note) => {
        const socket = new net.Socket({ fd: 3, readable: true, writable: true });
        note(socket.readyState, socket.localAddress, socket.remoteFamily);
        socket.on('data', (data) => note('data', String(data)));
        socket.on('end', () => note('end'));
        socket.on('close', (hadError) => note('close', hadError));
        socket.write('from the program');
        setTimeout(() => socket.end(), 50);
      },
      [handleOf(served).fd],
    );
    served.destroy();
    await closed(client);
  },
});
