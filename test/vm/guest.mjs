// What the guest starts from: its init scripts, the command, busybox and the kernel's modules. What
// it sees beyond that is the host's file tree.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ARCHITECTURES, foreignRoot } from './architectures.mjs';
import { fetchPackage } from './debian.mjs';
import { initramfs } from './initramfs.mjs';
import { kernelModules } from './kernel.mjs';
import { compile, findProgram, HERE } from './tools.mjs';

const MODULES = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The shell script that the guest runs: the command in this folder, little else inherited. */
function commandScript(options) {
  const isForeign = options.arch !== process.arch;
  // The host's programs do not run in a foreign guest: busybox's come first.
  const tools = isForeign ? '/run/vm/tools:/run/vm/bin' : '/run/vm/tools';
  const environment = [
    ['PATH', `${tools}:${process.env.PATH}`],
    ['HOME', process.env.HOME ?? '/root'],
    ['LANG', 'C.UTF-8'],
    ['TERM', 'dumb'],
    ['PROACTOR_VM', options.icount ? 'icount' : 'plain'],
    ...options.environment,
  ];
  const lines = [
    ...environment.map(([name, value]) => `export ${name}=${quote(value)}`),
    ...(isForeign ? foreignRoot(ARCHITECTURES[options.arch]) : []),
    `cd ${quote(process.cwd())} || exit 127`,
    `exec ${options.command.map(quote).join(' ')}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** A busybox that runs in the guest: the host's, or one of Debian's. */
function busybox({ arch, workFolder }) {
  if (arch === process.arch) return findProgram('busybox', 'busybox-static');
  const { debian } = ARCHITECTURES[arch];
  const folder = join(workFolder, `busybox-${debian}`);
  const choose = () => 'busybox-static';
  if (!existsSync(folder)) {
    fetchPackage({ suite: 'bookworm', arch: debian, choose }, folder, workFolder);
  }
  return join(folder, 'bin', 'busybox');
}

/** The guest's first file system, for the kernel unpacked in `folder`. */
export function buildInitramfs(options, folder, runFolder) {
  const files = new Map([
    ['init', readFileSync(join(HERE, 'guest/init.sh'))],
    ['main.sh', readFileSync(join(HERE, 'guest/main.sh'))],
    ['command.sh', commandScript(options)],
    ['bin/busybox', readFileSync(busybox(options))],
  ]);
  if (options.icount) {
    const perf = join(runFolder, 'perf');
    compile('guest/perf.c', perf, []);
    files.set('tools/perf', readFileSync(perf));
  }
  let order = 10;
  for (const [name, content] of kernelModules(folder, MODULES)) {
    files.set(`modules/${order++}-${name}.ko`, content);
  }
  return initramfs(files);
}
