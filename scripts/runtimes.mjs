// The runtimes and tools that tests install from npm, beside this project's own dependencies: Node of several lines, Bun,
// Deno, and what a user may have instead of what this project develops with. All into build/runtimes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './common.mjs';

const cache = path.join(root, 'build', 'runtimes');
const isArm = process.arch === 'arm64';

/** The lines of Node that the package supports: README's table and the workflows have the same. */
export const nodeLines = ['20', '22', '24', '26'];

// Node by its line, so that the newest release is tested; the others by version, so that results repeat.
const packages = {
  bun: { name: `@oven/bun-linux-${isArm ? 'aarch64' : 'x64'}`, version: '1.4.5', file: 'bin/bun' },
  deno: { name: `@deno/linux-${isArm ? 'arm64' : 'x64'}-glibc`, version: '2.9.6', file: 'deno' },
  npm: { name: 'npm', version: '12.2.0', file: 'bin/npm-cli.js' },
  typescript: { name: 'typescript', version: '5.9.3', file: 'bin/tsc' },
  oldestTypescript: { name: 'typescript', version: '5.0.4', file: 'bin/tsc' },
};

/** Installs `name@version` unless it is there. Returns the path of its `file`, or undefined where it cannot be had. */
function install(name, version, file) {
  const folder = path.join(cache, `${name.replace('/', '+')}@${version}`);
  const installed = path.join(folder, 'node_modules', name, file);
  if (existsSync(installed)) return installed;
  // Renamed when it is whole: an interrupted installation is not taken for one.
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  writeFileSync(path.join(partial, 'package.json'), '{ "private": true }\n');
  console.log(`installing ${name}@${version}`);
  const { status, stderr } = spawnSync(
    'npm',
    [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--silent',
      // npm refuses what was made for another architecture or C library than its own.
      '--force',
      '--fetch-retries=1',
      `${name}@${version}`,
    ],
    { cwd: partial, encoding: 'utf8' },
  );
  if (status !== 0 || !existsSync(path.join(partial, 'node_modules', name, file))) {
    console.error(`${name}@${version} cannot be installed: ${stderr?.trim()}`);
    rmSync(partial, { recursive: true, force: true });
    return undefined;
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return installed;
}

/** The binary of the newest Node of a line, or undefined. */
export function installNode(line, arch = process.arch) {
  return install(`node-linux-${arch}`, line, 'bin/node');
}

/** The same of Bun for musl. */
export function installMuslBun(arch) {
  const name = `@oven/bun-linux-${arch === 'arm64' ? 'aarch64' : arch}-musl`;
  return install(name, packages.bun.version, 'bin/bun');
}

/** The file of one of `packages` in its pinned version, or undefined. */
export function installPinned(tool) {
  const { name, version, file } = packages[tool];
  return install(name, version, file);
}

/** Every runtime that the package is tested on: its name, and the command before a program, or undefined. */
export function installRuntimes() {
  const node = nodeLines.map((line) => ({
    name: `Node ${line}`,
    binary: installNode(line),
    args: [],
  }));
  const bun = { name: 'Bun', binary: installPinned('bun'), args: ['--bun'] };
  const deno = { name: 'Deno', binary: installPinned('deno'), args: ['run', '--allow-all'] };
  return [...node, bun, deno].map(({ name, binary, args }) => ({
    name,
    command: binary === undefined ? undefined : [binary, ...args],
  }));
}

/** What a runtime calls its version. */
export function versionOf([binary]) {
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
}
