// The guest's kernel: fetches Debian's package and unpacks it (nothing is installed on the host),
// finds the image and the modules in it. Knows nothing of qemu.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

import { outputOf, UsageError } from './tools.mjs';

/** Kernels that can be asked for by number, each with the Debian suite that carries it. */
export const KERNELS = { 6.1: 'bookworm', 6.12: 'bookworm-backports' };

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The folder of an unpacked kernel package: of `KERNELS`, of a .deb, or one already unpacked. */
export function kernelFolder(name, workFolder) {
  if (Object.hasOwn(KERNELS, name)) {
    const folder = join(workFolder, `linux-${name}`);
    if (!existsSync(folder)) fetchKernel(KERNELS[name], folder, workFolder);
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

function unpack(packageFile, folder) {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  outputOf('dpkg-deb', 'dpkg', ['-x', packageFile, partial]);
  renameSync(partial, folder);
}

/** The Debian mirror that this machine's apt uses. */
function mirror() {
  if (process.env.DEBIAN_MIRROR) return process.env.DEBIAN_MIRROR;
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)';
  const targets = outputOf('apt-get', 'apt', ['indextargets', '--format', format]).split('\n');
  const uri = targets.find((target) => target.startsWith('Debian Debian '))?.split(' ')[2];
  if (uri) return uri;
  throw new UsageError('apt knows no Debian mirror here: give one in DEBIAN_MIRROR');
}

// With a state of apt's own, so that the host's sources and lists stay as they are.
function fetchKernel(suite, folder, workFolder) {
  if (!existsSync(KEYRING)) {
    throw new UsageError('missing: install the Debian package debian-archive-keyring');
  }
  process.stderr.write(`vm: fetching the kernel of Debian's ${suite}, this once\n`);
  const apt = join(workFolder, `apt-${suite}`);
  mkdirSync(join(apt, 'lists/partial'), { recursive: true });
  mkdirSync(join(apt, 'cache/archives/partial'), { recursive: true });
  const source = `deb [arch=amd64 signed-by=${KEYRING}] ${mirror()} ${suite} main\n`;
  writeFileSync(join(apt, 'sources.list'), source);
  writeFileSync(join(apt, 'status'), '');
  const settings = {
    'Dir::Etc::SourceList': join(apt, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': apt,
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::State::Status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const run = (program, ...args) => outputOf(program, 'apt', [...options, ...args], { cwd: apt });
  run('apt-get', '-qq', 'update');
  const image = /Depends: (linux-image-\S+)/.exec(run('apt-cache', 'depends', 'linux-image-amd64'));
  if (!image) throw new UsageError(`there is no linux-image-amd64 in ${suite}`);
  run('apt-get', '-qq', 'download', image[1]);
  unpack(join(apt, only(apt, /\.deb$/)), folder);
  rmSync(apt, { recursive: true });
}

function only(folder, pattern) {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)) : [];
  if (found.length === 1) return found[0];
  throw new UsageError(`${folder} has ${found.length} of ${pattern}: is it a kernel package?`);
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
