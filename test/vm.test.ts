// The rig of test/vm, as far as it goes without a virtual machine: in checkouts of their own that have nothing else, with
// programs in the place of qemu and the others.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Ended, root, runCommand } from './support/child';
import { temporaryFolder } from './support/files';

const QEMU = {
  x64: { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { program: 'qemu-system-aarch64', package: 'qemu-system-arm' },
};
const arch = process.arch as keyof typeof QEMU;
const otherArch = arch === 'x64' ? 'arm64' : 'x64';

const put = (file: string, text: string): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
};

/** The packages that a message names. */
const packagesIn = (text: string): string[] =>
  [...text.matchAll(/apt-get install ([\w+-]+)\)/g)].map(([, name]) => name!);

class Checkout {
  readonly programs = temporaryFolder();

  constructor(readonly folder = temporaryFolder()) {
    cpSync(path.join(root, 'test', 'vm'), path.join(folder, 'test', 'vm'), { recursive: true });
  }

  standIn(name: string, ...lines: readonly string[]): void {
    const file = path.join(this.programs, name);
    put(file, `#!/bin/sh\n${lines.join('\n')}\n`);
    chmodSync(file, 0o755);
  }

  /** Has all that a machine needs; a qemu that keeps what it would start, and whose guest ends with status 7. */
  equip(): void {
    this.standIn('timeout', 'shift 2', 'exec "$@"');
    this.standIn('xz');
    // As much of a static program as is looked at.
    writeFileSync(path.join(this.programs, 'busybox'), Buffer.alloc(64), { mode: 0o755 });
    this.standIn(
      QEMU[arch].program,
      'while [ $# -gt 0 ]; do',
      '  if [ "$1" = -initrd ]; then /bin/cat "$2" > "$0.initrd"; fi',
      '  shift',
      'done',
      'echo 7 >&5',
    );
  }

  /** An unpacked kernel package, all of whose modules are built in. */
  kernel(): string {
    const modules = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];
    const folder = path.join(this.folder, 'kernel');
    const release = path.join(folder, 'lib', 'modules', '1.2.3');
    put(path.join(folder, 'boot', 'vmlinuz-1.2.3'), '');
    put(path.join(release, 'modules.builtin'), modules.map((name) => `${name}.ko\n`).join(''));
    mkdirSync(path.join(release, 'kernel'));
    return folder;
  }

  run(args: readonly string[], cwd?: string): Promise<Ended> {
    const command = [path.join(this.folder, 'test', 'vm', 'run.mjs'), ...args];
    return runCommand(process.execPath, command, { env: { PATH: this.programs }, cwd });
  }

  /** What the guest would have started with. */
  get initramfs(): string {
    return readFileSync(path.join(this.programs, `${QEMU[arch].program}.initrd`), 'latin1');
  }
}

