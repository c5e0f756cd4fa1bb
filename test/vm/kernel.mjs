// The guest's kernel: which package of Debian's it is, and the image and the modules in it. Knows nothing of qemu.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { fetchPackage, missingForFetch, only, unpack } from './debian.mjs';
import { missingPrograms, outputOf, UsageError, WORK_FOLDER } from './tools.mjs';

/** Kernels that can be asked for by number, each with the Debian suite that carries it. */
export const KERNELS = { 6.1: 'bookworm', 6.12: 'bookworm-backports' };

const isFetched = (name) => Object.hasOwn(KERNELS, name);

/** Where a kernel package is unpacked, or will be: one of `KERNELS`, a .deb, or one already unpacked. */
function placeOf(name, arch) {
  if (isFetched(name)) return join(WORK_FOLDER, `linux-${name}-${arch}`);
  return name.endsWith('.deb') ? join(WORK_FOLDER, basename(name, '.deb')) : name;
}

/** What is missing here for a kernel, in words. */
export function missingForKernel(name, arch) {
  if (!isFetched(name) && !existsSync(name)) {
    const known = Object.keys(KERNELS).join(', ');
    return [`there is no kernel '${name}': it has to be one of ${known}, or a path`];
  }
  const missing = missingPrograms(['xz']);
  if (existsSync(placeOf(name, arch))) return missing;
  return [...missing, ...(isFetched(name) ? missingForFetch() : missingPrograms(['dpkg-deb']))];
}

/** The folder of an unpacked kernel package. */
export function kernelFolder(name, arch) {
  const folder = placeOf(name, arch);
  if (existsSync(folder)) return folder;
  if (!isFetched(name)) unpack(name, folder);
  else {
    const latest = `linux-image-${arch}`;
    const choose = (dependsOf) =>
      dependsOf(latest).find((depended) => depended.startsWith('linux-image-'));
    fetchPackage({ suite: KERNELS[name], arch, choose }, folder);
  }
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

const DECOMPRESSORS = { xz: 'xz', zst: 'zstd', ko: undefined };

function readModule(file) {
  const decompressor = DECOMPRESSORS[file.slice(file.lastIndexOf('.') + 1)];
  if (!decompressor) return readFileSync(file);
  const maxBuffer = 100 * statSync(file).size;
  return outputOf(decompressor, ['-dc', file], { encoding: 'buffer', maxBuffer });
}
