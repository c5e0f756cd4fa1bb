// The examples on proactor/net and proactor/http: the same program on the Proactor and, with --node, without.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { atEnd } from './support/cleanup';
import { runExample, startExample } from './support/example';
import { connectRaw, keepAliveAgent, readAll, readUntil, request } from './support/http';
import { patient } from './support/pace';

const modes = [
  ['on the Proactor', []],
  ['with --node', ['--node']],
] as const;
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe.each(modes)('examples/net-echo-server.mjs %s', (_mode, args) => {
  it('echoes, and ends when its connections have ended', async () => {
    const example = await startExample('net-echo-server.mjs', ['--port', '0', ...args]);
    const socket = await connectRaw(example.port);
    const message = randomBytes(300_000);
    socket.end(message);
    expect(sha256(Buffer.from(await readAll(socket), 'latin1'))).toBe(sha256(message));
    const open = await connectRaw(example.port);
    open.write('x');
    await readUntil(open, 'x');
    const stopped = example.stop('SIGTERM');
    open.write('goes on');
    await readUntil(open, 'goes on');
    open.end();
    expect(await stopped).toBe(0);
  });

  it('ends although a client stays', async () => {
    const example = await startExample('net-echo-server.mjs', ['--port', '0', ...args]);
    const socket = await connectRaw(example.port);
    const startedMs = performance.now();
    expect(await example.stop('SIGINT')).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(patient(4000));
    expect(await readAll(socket)).toBe('');
  });
});

describe.each(modes)('examples/http-server.mjs %s', (_mode, args) => {
  it('serves, and finishes a request that is being answered', async () => {
    const example = await startExample('http-server.mjs', ['--port', '0', ...args]);
    const agent = keepAliveAgent();
    const greeting = await request(example.port, { agent });
    expect([greeting.status, String(greeting.body)]).toEqual([200, 'Hello\n']);
    const body = randomBytes(300_000);
    const echo = await request(example.port, { agent, method: 'POST', path: '/echo', body });
    expect(sha256(echo.body)).toBe(sha256(body));
    expect((await request(example.port, { agent, path: '/none' })).status).toBe(404);
    const busy = await connectRaw(example.port);
    busy.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf');
    await readUntil(busy, 'half');
    const stopped = example.stop('SIGTERM');
    busy.write('half');
    expect(await readAll(busy)).toContain('half');
    expect(await stopped).toBe(0);
  });
});

describe.each(['net-echo-server.mjs', 'http-server.mjs'])('examples/%s', (name) => {
  it('explains itself', async () => {
    const { code, output } = await runExample(name, ['--help']);
    expect(code).toBe(0);
    expect(output).toMatch(/--node/);
  });

  it.each([
    ['--port', '70000'],
    ['--port', 'x'],
    ['--prot', '1'],
  ])('refuses %s %s', async (...args) => {
    const { code, errors } = await runExample(name, args);
    expect(code).toBe(2);
    expect(errors).toMatch(new RegExp(`^${name.slice(0, -4)}: `));
  });

  it('says that its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, errors } = await runExample(name, ['--port', String(port)]);
    expect([code, errors]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });
});
