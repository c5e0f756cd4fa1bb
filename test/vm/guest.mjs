// What the guest starts from: its init scripts, the command, busybox and the kernel's modules. What
// it sees beyond that is the host's file tree.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { initramfs } from './initramfs.mjs';
import { kernelModules } from './kernel.mjs';
import { compile, findProgram, HERE } from './tools.mjs';

const MODULES = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The shell script that the guest runs: the command in this folder, little else inherited. */
function commandScript(options) {
  const environment = [
    ['PATH', `/run/vm/tools:${process.env.PATH}`],
    ['HOME', process.env.HOME ?? '/root'],
    ['LANG', 'C.UTF-8'],
    ['TERM', 'dumb'],
    ['PROACTOR_VM', options.icount ? 'icount' : 'plain'],
    ...options.environment,
  ];
  const lines = [
    ...environment.map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(process.cwd())} || exit 127`,
    `exec ${options.command.map(quote).join(' ')}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The guest's first file system, for the kernel unpacked in `folder`. */
export function buildInitramfs(options, folder, runFolder) {
  const files = new Map([
    ['init', readFileSync(join(HERE, 'guest/init.sh'))],
    ['main.sh', readFileSync(join(HERE, 'guest/main.sh'))],
    ['command.sh', commandScript(options)],
    ['bin/busybox', readFileSync(findProgram('busybox', 'busybox-static'))],
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
