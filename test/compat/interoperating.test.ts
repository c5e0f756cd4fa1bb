// The module under test on one side, Node's own or another program on the other.
import { execFile } from 'node:child_process';
import * as http from 'node:http';
import * as nodeNet from 'node:net';
import * as tls from 'node:tls';
import { compare } from './harness/compare';

function portOf(server: nodeNet.Server): number {
  return (server.address() as nodeNet.AddressInfo).port;
}

compare(__filename, {
  'a client of a server of Node': async ({ apart, keep, connect, closed, event }) => {
    const server = keep(nodeNet.createServer((served) => served.pipe(served)));
    server.listen(0, '127.0.0.1');
    await event(server, 'listening');
    const client = apart('client', connect({ port: portOf(server), host: '127.0.0.1' }));
    client.end(Buffer.alloc(500_000, 'echoed by node:net '));
    await closed(client);
  },

  'a server of a client of Node': async ({ apart, log, keep, listening, closed }) => {
    const { port } = await listening({}, (served) => {
      apart('served', served);
      served.pipe(served);
    });
    const client = keep(nodeNet.connect(port, '127.0.0.1'));
    log('client').on(client, 'data', 'end', 'close');
    client.end(Buffer.alloc(500_000, 'sent by node:net '));
    await closed(client);
  },

  'a reset by a client of Node': async ({ log, keep, listening, closed, event }) => {
    const { server, port } = await listening({}, (served) => log('served').socket(served).resume());
    const client = keep(nodeNet.connect(port, '127.0.0.1'));
    const [served] = (await Promise.all([
      new Promise((resolve) => server.once('connection', resolve)),
      event(client, 'connect'),
    ])) as [nodeNet.Socket, unknown];
    client.resetAndDestroy();
    await closed(served);
  },

  'HTTP over a connection': async ({ log, listening, net }) => {
    const httpServer = http.createServer((request, response) => {
      response.setHeader('date', 'never');
      response.end(`${request.method} ${request.url}`);
    });
    const { port } = await listening({}, (served) => httpServer.emit('connection', served));
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const createConnection = (): nodeNet.Socket => net.connect(port, '127.0.0.1');
      http
        .get({ port, path: '/some', createConnection, agent: false }, resolve)
        .once('error', reject);
    });
    log('client').add('response', response.statusCode, response.headers);
    for await (const data of response) log('client').addData(data as Buffer);
  },

  'TLS over a connection, by a key that both know': async ({
    log,
    listening,
    net,
    keep,
    closed,
  }) => {
    const psk = Buffer.alloc(32, 'k');
    const common = { ciphers: 'PSK+AES128', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    const server = tls.createServer({ ...common, pskCallback: () => psk });
    server.on('secureConnection', (secure) => {
      log('server').on(secure, 'data', 'end', 'error');
      secure.on('data', (data) => secure.write(`echo of ${data}`));
    });
    const { port } = await listening({}, (served) => server.emit('connection', served));
    const socket = keep(net.connect(port, '127.0.0.1'));
    const client = keep(
      tls.connect({
        ...common,
        socket,
        checkServerIdentity: () => undefined,
        pskCallback: () => ({ psk, identity: 'someone' }),
      }),
    );
    client.on('secureConnect', () => {
      log('client').add('secureConnect', client.getProtocol());
      client.write('secret');
    });
    client.once('data', () => client.end());
    log('client').on(client, 'data', 'end', 'error', 'close');
    await closed(client);
  },

  'many connections at once, again and again': async ({ listening, connect, log, closed }) => {
    const { server, port } = await listening({}, (served) => served.pipe(served));
    let connections = 0;
    server.on('connection', () => connections++);
    for (let round = 0; round < 5; round++) {
      const texts = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const client = connect({ port, host: '127.0.0.1' });
          let text = '';
          client.setEncoding('latin1').on('data', (data: string) => {
            text += data;
          });
          client.end(`${round}:${index} `.repeat(1000));
          await closed(client);
          return text;
        }),
      );
      log('clients').add('received', texts.join(''));
    }
    log('server').add('connections', connections);
  },

  'bytes that a program sends': async ({ log, listening, event, closed }) => {
    const { server, port } = await listening({}, (served) => log('served').socket(served, 'data'));
    const accepted = event(server, 'connection');
    const source = `require('net').connect(${port}, '127.0.0.1').end('from a process')`;
    execFile(process.execPath, ['-e', source]);
    await closed((await accepted) as nodeNet.Socket);
  },
});
