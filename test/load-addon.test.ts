// Which binary is loaded, and what is said where there is none or where it cannot be loaded. Each case is a package of
// its own, made of the loader and of binaries that are damaged in one way.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readElf } from '#lib/ring/elf';
import { libcName } from '#lib/ring/libc';
import type { LoadFailure } from '#lib/ring/load-addon';
import { root, runCommand } from './support/child';
import { temporaryFile, temporaryFolder } from './support/files';
import { asUser, itUnprivileged } from './support/unprivileged';

const { arch } = process;
const libc = libcName();
const host = `linux-${arch} (${libc})`;
const BUILT = 'build/Release/proactor.node';
const prebuilt = (name: string = arch): string => `prebuilds/linux-${name}/proactor.${libc}.node`;
const good = readFileSync(process.env['PROACTOR_ADDON'] ?? path.join(root, BUILT));
const otherArch = arch === 'x64' ? 'arm64' : 'x64';
const OTHER_MACHINE = arch === 'x64' ? 183 : 62;

/** A package with nothing but the loader and `files`. */
function fakePackage(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = temporaryFolder();
  const put = (name: string): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    return file;
  };
  for (const name of ['elf', 'libc', 'load-addon']) {
    copyFileSync(path.join(root, `dist/ring/${name}.js`), put(`dist/ring/${name}.js`));
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(put(name), content);
  return folder;
}

interface Outcome {
  readonly file?: string;
  readonly failure?: LoadFailure;
}

interface Circumstances {
  readonly process?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  readonly addon?: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** A user without privileges. */
  readonly asNobody?: boolean;
  /** All are in use when it is loaded. */
  readonly isOutOfDescriptors?: boolean;
  /** Who asks for variables gets an exception, as from Deno without leave. */
  readonly mayReadVariables?: boolean;
}

