// Where io_uring is refused proactor/net is node:net, says so once, and lets itself be silenced.
import { constants } from 'node:os';
import { expect, it } from '@jest/globals';
import { runCommand } from './support/child';
import { describeInSandbox } from './support/sandbox';

const program = `
  const net = require('proactor/net');
  const node = require('node:net');
  const same = ['Socket', 'Server', 'connect', 'createServer', 'createConnection', 'Stream'];
  console.log(net.usesProactor, same.every((name) => net[name] === node[name]));
  console.log(net.fallbackReason);
  const server = net.createServer((socket) => socket.end('served')).listen(0, '127.0.0.1', () => {
    net.connect(server.address().port, '127.0.0.1').on('data', (data) => {
      console.log(String(data));
      server.close();
    });
  });`;

describeInSandbox('proactor/net where io_uring is refused', (run) => {
  const { EPERM } = constants.errno;

  it('is node:net, warns once, and works', async () => {
    const ended = await run('setup', EPERM, ['-e', `${program}; require('proactor/net');`]);
    const [kind, reason, served] = ended.stdout.split('\n');
    expect(kind).toBe('false true');
    expect(reason).toMatch(/io_uring_setup.*EPERM/);
    expect(served).toBe('served');
    expect(ended.stderr.match(/PROACTOR_NET_FALLBACK/g)).toHaveLength(1);
    expect(ended.stderr).toContain('PROACTOR_NO_FALLBACK_WARNING=1');
    expect(ended.code).toBe(0);
  });

  it.each([
    ['not again in workers', "require('proactor/net');", 1],
    ['in a worker, if it is the first that needs to', '', 1],
  ])('warns %s', async (_where, before, count) => {
    const inner = "require('proactor/net')";
    const outer = `${inner}; new (require('node:worker_threads').Worker)("${inner}", { eval: true })`;
    const source = `${before} new (require('node:worker_threads').Worker)(${JSON.stringify(outer)}, { eval: true })`;
    const ended = await run('setup', EPERM, ['-e', source]);
    expect(ended.code).toBe(0);
    expect(ended.stderr.match(/PROACTOR_NET_FALLBACK\]/g)).toHaveLength(count);
  });

  it('does not warn where that was turned off', async () => {
    const env = { PROACTOR_NO_FALLBACK_WARNING: '1' };
    const ended = await run('setup', EPERM, ['-e', program], { env });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });
});

it('is node:net where the environment asks for that, without a warning', async () => {
  const env = { PROACTOR_NET_FALLBACK: '1' };
  const ended = await runCommand(process.execPath, ['-e', program], { env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout.split('\n').slice(0, 3)).toEqual([
    'false true',
    'the environment has PROACTOR_NET_FALLBACK',
    'served',
  ]);
});

it('says that it uses the Proactor where it does', async () => {
  const source =
    "const net = require('proactor/net'); console.log(net.usesProactor, net.fallbackReason)";
  const ended = await runCommand(process.execPath, ['-e', source]);
  expect(ended).toMatchObject({ code: 0, stdout: 'true undefined\n', stderr: '' });
});

it('can be imported as an ES module, by name and as a whole', async () => {
  const source = `
    import net, { createServer, Socket } from 'proactor/net';
    console.log(net.createServer === createServer, net.Socket === Socket);`;
  const ended = await runCommand(process.execPath, ['--input-type=module', '-e', source]);
  expect(ended).toMatchObject({ code: 0, stdout: 'true true\n', stderr: '' });
});

it('is one object as a whole, however it comes, as node:net is', async () => {
  const source = `
    import { createRequire } from 'node:module';
    import * as names from 'proactor/net';
    import net from 'proactor/net';
    const required = createRequire(import.meta.url)('proactor/net');
    required.mark = 1;
    console.log(net === required, net === names.default, net.mark, net.Socket === names.Socket);`;
  const ended = await runCommand(process.execPath, ['--input-type=module', '-e', source]);
  expect(ended).toMatchObject({ code: 0, stdout: 'true true 1 true\n', stderr: '' });
});

it.each([
  [
    '_handle',
    `const real = Object.getOwnPropertyDescriptor;
     Object.getOwnPropertyDescriptor = (o, key) => key === '_handle' ? undefined : real(o, key);`,
  ],
  ['handle for', 'node._createServerHandle = undefined;'],
])('is node:net, and says why, where a Node to come lacks its %s', async (what, lack) => {
  const source = `
    const node = require('node:net');
    ${lack}
    const net = require('proactor/net');
    console.log(net.usesProactor, net.Socket === node.Socket, net.fallbackReason);`;
  const env = { PROACTOR_NO_FALLBACK_WARNING: '1' };
  const ended = await runCommand(process.execPath, ['-e', source], { env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^false true /);
  expect(ended.stdout).toContain(`no ${what}`);
});

// Node 20 to 24 have no such permission: it is refused here as newer ones do it.
it('is node:net, and says why, where the permission model allows no network', async () => {
  const source = `
    require('node:net')._createServerHandle = () => {
      throw Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' });
    };
    const net = require('proactor/net');
    console.log(net.usesProactor, net.fallbackReason);`;
  const env = { PROACTOR_NO_FALLBACK_WARNING: '1' };
  const ended = await runCommand(process.execPath, ['-e', source], { env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^false .*--allow-net/);
});
