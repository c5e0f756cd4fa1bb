// Finds and loads the addon's binary, without running a program and without throwing: the package
// must be importable everywhere. Knows nothing of what the addon exports (that is binding.ts).
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { readElf } from './elf';
import { libcName } from './libc';

/** Why there is no addon, and what to do about it. */
export interface LoadFailure {
  readonly reason: string;
  readonly remedy: string;
}

export type LoadResult =
  | { readonly addon: unknown; readonly file: string; readonly failure?: undefined }
  | { readonly addon?: undefined; readonly failure: LoadFailure };

const packageRoot = path.resolve(__dirname, '..', '..');

const BUILT = path.join('build', 'Release', 'proactor.node');
const BUILD_IT = 'in a checkout of the sources run "npm run build:addon" on this system';
const REINSTALL =
  'reinstall the package on this system (npm install --force proactor), not from a copy of another ' +
  "system's node_modules";
const SHIPPED_ARCHITECTURES = ['x64', 'arm64'];

/**
 * Loads `PROACTOR_ADDON` (a path, for sanitizer builds), else `build/Release/proactor.node` (a
 * checkout: what was built last wins over an older prebuilt binary), else
 * `prebuilds/linux-<arch>/proactor.<libc>.node`.
 */
export function loadAddon(): LoadResult {
  const { platform, arch } = process;
  if (platform !== 'linux') {
    return {
      failure: {
        reason: `io_uring is Linux only, and this is ${platform}-${arch}`,
        remedy: 'run it on Linux, in a virtual machine for example',
      },
    };
  }
  try {
    return findAddon(arch);
  } catch (error) {
    // Deno asks for leave to read variables and files, and throws where it is not given.
    const reason = `the binary cannot be looked for: ${wordsOf(error)}`;
    return { failure: { reason, remedy: 'allow it (Deno: --allow-env --allow-read --allow-ffi)' } };
  }
}

function findAddon(arch: string): LoadResult {
  const libc = libcName();
  const host = `linux-${arch} (${libc})`;
  const override = process.env['PROACTOR_ADDON'];
  const candidates = override
    ? [path.resolve(override)]
    : [BUILT, path.join('prebuilds', `linux-${arch}`, `proactor.${libc}.node`)].map((name) =>
        path.join(packageRoot, name),
      );
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    const reason = `there is no binary for ${host} (looked for ${candidates.join(', ')})`;
    return { failure: { reason, remedy: override ? OVERRIDE_REMEDY : missingRemedy(arch) } };
  }
  try {
    return { addon: require(file), file };
  } catch (error) {
    const { what, remedy } = explain(file, wordsOf(error), arch);
    const reason = `cannot load ${file} on ${host}: ${what}`;
    return { failure: { reason, remedy: override ? OVERRIDE_REMEDY : remedy } };
  }
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const OVERRIDE_REMEDY =
  'the variable PROACTOR_ADDON decides what is loaded: let it name a binary for this system, or unset it';

const isCheckout = (): boolean => existsSync(path.join(packageRoot, 'binding.gyp'));

function missingRemedy(arch: string): string {
  if (isCheckout()) return BUILD_IT;
  if (SHIPPED_ARCHITECTURES.includes(arch)) return REINSTALL;
  return `the package has binaries for ${SHIPPED_ARCHITECTURES.join(' and ')} only: ${BUILD_IT}`;
}

// The loader's own words say little: of a file for another machine that it does not exist.
function explain(file: string, words: string, arch: string): { what: string; remedy: string } {
  const anew = file === path.join(packageRoot, BUILT) ? BUILD_IT : REINSTALL;
  const elf = readElf(file);
  if (elf === undefined) {
    return { what: `it is not a binary for Linux, or it is damaged (${words})`, remedy: anew };
  }
  if (elf.arch !== arch) {
    return { what: `it was made for ${elf.arch} (${words})`, remedy: anew };
  }
  const version = /version [`']?GLIBC_([\d.]+)/.exec(words)?.[1];
  if (version !== undefined) {
    const remedy = 'use a system with glibc 2.28 or newer (Debian 10, Ubuntu 18.10, RHEL 8)';
    return { what: `it needs glibc ${version}, and here is an older one (${words})`, remedy };
  }
  if (/libc\.so|libc\.musl|ld-linux|ld-musl|GLIBC_/.test(words)) {
    return { what: `it was made for another C library (${words})`, remedy: anew };
  }
  if (/failed to map segment|Operation not permitted|Permission denied/.test(words)) {
    const remedy = 'install the package where files may be read and executed (no noexec mount)';
    return { what: words, remedy };
  }
  if (/--allow-addons|addon loading is disabled|Cannot load native addon/i.test(words)) {
    return { what: words, remedy: 'allow native addons (Node: --allow-addons)' };
  }
  if (/\bffi\b/i.test(words)) {
    return { what: words, remedy: 'allow native addons (Deno: --allow-ffi)' };
  }
  return { what: words, remedy: anew };
}
