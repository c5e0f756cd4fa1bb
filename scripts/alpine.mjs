// `npm run test:alpine -- TARBALL [NODE]`: tests the musl binary of a tarball on real musl: the tests that depend on the
// runtime, in a container of Alpine Linux with that line of Node (20 unless given). Needs docker, and no compiler anywhere.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail, root } from './common.mjs';
import { runtimeTests } from './jest-run.mjs';
import { nodeLines } from './runtimes.mjs';

const FOLDER = '/proactor';
const BUILT = ['node_modules', 'scripts/docs/node_modules', 'build', 'dist', 'prebuilds', '.git'];
const COMMANDS = [
  'tar -x',
  'npm ci --ignore-scripts',
  'node scripts/compile.mjs lib',
  'node scripts/jest.mjs "$@"',
].join(' && ');

const [tarball, line = nodeLines[0], ...others] = process.argv.slice(2);
if (tarball === undefined || !nodeLines.includes(line) || others.length > 0)
  fail(`usage: npm run test:alpine -- TARBALL [${nodeLines.join('|')}]`);

/** The binaries of the tarball, and the checkout without what is built, as one archive on standard output. */
function archive(binaries) {
  const member = 'package/prebuilds';
  const unpacked = spawnSync('tar', [
    '-xzf',
    path.resolve(tarball),
    '--strip-components=1',
    '-C',
    binaries,
    member,
  ]);
  if (unpacked.status !== 0) fail(`${tarball} has no ${member}: ${unpacked.stderr}`);
  const excluded = BUILT.map((name) => `--exclude=./${name}`);
  return ['-c', ...excluded, '-C', root, '.', '-C', binaries, 'prebuilds'];
}

const container = [
  ...['run', '--rm', '--init', '--interactive', '--env', 'CI', '--workdir', FOLDER],
  // Docker's default profile refuses io_uring, and its limit of locked memory is small where kernels count rings.
  ...['--security-opt', 'seccomp=unconfined', '--ulimit', 'memlock=-1:-1'],
  `node:${line}-alpine`,
];
const binaries = mkdtempSync(path.join(tmpdir(), 'proactor-alpine-'));
process.on('exit', () => rmSync(binaries, { recursive: true, force: true }));
const tar = spawn('tar', archive(binaries), { stdio: ['ignore', 'pipe', 'inherit'] });
const docker = spawn('docker', [...container, 'sh', '-c', COMMANDS, 'sh', ...runtimeTests], {
  stdio: ['pipe', 'inherit', 'inherit'],
});
docker.once('error', (error) => fail(`cannot run docker: ${error.message}`));
const exited = new Promise((resolve) => {
  docker.once('exit', (code, signal) => resolve(code ?? signal));
});
// A container that ends early closes the pipe; its status tells why.
await pipeline(tar.stdout, docker.stdin).catch(() => {});
const code = await exited;
if (code !== 0) fail(`node:${line}-alpine ended with ${code}`);
