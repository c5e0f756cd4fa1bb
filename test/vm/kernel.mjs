// The guest's kernel: which package of Debian's it is, and the image and the modules in it. Knows nothing of qemu.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { fetchPackage, only, unpack } from './debian.mjs';
import { outputOf, UsageError } from './tools.mjs';

/** Kernels that can be asked for by number, each with the Debian suite that carries it. */
export const KERNELS = { 6.1: 'bookworm', 6.12: 'bookworm-backports' };

/** The folder of an unpacked kernel package: of `KERNELS`, of a .deb, or one already unpacked. */
export function kernelFolder(name, arch, workFolder) {
  if (Object.hasOwn(KERNELS, name)) {
    const folder = join(workFolder, `linux-${name}-${arch}`);
    const latest = `linux-image-${arch}`;
    const choose = (dependsOf) =>
      dependsOf(latest).find((depended) => depended.startsWith('linux-image-'));
    if (!existsSync(folder))
      fetchPackage({ suite: KERNELS[name], arch, choose }, folder, workFolder);
    return folder;
  }
  if (!existsSync(name)) {
    const known = Object.keys(KERNELS).join(', ');
    throw new UsageError(`--kernel must be one of ${known}, or a path, not '${name}'`);
  }
  if (!name.endsWith('.deb')) return name;
  const folder = join(workFolder, basename(name, '.deb'));
  if (!existsSync(folder)) unpack(name, folder);
  return folder;
}

/** The kernel image of an unpacked package. */
export function kernelImage(folder) {
  const boot = join(folder, 'boot');
  return join(boot, only(boot, /^vmlinuz-/));
}

/** The named modules and those they need, name and content, in load order; no built-in ones. */
export function kernelModules(folder, names) {
  const candidates = ['lib/modules', 'usr/lib/modules'].map((path) => join(folder, path));
  const all = candidates.find(existsSync) ?? candidates[0];
  const root = join(all, only(all, /^\d/));
  const builtInList = readFileSync(join(root, 'modules.builtin'), 'utf8');
  const builtIn = new Set(builtInList.split('\n').map(moduleName));
  const files = new Map();
  for (const path of readdirSync(join(root, 'kernel'), { recursive: true })) {
    if (/\.ko(\.\w+)?$/.test(path)) files.set(moduleName(path), join(root, 'kernel', path));
  }
  const loaded = new Map();
  const load = (name) => {
    if (loaded.has(name) || builtIn.has(name)) return;
    const file = files.get(name);
    if (!file) throw new UsageError(`the kernel in ${folder} has no module ${name}`);
    const content = readModule(file);
    // The module says itself what it needs, in its .modinfo section.
    const needs = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '';
    for (const need of needs.split(',').filter(Boolean)) load(need.replaceAll('-', '_'));
    loaded.set(name, content);
  };
  for (const name of names) load(name);
  return loaded;
}

function moduleName(path) {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

const DECOMPRESSORS = { xz: ['xz', 'xz-utils'], zst: ['zstd', 'zstd'], ko: undefined };

function readModule(file) {
  const decompressor = DECOMPRESSORS[file.slice(file.lastIndexOf('.') + 1)];
  if (!decompressor) return readFileSync(file);
  const maxBuffer = 100 * statSync(file).size;
  return outputOf(...decompressor, ['-dc', file], { encoding: 'buffer', maxBuffer });
}
