// What the examples say where they cannot follow: a line and no stack, with status 2 for wrong usage and 1 for what the
// system refuses.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { atEnd } from './support/cleanup';
import { runExample } from './support/example';
import { root } from './support/sources';

/** Those that listen, with what they need to be given. */
const SERVERS: Readonly<Record<string, readonly string[]>> = {
  'chat-server.mjs': [],
  'echo-server.mjs': [],
  'http-server.mjs': [],
  'net-echo-server.mjs': [],
  'tcp-proxy.mjs': ['--to', '127.0.0.1:7'],
};
const NO_PROGRAMS = ['echo-operations.mjs'];
const WITH_DISPATCH = ['chat-server.mjs', 'echo-server.mjs', 'tcp-proxy.mjs'];

/** Runs it to its end, which has to be one line with this status. */
async function expectLine(
  name: string,
  args: readonly string[],
  status: number,
  line: RegExp,
): Promise<void> {
  const { code, output, errors } = await runExample(name, [...(SERVERS[name] ?? []), ...args]);
  const [first = '', ...rest] = errors.split('\n');
  expect([code, output]).toEqual([status, '']);
  expect(first).toMatch(line);
  expect(first.startsWith(`${path.basename(name, '.mjs')}: `)).toBe(true);
  expect(rest).toEqual(['']);
}

it('all examples are tried here', () => {
  const names = readdirSync(path.join(root, 'examples'));
  expect([...Object.keys(SERVERS), ...NO_PROGRAMS].sort()).toEqual(names.sort());
});

describe.each(Object.keys(SERVERS))('examples/%s', (name) => {
  it('says that its port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const line = /listen EADDRINUSE: address already in use 127\.0\.0\.1/;
    await expectLine(name, ['--port', String(port)], 1, line);
  });

  it('says that it cannot have the address', async () => {
    const args = ['--port', '0', '--host', '192.0.2.1']; // of no machine
    await expectLine(name, args, 1, /listen EADDRNOTAVAIL/);
  });

  it.each(['nope', '', '1e3', '65536', '0x10'])("refuses the port '%s'", async (port) => {
    const line = new RegExp(`--port must be an integer from 0 to 65535, not '${port}'$`);
    await expectLine(name, ['--port', port], 2, line);
  });

  it('shows its usage with what it does not know', async () => {
    const { code, output, errors } = await runExample(name, ['--frobnicate']);
    expect([code, output]).toEqual([2, '']);
    expect(errors).toMatch(/Unknown option '--frobnicate'[\s\S]*\nusage: node examples\//);
    expect(errors).not.toMatch(/^\s+at /m);
  });
});

describe.each(WITH_DISPATCH)('examples/%s', (name) => {
  it.each(['nope', '', 'toString'])("refuses the dispatch '%s'", async (dispatch) => {
    const line = new RegExp(`--dispatch must be loop or thread, not '${dispatch}'$`);
    await expectLine(name, ['--port', '0', '--dispatch', dispatch], 2, line);
  });
});

describe('examples/echo-server.mjs', () => {
  it.each(['nope', 'toString'])("refuses the tier '%s'", async (tier) => {
    const line = new RegExp(`--tier must be operations or tcp, not '${tier}'$`);
    await expectLine('echo-server.mjs', ['--port', '0', '--tier', tier], 2, line);
  });
});
