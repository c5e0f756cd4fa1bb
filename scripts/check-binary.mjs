// Checks what a built addon asks of the system it is loaded into: `node scripts/check-binary.mjs FILE...`.
// Only the C library (glibc up to 2.28), no C++ runtime, libuv at most as weak symbols, hardened, and showing nothing but
// its entry points. Of a file in prebuilds/ also that it is what its name says, stripped and small.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './common.mjs';

const GLIBC_MAX = [2, 28];
const SIZE_MAX_BYTES = 256 * 1024;
const MACHINES = { x64: /X86-64/, arm64: /AArch64/ };
const LIBRARIES = {
  glibc: /^(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-[\w-]+\.so\.\d+)$/,
  musl: /^libc(\.musl-\w+)?\.so(\.1)?$/,
};
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
// Names that belong to the compiler or C library: these both C libraries have. musl keeps others to itself.
const RESERVED_NAMES =
  /^__(errno_location|cxa_atexit|cxa_finalize|gmon_start__|stack_chk_fail|\w+_chk)$/;
const MUST_BE_WEAK = /^(uv_|napi_get_uv_event_loop$)/;

function readelf(options, file) {
  const result = spawnSync('readelf', ['-W', ...options, file], { encoding: 'utf8' });
  if (result.error)
    fail(`cannot run readelf (Debian: apt-get install binutils): ${result.error.message}`);
  // It complains of what is no ELF file with status 0, too.
  return /Error:|not an ELF/i.test(result.stderr) || result.status !== 0
    ? undefined
    : result.stdout;
}

/** The target that a path in prebuilds/ names. */
function targetOf(file) {
  const [, arch, libc] =
    /[\\/]linux-(\w+)[\\/]proactor\.(glibc|musl)\.node$/.exec(path.resolve(file)) ?? [];
  return arch && libc ? { arch, libc } : undefined;
}

function libraryProblems(dynamic, target) {
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, library]) => library);
  const libc = target?.libc ?? (needed.includes('libc.so.6') ? 'glibc' : 'musl');
  const problems = needed
    .filter((library) => !LIBRARIES[libc].test(library))
    .map((library) => `needs ${library}, which is not the C library (${libc})`);
  if (needed.length === 0) problems.push('names no C library that it needs');
  return problems;
}

function hardeningProblems(dynamic, segments) {
  const problems = [];
  if (/\((RPATH|RUNPATH)\)/.test(dynamic))
    problems.push('has a path to look for libraries (RPATH)');
  if (/\(TEXTREL\)|\bTEXTREL\b/.test(dynamic)) problems.push('relocates its code (TEXTREL)');
  if (!/\bBIND_NOW\b|Flags:.*\bNOW\b/.test(dynamic)) problems.push('is not bound at once (-z now)');
  if (!/\bNODELETE\b/.test(dynamic)) problems.push('can be unloaded (-z nodelete)');
  if (!/^\s*GNU_RELRO\b/m.test(segments)) problems.push('has no read-only relocations (-z relro)');
  const stack = /^\s*GNU_STACK\s+(.*)$/m.exec(segments)?.[1];
  if (stack === undefined || /\bR?W?E\b/.test(stack)) problems.push('has an executable stack');
  if (/^\s*LOAD\s.*\bRWE\b/m.test(segments)) problems.push('has memory to write and to execute');
  return problems;
}

function versionProblem(name) {
  const [, major, minor] = /@GLIBC_(\d+)\.(\d+)/.exec(name) ?? [];
  if (major === undefined) return undefined;
  const isTooNew =
    Number(major) > GLIBC_MAX[0] ||
    (Number(major) === GLIBC_MAX[0] && Number(minor) > GLIBC_MAX[1]);
  return isTooNew
    ? `${name} is newer than glibc ${GLIBC_MAX.join('.')} (see native/glibc_floor.cc)`
    : undefined;
}

function undefinedProblem(symbol, binding) {
  const name = symbol.replace(/@.*/, '');
  if (MUST_BE_WEAK.test(name) && binding !== 'WEAK')
    return `${name} is not weak (native/uv_weak.h)`;
  if (
    /^(_Z|_Unwind_|__gxx_)/.test(name) ||
    (name.startsWith('__cxa_') && !RESERVED_NAMES.test(name))
  )
    return `${name} is of the C++ run-time library (see native/cxx_runtime.cc)`;
  if (name.startsWith('__') && !RESERVED_NAMES.test(name))
    return `${name} is not a function that every C library shows`;
  return versionProblem(symbol);
}

function symbolProblems(symbols) {
  const problems = [];
  const shown = [];
  for (const line of symbols.split('\n')) {
    const [index, , , type, binding, , section, name = ''] = line.trim().split(/\s+/);
    if (!/^\d+:$/.test(index) || name === '' || binding === 'LOCAL') continue;
    if (section !== 'UND') shown.push(name.replace(/@.*/, ''));
    else if (type !== 'SECTION') problems.push(undefinedProblem(name, binding));
  }
  const extra = shown.filter((name) => !EXPORTS.includes(name));
  const lacking = EXPORTS.filter((name) => !shown.includes(name));
  problems.push(...extra.map((name) => `shows ${name} (see native/exports.map)`));
  problems.push(...lacking.map((name) => `does not show ${name}`));
  return problems.filter((problem) => problem !== undefined);
}

function shippingProblems(file, header, sections, { arch }) {
  const problems = [];
  const machine = /Machine:\s*(.*)/.exec(header)?.[1] ?? 'nothing known';
  if (!MACHINES[arch]?.test(machine))
    problems.push(`is for ${machine}, but its folder says ${arch}`);
  if (/\s\.(symtab|debug_\w+)\s/.test(sections)) problems.push('is not stripped');
  const { size } = statSync(file);
  if (size > SIZE_MAX_BYTES) problems.push(`has ${size} bytes, more than ${SIZE_MAX_BYTES}`);
  return problems;
}

/** What is wrong with the binary, in words; empty when nothing is. */
export function binaryProblems(file) {
  const header = readelf(['--file-header'], file);
  if (header === undefined) return ['is not an ELF file, or there is no such file'];
  if (!/Type:\s*DYN/.test(header)) return ['is not a shared library'];
  const dynamic = readelf(['--dynamic'], file) ?? '';
  const segments = readelf(['--program-headers'], file) ?? '';
  const target = targetOf(file);
  return [
    ...(target ? shippingProblems(file, header, readelf(['--sections'], file) ?? '', target) : []),
    ...libraryProblems(dynamic, target),
    ...hardeningProblems(dynamic, segments),
    ...symbolProblems(readelf(['--dyn-syms'], file) ?? ''),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  if (files.length === 0) fail('usage: check-binary.mjs FILE...');
  const problems = files.flatMap((file) =>
    binaryProblems(file).map((problem) => `${path.relative('.', file)}: ${problem}`),
  );
  if (problems.length > 0) fail(problems.join('\n  '));
  console.log(`${files.length} checked: the C library is all that is needed`);
}
