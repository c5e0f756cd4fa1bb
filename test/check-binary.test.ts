// Whether scripts/check-binary.mjs finds what it has to: tiny libraries, each with one thing wrong. They are linked with
// libraries of the test's own that are called as the C and C++ libraries are, so that the system's do not matter.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root, runCommand } from './support/child';
import { temporaryFile, temporaryFolder } from './support/files';

const { arch } = process;
const otherArch = arch === 'x64' ? 'arm64' : 'x64';
const shipped = (libc: string, name: string = arch): string =>
  `prebuilds/linux-${name}/proactor.${libc}.node`;
const compiled = spawnSync('cc', ['--version']).error ? describe.skip : describe;

const GOOD_SOURCE = `
  int libc_function(void);
  int napi_register_module_v1(void) { return libc_function(); }
  int node_api_module_get_api_version_v1(void) { return 8; }
`;
const GOOD_OPTIONS = {
  bind: '-Wl,-z,now',
  keep: '-Wl,-z,nodelete',
  relro: '-Wl,-z,relro',
  stack: '-Wl,-z,noexecstack',
  strip: '-s',
};

function cc(args: readonly string[]): void {
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc ${args.join(' ')}: ${stderr}`);
}

/** A library called `name`; it has the C function of that version, or one without a version. */
function library(folder: string, name: string, version: string): string {
  const file = path.join(folder, name);
  const source = path.join(folder, 'library.c');
  const versions = path.join(folder, 'versions.map');
  writeFileSync(source, 'int libc_function(void) { return 0; }');
  writeFileSync(versions, `${version} { global: *; };`);
  const versioned = version === '' ? [] : [`-Wl,--version-script=${versions}`];
  cc(['-shared', '-fPIC', '-nostdlib', `-Wl,-soname,${name}`, ...versioned, '-o', file, source]);
  return file;
}

interface Flaw {
  /** More of the program. */
  readonly source?: string;
  /** The whole program. */
  readonly program?: string;
  /** Replace some of the good ones. */
  readonly options?: Partial<typeof GOOD_OPTIONS>;
  readonly more?: readonly string[];
  readonly libc?: string;
  /** Of the C library's function. */
  readonly version?: string;
  /** Linked with as well. */
  readonly library?: string;
  readonly hasWritableCode?: boolean;
  readonly file?: string;
}

/** A binary that is as it must be but for its flaw. */
function binary(flaw: Flaw = {}): string {
  const folder = temporaryFolder();
  const file = path.join(folder, flaw.file ?? 'some.node');
  mkdirSync(path.dirname(file), { recursive: true });
  const source = path.join(folder, 'source.c');
  writeFileSync(source, flaw.program ?? GOOD_SOURCE + (flaw.source ?? ''));
  const libraries = [
    ...(flaw.libc === '' ? [] : [library(folder, flaw.libc ?? 'libc.so.6', flaw.version ?? '')]),
    ...(flaw.library === undefined ? [] : [library(folder, flaw.library, '')]),
  ];
  const options = Object.values({ ...GOOD_OPTIONS, ...flaw.options }).filter(Boolean);
  cc([
    ...['-shared', '-fPIC', '-nostdlib', '-Wl,--no-as-needed', ...options, ...(flaw.more ?? [])],
    ...['-o', file, source, ...libraries],
  ]);
  if (flaw.hasWritableCode) makeCodeWritable(file);
  return file;
}

// The linker makes no such library.
function makeCodeWritable(file: string): void {
  const [LOAD, EXECUTE, WRITE] = [1, 1, 2];
  const bytes = readFileSync(file);
  const table = Number(bytes.readBigUInt64LE(0x20));
  for (let index = 0; index < bytes.readUInt16LE(0x38); index++) {
    const at = table + index * bytes.readUInt16LE(0x36);
    const flags = bytes.readUInt32LE(at + 4);
    const isCode = bytes.readUInt32LE(at) === LOAD && (flags & EXECUTE) !== 0;
    if (isCode) bytes.writeUInt32LE(flags | WRITE, at + 4);
  }
  writeFileSync(file, bytes);
}

/** What the script says of one file: nothing where it passes. */
async function problemsOf(file: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runCommand(process.execPath, [
    'scripts/check-binary.mjs',
    file,
  ]);
  const name = `${path.relative(root, file)}: `;
  const problems = stderr.split(name).slice(1);
  expect({ code, isPraised: stdout.includes('1 checked') }).toEqual(
    problems.length === 0 ? { code: 0, isPraised: true } : { code: 1, isPraised: false },
  );
  return problems.map((problem) => problem.trim());
}

/** A program's part that calls a function which no library here has. */
function needing(name: string): string {
  return `void ${name}(void); __attribute__((visibility("hidden"))) void call_${name}(void) { ${name}(); }`;
}

compiled('a binary that is as it must be passes', () => {
  it.each<[string, Flaw]>([
    ['wherever it is', {}],
    ['unstripped, where it is not shipped', { options: { strip: '-g' } }],
    ['among those that are shipped', { file: shipped('glibc') }],
    ['for musl', { libc: 'libc.so', file: shipped('musl') }],
    ["under musl's other name", { libc: 'libc.musl-x86_64.so.1', file: shipped('musl') }],
    ['with the newest glibc that is allowed', { version: 'GLIBC_2.28' }],
    ['with glibc 2.3, which is older than 2.28', { version: 'GLIBC_2.3' }],
    ['with the mathematical part of the C library', { library: 'libm.so.6' }],
    [
      'that asks whether there is libuv',
      {
        source:
          'int uv_run(void) __attribute__((weak)); int (*run)(void) __attribute__((visibility("hidden"))) = uv_run;',
      },
    ],
    ['with an error number', { source: needing('__errno_location') }],
  ])('%s', async (_, flaw) => {
    expect(await problemsOf(binary(flaw))).toEqual([]);
  });
});

compiled('a binary fails', () => {
  it.each<[string, Flaw, RegExp]>([
    [
      'that needs libstdc++',
      { library: 'libstdc++.so.6' },
      /^needs libstdc\+\+\.so\.6, which is not the C library/,
    ],
    ['that needs libuv', { library: 'libuv.so.1' }, /^needs libuv\.so\.1, which is not/],
    ['for musl that needs glibc', { file: shipped('musl') }, /^needs libc\.so\.6, .* \(musl\)$/],
    [
      'for glibc that needs musl',
      { libc: 'libc.so', file: shipped('glibc') },
      /^needs libc\.so, .* \(glibc\)$/,
    ],
    ['that needs no C library', { libc: '' }, /^names no C library/],
    [
      'with a glibc that is too new',
      { version: 'GLIBC_2.29' },
      /^libc_function@GLIBC_2\.29 .*is newer than glibc 2\.28/,
    ],
    [
      'with a glibc that is much too new',
      { version: 'GLIBC_3.0' },
      /^libc_function@GLIBC_3\.0 .*is newer/,
    ],
    ['that looks for libraries in a folder', { more: ['-Wl,-rpath,/somewhere'] }, /RPATH/],
    [
      'that changes its code',
      { more: ['-Wl,-z,notext'], source: '__asm__(".text\\n.8byte libc_function\\n");' },
      /TEXTREL/,
    ],
    ['that is bound late', { options: { bind: '-Wl,-z,lazy' } }, /^is not bound at once/],
    ['that can be unloaded', { options: { keep: '' } }, /^can be unloaded/],
    [
      'whose relocations can be written',
      { options: { relro: '-Wl,-z,norelro' } },
      /^has no read-only relocations/,
    ],
    [
      'with an executable stack',
      { options: { stack: '-Wl,-z,execstack' } },
      /^has an executable stack$/,
    ],
    [
      'with code that can be written',
      { hasWritableCode: true },
      /^has memory to write and to execute$/,
    ],
    ['that demands libuv', { source: needing('uv_run') }, /^uv_run is not weak/],
    [
      "that demands Node's loop",
      { source: needing('napi_get_uv_event_loop') },
      /^napi_get_uv_event_loop is not weak/,
    ],
    [
      'that allocates with C++',
      { source: needing('_Znwm') },
      /^_Znwm is of the C\+\+ run-time library/,
    ],
    ['that throws', { source: needing('__cxa_throw') }, /^__cxa_throw is of the C\+\+/],
    ['that unwinds', { source: needing('_Unwind_Resume') }, /^_Unwind_Resume is of the C\+\+/],
    [
      'that calls what belongs to one C library',
      { source: needing('__getauxval') },
      /^__getauxval is not a function that every C library shows$/,
    ],
    ['that shows more than its entry points', { source: 'void helper(void) {}' }, /^shows helper /],
    [
      'without an entry point',
      {
        program:
          'int libc_function(void); int napi_register_module_v1(void) { return libc_function(); }',
      },
      /^does not show node_api_module_get_api_version_v1$/,
    ],
    [
      'in the folder of another architecture',
      { file: shipped('glibc', otherArch) },
      new RegExp(`but its folder says ${otherArch}$`),
    ],
    [
      'that is shipped with its symbols',
      { options: { strip: '-g' }, file: shipped('glibc') },
      /^is not stripped$/,
    ],
    [
      'that is shipped and too large',
      {
        source:
          'static volatile char large[300000] = { 1 }; __attribute__((visibility("hidden"))) int use(void) { return large[0]; }',
        file: shipped('glibc'),
      },
      /^has 3\d{5} bytes, more than 262144$/,
    ],
  ])('%s, for that alone', async (_, flaw, problem) => {
    expect(await problemsOf(binary(flaw))).toEqual([expect.stringMatching(problem)]);
  });

  it('that is no library', async () => {
    const folder = temporaryFolder();
    const [source, object] = ['source.c', 'source.o'].map((name) => path.join(folder, name));
    writeFileSync(source!, GOOD_SOURCE);
    cc(['-c', '-o', object!, source!]);
    expect(await problemsOf(object!)).toEqual(['is not a shared library']);
  });

  it('of several, which is named with all its problems', async () => {
    const [good, bad] = [binary(), binary({ options: { keep: '', bind: '-Wl,-z,lazy' } })];
    const args = ['scripts/check-binary.mjs', good, bad];
    const { code, stderr } = await runCommand(process.execPath, args);
    expect({ code, bad: stderr.split(path.basename(path.dirname(bad))).length - 1 }).toEqual({
      code: 1,
      bad: 2,
    });
    expect(stderr).not.toContain(path.basename(path.dirname(good)));
  });
});

describe('a file that is no binary', () => {
  it.each([
    ['a text', () => temporaryFile('#!/bin/sh\n')],
    ['an empty one', () => temporaryFile()],
    ['one that is not there', () => '/nowhere/proactor.node'],
  ])('is told apart: %s', async (_, file) => {
    expect(await problemsOf(file())).toEqual(['is not an ELF file, or there is no such file']);
  });
});