/** Loads in a process of its own, so that a binary that crashes it is seen as well. */
async function load(folder: string, circumstances: Circumstances = {}): Promise<Outcome> {
  const source = `
    for (const [name, value] of Object.entries(${JSON.stringify(circumstances.process ?? {})}))
      Object.defineProperty(process, name, { value });
    if (${circumstances.mayReadVariables === false})
      process.env = new Proxy(process.env, {
        get(variables, name) {
          if (name === 'PROACTOR_ADDON') throw new Error('NotCapable: env access');
          return variables[name];
        },
      });
    const { loadAddon } = require(${JSON.stringify(`${folder}/dist/ring/load-addon.js`)});
    const { openSync, closeSync } = require('node:fs');
    const held = [];
    try {
      while (${circumstances.isOutOfDescriptors === true}) held.push(openSync('/dev/null'));
    } catch {}
    const { file, failure } = loadAddon();
    for (const fd of held) closeSync(fd);
    console.log(JSON.stringify({ file, failure }));`;
  const [command = '', ...args] = [
    ...(circumstances.asNobody ? asUser(60_000) : []),
    ...(circumstances.isOutOfDescriptors ? ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'] : []),
    ...[process.execPath, ...(circumstances.nodeOptions ?? []), '-e', source],
  ];
  const env = { PROACTOR_ADDON: circumstances.addon ?? '', ...circumstances.variables };
  const ended = await runCommand(command, args, { env });
  expect(ended).toMatchObject({ code: 0, timedOut: false });
  return JSON.parse(ended.stdout);
}

/** The same bytes with `from` replaced by a text of the same length, wherever it stands. */
function patched(from: string, to: string): Buffer {
  expect(to).toHaveLength(from.length);
  const text = good.toString('latin1');
  expect(text).toContain(from);
  return Buffer.from(text.replaceAll(from, to), 'latin1');
}

describe('the loader', () => {
  it("takes the prebuilt binary of this process's architecture and C library", async () => {
    const folder = fakePackage({ [prebuilt()]: good, [prebuilt(otherArch)]: 'not this' });
    expect(await load(folder)).toEqual({ file: path.join(folder, prebuilt()) });
  });

  it('prefers what was built in a checkout', async () => {
    const folder = fakePackage({ [BUILT]: good, [prebuilt()]: good });
    expect(await load(folder)).toEqual({ file: path.join(folder, BUILT) });
  });

  it('loads what PROACTOR_ADDON names, and nothing else', async () => {
    const folder = fakePackage({ [BUILT]: 'not this', 'own.node': good });
    const addon = path.join(folder, 'own.node');
    expect(await load(folder, { addon })).toEqual({ file: addon });
    const { failure } = await load(folder, { addon: '/nowhere/proactor.node' });
    expect(failure?.reason).toContain('/nowhere/proactor.node');
    expect(failure?.remedy).toContain('PROACTOR_ADDON');
  });
});

describe('a binary that is missing', () => {
  it('is named with platform, architecture, C library and where it was looked for', async () => {
    const folder = fakePackage({});
    const { failure } = await load(folder);
    expect(failure?.reason).toContain(`no binary for ${host}`);
    expect(failure?.reason).toContain(path.join(folder, prebuilt()));
    expect(failure?.remedy).toMatch(/reinstall/);
  });

  it('is to be built in a checkout', async () => {
    const { failure } = await load(fakePackage({ 'binding.gyp': '{}' }));
    expect(failure?.remedy).toMatch(/npm run build:addon/);
    expect(failure?.remedy).not.toMatch(/reinstall/);
  });

  it('is not promised for an architecture that the package has none for', async () => {
    const { failure } = await load(fakePackage({}), { process: { arch: 'riscv64' } });
    expect(failure?.reason).toContain('linux-riscv64');
    expect(failure?.remedy).toMatch(/x64 and arm64 only/);
  });

  it('is not looked for on another system', async () => {
    const { failure } = await load(fakePackage({}), { process: { platform: 'darwin' } });
    expect(failure).toEqual({
      reason: `io_uring is Linux only, and this is darwin-${arch}`,
      remedy: expect.stringContaining('Linux'),
    });
  });
});

describe('a binary that cannot be loaded', () => {
  const failureOf = async (content: Uint8Array | string): Promise<LoadFailure> => {
    const folder = fakePackage({ [prebuilt()]: content });
    const { failure } = await load(folder);
    expect(failure?.reason).toContain(`cannot load ${path.join(folder, prebuilt())} on ${host}`);
    return failure!;
  };

  it.each([
    ['is empty', ''],
    ['is a text', 'not a library, but longer than the header of an ELF file has to be: 64 bytes'],
    ['has no more than a part of its header', good.subarray(0, 32)],
  ])('because it %s is called damaged', async (_, content) => {
    const { reason, remedy } = await failureOf(content);
    expect(reason).toMatch(/not a binary for Linux, or it is damaged/);
    expect(remedy).toMatch(/reinstall/);
  });

  // Each would end the process: the system's loader maps what the headers say, be it there or not.
  const percents = [0.1, 1, 5, 20, 50, 75, 99.9];
  const partOf = (percent: number): Buffer =>
    good.subarray(0, Math.floor((good.length * percent) / 100));

  it.each(percents)('because only %d %% of it were copied says so', async (percent) => {
    const { reason, remedy } = await failureOf(partOf(percent));
    expect(reason).toMatch(/damaged: only a part of it is there/);
    expect(remedy).toMatch(/reinstall/);
  });

  it.each(percents.slice(0, -1))(
    'because only %d %% of it are there, and zeros behind that, says so',
    async (percent) => {
      const content = Buffer.alloc(good.length);
      partOf(percent).copy(content);
      expect((await failureOf(content)).reason).toMatch(/damaged: only a part of it is there/);
    },
  );

  it('because it is a folder says so', async () => {
    const folder = fakePackage({ [`${prebuilt()}/file`]: '' });
    const { failure } = await load(folder);
    expect(failure?.reason).toMatch(/proactor\.\w+\.node on .*: it is a folder$/);
    expect(failure?.remedy).toMatch(/reinstall/);
  });

  for (const [why, fileMode, folderMode] of [
    ['it may not be read', 0o000, 0o755],
    ['its folder may not be searched', 0o644, 0o600],
  ] as const) {
    itUnprivileged(`because ${why} is not called damaged or missing`, async () => {
      const folder = fakePackage({ [prebuilt()]: good });
      const file = path.join(folder, prebuilt());
      chmodSync(folder, 0o755);
      chmodSync(file, fileMode);
      chmodSync(path.dirname(file), folderMode);
      const { failure } = await load(folder, { asNobody: true });
      expect(failure?.reason).toMatch(
        /cannot load .*: it cannot be read \(EACCES: permission denied/,
      );
      const remedy = `let this user read it, and search its folders (namei -l ${file})`;
      expect(failure?.remedy).toBe(remedy);
    });
  }

  it('because no descriptor is left says so', async () => {
    const { failure } = await load(fakePackage({ [BUILT]: good }), { isOutOfDescriptors: true });
    expect(failure?.reason).toMatch(/cannot be read \(EMFILE/);
    expect(failure?.remedy).toMatch(/RLIMIT_NOFILE/);
  });

  it("because it is another architecture's says which", async () => {
    const content = Buffer.from(good);
    content.writeUInt16LE(OTHER_MACHINE, 0x12);
    const { reason, remedy } = await failureOf(content);
    expect(reason).toContain(`it was made for ${otherArch}`);
    expect(remedy).toMatch(/reinstall the package on this system/);
  });

  const onGlibc = libc === 'glibc' ? it : it.skip;

  onGlibc('because the system has an older glibc says which is needed', async () => {
    const { reason, remedy } = await failureOf(patched('GLIBC_2.17', 'GLIBC_9.99'));
    expect(reason).toMatch(/needs glibc 9\.99, and here is an older one/);
    expect(remedy).toMatch(/glibc 2\.28 or newer/);
  });

  onGlibc('because it is for another C library says so', async () => {
    const { reason, remedy } = await failureOf(patched('libc.so.6', 'libc.so.9'));
    expect(reason).toMatch(/made for another C library/);
    expect(remedy).toMatch(/reinstall/);
  });

  it('because Node was told to load no addon says what allows it', async () => {
    const folder = fakePackage({ [prebuilt()]: good });
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const nodeOptions = [permission, '--allow-fs-read=*'];
    expect((await load(folder, { nodeOptions })).failure?.remedy).toMatch(/--allow-addons/);
    const blind = [permission, `--allow-fs-read=${folder}/dist/*`, '--allow-addons'];
    const { failure } = await load(folder, { nodeOptions: blind });
    expect(failure?.reason).toMatch(/cannot be looked for: .*restricted/);
    expect(failure?.remedy).toMatch(/Node: .*--allow-fs-read/);
    // Without leave to read anything else the C library is still told.
    const allowed = [permission, `--allow-fs-read=${folder}/*`, '--allow-addons'];
    expect(await load(folder, { nodeOptions: allowed })).toMatchObject(
      libc === 'glibc' ? { file: path.join(folder, prebuilt()) } : {},
    );
  });

  it.each([
    ['its arguments', { nodeOptions: ['--no-addons'] }],
    ['NODE_OPTIONS', { variables: { NODE_OPTIONS: '--no-addons' } }],
  ])('because %s have --no-addons says so', async (_, circumstances) => {
    const { failure } = await load(fakePackage({ [prebuilt()]: good }), circumstances);
    expect(failure?.reason).toMatch(/loading addons is disabled/);
    expect(failure?.remedy).toMatch(/^start Node without --no-addons/);
  });

  it('because it may not be looked for says what allows it', async () => {
    const folder = fakePackage({ [prebuilt()]: good });
    const { failure } = await load(folder, { mayReadVariables: false });
    expect(failure?.reason).toContain('NotCapable: env access');
    expect(failure?.remedy).toMatch(/--allow-env --allow-read --allow-ffi/);
  });

  it('in a checkout is to be built anew', async () => {
    const folder = fakePackage({ [BUILT]: 'damaged', 'binding.gyp': '{}' });
    expect((await load(folder)).failure?.remedy).toMatch(/npm run build:addon/);
  });
});

/** The head of a program that asks for `interpreter`, or for none. */
function program(interpreter: string): string {
  const bytes = Buffer.alloc(256);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(62, 0x12);
  bytes.writeBigUInt64LE(64n, 0x20);
  bytes.writeUInt16LE(56, 0x36);
  bytes.writeUInt16LE(interpreter === '' ? 0 : 1, 0x38);
  bytes.writeUInt32LE(3, 64);
  bytes.writeBigUInt64LE(128n, 64 + 0x08);
  bytes.writeBigUInt64LE(BigInt(interpreter.length + 1), 64 + 0x20);
  bytes.write(`${interpreter}\0`, 128);
  return temporaryFile(bytes);
}

describe('the C library', () => {
  it('is told by the loader that the program asks for', () => {
    expect(libcName([program('/lib/ld-musl-aarch64.so.1')], '/dev/null')).toBe('musl');
    expect(libcName([program('/lib64/ld-linux-x86-64.so.2')], '/dev/null')).toBe('glibc');
    const store = '/store/glibc-2.40/lib/ld-linux-aarch64.so.1';
    expect(libcName([program(store)], '/dev/null')).toBe('glibc');
  });

  it('is told by the next program where the first cannot be read', () => {
    const musl = program('/lib/ld-musl-x86_64.so.1');
    expect(libcName(['/nowhere/exe', musl], '/dev/null')).toBe('musl');
  });

  it('is told by the mappings where the program asks for no loader', () => {
    const mapped = (file: string): string =>
      temporaryFile(`7f0000000000-7f0000001000 r-xp 00000000 08:01 42   ${file}\n`);
    const silent = program('');
    expect(libcName([silent], mapped('/lib/ld-musl-x86_64.so.1'))).toBe('musl');
    expect(libcName([silent], mapped('/lib/libc.musl-x86_64.so.1'))).toBe('musl');
    expect(libcName([silent], mapped('/usr/lib/x86_64-linux-musl/libc.so'))).toBe('musl');
    expect(libcName([silent], mapped('/usr/lib/x86_64-linux-gnu/libc.so.6'))).toBe('glibc');
  });

  it('is glibc where nothing tells', () => {
    expect(libcName(['/nowhere/exe'], '/nowhere/maps')).toBe('glibc');
  });

  it('is that of the running process', () => {
    const { header } = process.report.getReport() as unknown as {
      header: { glibcVersionRuntime?: string };
    };
    expect(libcName()).toBe(header.glibcVersionRuntime === undefined ? 'musl' : 'glibc');
  });
});

describe('an ELF file', () => {
  it('is read where it is one', () => {
    const interpreter = expect.stringMatching(/ld-/);
    expect(readElf(process.execPath)).toEqual({ arch, interpreter, isWhole: true });
    const library = { arch, interpreter: '', isWhole: true };
    expect(readElf(path.join(root, BUILT))).toEqual(library);
  });

  it('is whole without a table of sections', () => {
    const content = Buffer.from(good);
    const sections = Number(content.readBigUInt64LE(0x28));
    content.writeBigUInt64LE(0n, 0x28);
    expect(readElf(temporaryFile(content.subarray(0, sections)))?.isWhole).toBe(true);
  });

  it('is not read where it is none, or is cut off', () => {
    const whole = readFileSync(program('/lib/ld-musl-x86_64.so.1'));
    expect(readElf(temporaryFile(whole.subarray(0, 63)))).toBeUndefined();
    expect(readElf(temporaryFile('#!/bin/sh\n'.repeat(10)))).toBeUndefined();
    const cut = readElf(temporaryFile(whole.subarray(0, 100)));
    expect(cut).toMatchObject({ interpreter: '', isWhole: false });
  });

  it('that cannot be read says why', () => {
    expect(() => readElf('/nowhere/file')).toThrow(/ENOENT/);
    expect(() => readElf(temporaryFolder())).toThrow(/EISDIR/);
  });

  it('does not make a damaged header read without end', () => {
    const bytes = readFileSync(program('/lib/ld-musl-x86_64.so.1'));
    bytes.writeUInt16LE(0, 0x36);
    expect(readElf(temporaryFile(bytes))?.interpreter ?? '').toBe('');
    bytes.writeUInt16LE(56, 0x36);
    bytes.writeBigUInt64LE(2n ** 60n, 64 + 0x20);
    expect(readElf(temporaryFile(bytes))?.interpreter).toContain('/lib/ld-musl-x86_64.so.1');
  });
});
