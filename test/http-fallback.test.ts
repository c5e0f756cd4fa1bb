// Where io_uring is refused proactor/http does the same on Node's own connections.
import { constants } from 'node:os';
import { expect, it } from '@jest/globals';
import { describeInSandbox } from './support/sandbox';

const program = `
  const { once } = require('node:events');
  const http = require('node:http');
  const net = require('node:net');
  const { attach, buildConnector, HttpAgent, shutdown } = require('proactor/http');
  const { usesProactor } = require('proactor/net');

  async function main() {
    console.log(usesProactor);
    const server = http.createServer((request, response) => {
      response.end(request.socket.constructor === net.Socket ? 'by Node' : 'by something else');
    });
    const { listen, _listen2 } = server;
    console.log(attach(server) === server, server.listen === listen, server._listen2 === _listen2);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const agent = new HttpAgent({ keepAlive: true });
    http.get({ port, host: '127.0.0.1', agent }, async (response) => {
      for await (const text of response) console.log(String(text));
      const target = { hostname: '127.0.0.1', protocol: 'http:', port: String(port) };
      buildConnector()(target, async (error, socket) => {
        console.log(error, socket.constructor === net.Socket);
        socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');
        await once(socket, 'data');
        const ended = once(socket, 'close');
        console.log(await shutdown(server));
        await ended;
        const raw = attach(net.createServer()).listen(0, '127.0.0.1', () => {
          net.connect(raw.address().port, '127.0.0.1');
          raw.once('connection', () => setImmediate(async () => {
            console.log(await shutdown(raw, { timeoutMs: 50 }));
          }));
        });
      });
    });
  }
  main();`;

describeInSandbox('proactor/http where io_uring is refused', (run) => {
  it("attaches, connects and shuts down on Node's own connections", async () => {
    const env = { PROACTOR_NO_FALLBACK_WARNING: '1' };
    const ended = await run('setup', constants.errno.EPERM, ['-e', program], { env });
    expect(ended).toMatchObject({ code: 0, stderr: '', timedOut: false });
    expect(ended.stdout.split('\n')).toEqual([
      'false',
      'true true true',
      'by Node',
      'null true',
      '0',
      '1',
      '',
    ]);
  });
});
