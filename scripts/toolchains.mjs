// What each prebuilt binary is made with: names of targets, and for one of them the compiler's environment for node-gyp,
// and what of it is missing. Flags of the addon itself are binding.gyp's; here is only what tells one target from another.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root } from './common.mjs';

/** Architectures as compilers and emulators call them. */
export const MACHINES = { x64: 'x86_64', arm64: 'aarch64' };

/** Every binary that the package carries. */
export const targets = Object.keys(MACHINES).flatMap((arch) =>
  ['glibc', 'musl'].map((libc) => ({ name: `linux-${arch}-${libc}`, arch, libc })),
);

function targetNamed(name) {
  return targets.find((target) => target.name === name);
}

/** The targets of these names; ends the process at one that is none. */
export function targetsNamed(names) {
  const known = targets.map((target) => target.name).join(', ');
  return names.map((name) => targetNamed(name) ?? fail(`no target ${name}; there are ${known}`));
}

/** The target that this process is of. */
export function hostTarget() {
  const { header } = process.report.getReport();
  return targetNamed(`linux-${process.arch}-${header.glibcVersionRuntime ? 'glibc' : 'musl'}`);
}

/** Where a target's binary stands, relative to the package. */
export function binaryPath({ arch, libc }) {
  return path.join('prebuilds', `linux-${arch}`, `proactor.${libc}.node`);
}

/** Where a C library for `arch` puts its headers and libraries: Debian's triplet. */
export function muslTriplet(arch) {
  return `${MACHINES[arch]}-linux-musl`;
}

/** The prefix of the compiler's programs: none for the machine's own architecture. */
export function toolPrefix(arch) {
  return arch === process.arch ? '' : `${MACHINES[arch]}-linux-gnu-`;
}

export function isMissing(program) {
  return spawnSync(program, ['--version']).error !== undefined;
}

function missingCompiler(prefix) {
  if (!isMissing(`${prefix}g++`)) return [];
  const debian = prefix === '' ? 'g++' : `g++-${prefix.replace('_', '-').replace(/-$/, '')}`;
  return [`${prefix}g++ is not installed (Debian: apt-get install ${debian})`];
}

function muslFolders(arch) {
  const triplet = muslTriplet(arch);
  return { headers: `/usr/include/${triplet}`, libraries: `/usr/lib/${triplet}` };
}

function missingMusl(arch) {
  const { headers, libraries } = muslFolders(arch);
  if (existsSync(`${headers}/features.h`) && existsSync(`${libraries}/libc.so`)) return [];
  const debianArch = arch === 'x64' ? 'amd64' : arch;
  const foreign = arch === process.arch ? '' : `dpkg --add-architecture ${debianArch}, `;
  return [
    `musl for ${arch} is not installed (Debian: ${foreign}apt-get install musl-dev:${debianArch})`,
  ];
}

/** What building for a target lacks here, in words. */
export function missingTools({ name, arch, libc }) {
  if (name === hostTarget()?.name) return [];
  if (hostTarget()?.libc === 'musl')
    return ['a machine with musl builds its own target alone; use one with glibc'];
  return [...missingCompiler(toolPrefix(arch)), ...(libc === 'musl' ? missingMusl(arch) : [])];
}

/** How to build for a target that lacks nothing here: `{ env, strip }` for node-gyp and for stripping. */
export function toolchainFor({ name, arch, libc }) {
  if (name === hostTarget()?.name) return { env: {}, strip: 'strip' };
  const prefix = toolPrefix(arch);
  const env = { CC: `${prefix}gcc`, CXX: `${prefix}g++`, AR: `${prefix}ar`, LINK: `${prefix}g++` };
  return libc === 'glibc'
    ? { env, strip: `${prefix}strip` }
    : muslToolchain({ name, arch }, prefix, env);
}

/** The folders in which g++ looks for headers. */
function searchPath(compiler) {
  const { stderr } = spawnSync(compiler, ['-E', '-x', 'c++', '-v', '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const list = /search starts here:\n([\s\S]*?)End of search list/.exec(stderr)?.[1] ?? '';
  const folders = list.split('\n').map((line) => line.trim());
  return folders.filter((line) => line.startsWith('/')).map((line) => path.resolve(line));
}

/**
 * A g++ that was made for glibc, with musl's headers and library in the place of glibc's. Of libstdc++ only headers are
 * used (native/cxx_runtime.cc has the rest), with two of them put right by those in scripts/musl.
 */
function muslToolchain({ name, arch }, prefix, env) {
  const { headers, libraries } = muslFolders(arch);
  const folders = searchPath(env.CXX);
  const cxxHeaders = folders.filter((folder) => /\/c\+\+\//.test(folder));
  const compilerHeaders = folders.filter((folder) => /\/gcc(-cross)?\/.*\/include$/.test(folder));
  const folder = path.join(root, 'build', 'toolchains', name);
  const includes = [
    path.join(root, 'scripts', 'musl'),
    ...cxxHeaders,
    headers,
    ...compilerHeaders,
    kernelHeaders(folders, path.join(folder, 'kernel')),
  ];
  const specs = path.join(folder, 'gcc.specs');
  writeFileSync(specs, muslSpecs(libraries));
  return {
    env: {
      ...env,
      CXX: [
        `${prefix}g++ -nostdinc -nostdinc++`,
        ...includes.map((name) => `-isystem ${name}`),
      ].join(' '),
      // Not g++: it would add a libstdc++ that was made for glibc.
      LINK: `${prefix}gcc -specs=${specs}`,
    },
    strip: `${prefix}strip`,
  };
}

/** The kernel's headers alone: where they are, glibc's are, too. */
function kernelHeaders(searched, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ['linux', 'asm', 'asm-generic']) {
    const from = searched.map((place) => path.join(place, name)).find((place) => existsSync(place));
    if (from) symlinkSync(from, path.join(folder, name));
  }
  return folder;
}

// As musl's own wrapper of gcc does it: its library folder in the place of gcc's, and no C++ unwinder.
function muslSpecs(libraries) {
  return `
*link_libgcc:
-L${libraries} -L .%s

*libgcc:
libgcc.a%s

*startfile:
${libraries}/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s ${libraries}/crtn.o

`;
}
