// Finds and loads the addon's binary, without running a program and without throwing: the package
// must be importable everywhere. Knows nothing of what the addon exports (that is binding.ts).
import { existsSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { type ElfFile, readElf } from './elf';
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
const DESCRIPTORS_REMEDY = 'raise RLIMIT_NOFILE (ulimit -n) or close descriptors';
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
    // Deno asks for leave to read variables and files, as does Node's permission model for files.
    const reason = `the binary cannot be looked for: ${wordsOf(error)}`;
    const flags =
      codeOf(error) === 'ERR_ACCESS_DENIED'
        ? `Node: --allow-addons --allow-fs-read=${packageRoot}/*`
        : 'Deno: --allow-env --allow-read --allow-ffi';
    return { failure: { reason, remedy: `allow it (${flags})` } };
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
  const file = candidates.find(isThere);
  if (file === undefined) {
    const reason = `there is no binary for ${host} (looked for ${candidates.join(', ')})`;
    return { failure: { reason, remedy: override ? OVERRIDE_REMEDY : missingRemedy(arch) } };
  }
  const failed = ({ what, help }: Fault): LoadResult => {
    const anew = file === path.join(packageRoot, BUILT) ? BUILD_IT : REINSTALL;
    const reason = `cannot load ${file} on ${host}: ${what}`;
    return { failure: { reason, remedy: help ?? (override ? OVERRIDE_REMEDY : anew) } };
  };
  let elf: ElfFile | undefined;
  try {
    elf = readElf(file);
  } catch (error) {
    return failed(explainUnreadable(file, error));
  }
  // Loading it would end the process: by SIGBUS, or by SIGSEGV where zeros stand for what is missing.
  if (elf?.isWhole === false) return failed({ what: 'it is damaged: only a part of it is there' });
  try {
    return { addon: require(file), file };
  } catch (error) {
    return failed(explain(elf, wordsOf(error), arch));
  }
}

/** What is wrong with a binary. */
interface Fault {
  readonly what: string;
  /** What helps; absent where another binary does. */
  readonly help?: string;
}

/** Also where it cannot be reached: then reading it says why. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (isDenied(error)) throw error;
    return codeOf(error) !== 'ENOTDIR';
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Not by the system, but by the runtime: Node's permission model, Deno's. */
const isDenied = (error: unknown): boolean => !/^E[A-Z0-9]+$/.test(codeOf(error));

const OVERRIDE_REMEDY =
  'the variable PROACTOR_ADDON decides what is loaded: let it name a binary for this system, or unset it';

const isCheckout = (): boolean => existsSync(path.join(packageRoot, 'binding.gyp'));

function missingRemedy(arch: string): string {
  if (isCheckout()) return BUILD_IT;
  if (SHIPPED_ARCHITECTURES.includes(arch)) return REINSTALL;
  return `the package has binaries for ${SHIPPED_ARCHITECTURES.join(' and ')} only: ${BUILD_IT}`;
}

function explainUnreadable(file: string, error: unknown): Fault {
  if (isDenied(error)) throw error;
  const what = `it cannot be read (${wordsOf(error)})`;
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return { what, help: `let this user read it, and search its folders (namei -l ${file})` };
    case 'EMFILE':
    case 'ENFILE':
      return { what, help: DESCRIPTORS_REMEDY };
    case 'EISDIR':
      return { what: 'it is a folder' };
    default:
      return { what };
  }
}

// The loader's own words say little: of a file for another machine that it does not exist.
function explain(elf: ElfFile | undefined, words: string, arch: string): Fault {
  if (/addon loading is disabled|Cannot load native addon/i.test(words))
    return explainDisabled(words);
  if (/Too many open files/.test(words)) return { what: words, help: DESCRIPTORS_REMEDY };
  if (elf === undefined) {
    return { what: `it is not a binary for Linux, or it is damaged (${words})` };
  }
  if (elf.arch !== arch) return { what: `it was made for ${elf.arch} (${words})` };
  const version = /version [`']?GLIBC_([\d.]+)/.exec(words)?.[1];
  if (version !== undefined) {
    const help = 'use a system with glibc 2.28 or newer (Debian 10, Ubuntu 18.10, RHEL 8)';
    return { what: `it needs glibc ${version}, and here is an older one (${words})`, help };
  }
  if (/libc\.so|libc\.musl|ld-linux|ld-musl|GLIBC_/.test(words)) {
    return { what: `it was made for another C library (${words})` };
  }
  if (/failed to map segment|Operation not permitted|Permission denied/.test(words)) {
    const help = 'install the package where files may be read and executed (no noexec mount)';
    return { what: words, help };
  }
  if (/\bffi\b/i.test(words))
    return { what: words, help: 'allow native addons (Deno: --allow-ffi)' };
  return { what: words };
}

/** Node has one message for two reasons. */
function explainDisabled(words: string): Fault {
  const { permission, execArgv, env } = process as Partial<typeof process>;
  const options = [...(execArgv ?? []), ...(env?.['NODE_OPTIONS'] ?? '').split(' ')];
  if (permission !== undefined && !options.includes('--no-addons')) {
    return { what: words, help: 'allow native addons (Node: --allow-addons)' };
  }
  const help =
    "start Node without --no-addons (its arguments, NODE_OPTIONS, a worker's execArgv may have it)";
  return { what: words, help };
}