describe('what is missing', () => {
  const fetching = ['apt', 'dpkg', 'xz-utils'];
  const inAll = ['coreutils', ...fetching];

  it.each<[string, string[], string[]]>([
    ['a machine', [], [QEMU[arch].package, 'busybox-static', ...inAll]],
    ['a foreign machine', ['--arch', otherArch], [QEMU[otherArch].package, ...inAll]],
  ])('for %s is named at once, and nothing is fetched', async (_, options, packages) => {
    const checkout = new Checkout();
    const { code, stdout, stderr } = await checkout.run([...options, '--', 'true']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(packagesIn(stderr)).toEqual(expect.arrayContaining(packages));
    expect(new Set(packagesIn(stderr)).size).toBe(packagesIn(stderr).length);
    expect(existsSync(path.join(checkout.folder, 'build'))).toBe(false);
  });

  it('is nothing that only fetches, for a kernel that is there', async () => {
    const checkout = new Checkout();
    const { stderr } = await checkout.run(['--kernel', checkout.kernel(), '--', 'true']);
    const packages = [QEMU[arch].package, 'coreutils', 'busybox-static', 'xz-utils'];
    expect(packagesIn(stderr)).toEqual(packages);
  });

  it('is a static busybox where there is one that needs libraries', async () => {
    const checkout = new Checkout();
    checkout.equip();
    const busybox = path.join(checkout.programs, 'busybox');
    rmSync(busybox);
    symlinkSync(process.execPath, busybox);
    const { stderr } = await checkout.run(['--kernel', checkout.kernel(), '--', 'true']);
    expect(packagesIn(stderr)).toEqual(['busybox-static']);
  });

  it.each<[string, string[], RegExp[]]>([
    [
      'kernels.mjs',
      ['6.1', '0.1', '0.2'],
      [/there is no kernel '0\.1'/, /there is no kernel '0\.2'/, /install coreutils/],
    ],
    [
      'smoke-binary.mjs',
      ['--vm'],
      [
        new RegExp(`-${otherArch}-glibc: .*install ${QEMU[otherArch].package}\\)`),
        new RegExp(`-${otherArch}-musl: .*install ${QEMU[otherArch].package}\\)`),
      ],
    ],
  ])('is named by %s before it starts anything', async (script, args, expected) => {
    const command = [path.join('scripts', script), ...args];
    const env = { PATH: temporaryFolder() };
    const { code, stdout, stderr } = await runCommand(process.execPath, command, { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    for (const pattern of expected) expect(stderr).toMatch(pattern);
  });
});

describe('a machine', () => {
  it('is run in a folder whose path has spaces and commas, and ends as its command does', async () => {
    const checkout = new Checkout(path.join(temporaryFolder(), 'a folder, "quoted"'));
    checkout.equip();
    const { code, stderr } = await checkout.run(['--kernel', checkout.kernel(), '--', 'true']);
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' });
  });

  it("shows the checkout and the command's folder where the guest has file systems of its own", async () => {
    const checkout = new Checkout(temporaryFolder('/tmp'));
    checkout.equip();
    const cwd = path.join(temporaryFolder('/tmp'), "it's here");
    mkdirSync(cwd);
    const command = ['--kernel', checkout.kernel(), '--', 'true'];
    expect(await checkout.run(command, cwd)).toMatchObject({ code: 7, stderr: '' });
    const quoted = cwd.replace("'", "'\\''");
    expect(checkout.initramfs).toContain(`show '${checkout.folder}' '${checkout.folder}'\n`);
    expect(checkout.initramfs).toContain(`show '${quoted}' '${quoted}'\n`);
  });
});

describe('folders that the guest hides', () => {
  function hidden(paths: readonly string[]): unknown {
    const source = `
      import { hiddenFolders } from './test/vm/folders.mjs';
      console.log(JSON.stringify(hiddenFolders(${JSON.stringify(paths)})));
    `;
    const args = ['--input-type=module', '-e', source];
    return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }));
  }

  it('are those below its own file systems that there are', () => {
    const folder = temporaryFolder('/tmp');
    put(path.join(folder, 'file'), '');
    const paths = [folder, `${folder}/none`, `${folder}/file`, '/tmp', '/dev/shm', '/usr'];
    expect(hidden(paths)).toEqual([[folder, folder]]);
  });

  it('are shown once, with what lies in them', () => {
    const folder = temporaryFolder('/tmp');
    mkdirSync(path.join(folder, 'in', 'side'), { recursive: true });
    expect(hidden([`${folder}/in/side`, folder, `${folder}/in`])).toEqual([[folder, folder]]);
  });

  it('are links as well, and where they lead', () => {
    const [folder, other] = [temporaryFolder('/tmp'), temporaryFolder('/tmp')];
    const [toOther, toUsr] = [path.join(folder, 'other'), path.join(folder, 'usr')];
    symlinkSync(other, toOther);
    symlinkSync('/usr', toUsr);
    expect(hidden([toOther, toUsr])).toEqual([
      [toOther, other],
      [other, other],
      [toUsr, '/usr'],
    ]);
  });
});
