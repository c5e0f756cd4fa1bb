// What the guest starts from: its init scripts, the command, busybox and the kernel's modules. What
// it sees beyond that is the host's file tree.

import { readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';

import { ARCHITECTURES, foreignRoot } from './architectures.mjs';
import { busybox } from './busybox.mjs';
import { hiddenFolders } from './folders.mjs';
import { initramfs } from './initramfs.mjs';
import { kernelModules } from './kernel.mjs';
import { CHECKOUT, compile, HERE } from './tools.mjs';

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

/** The shell script that makes the guest see the folders that the command needs, wherever they are. */
function foldersScript() {
  const path = process.env.PATH.split(delimiter).map((folder) => resolve(folder));
  const needed = [CHECKOUT, process.cwd(), dirname(process.execPath), ...path];
  return hiddenFolders(needed)
    .map((folder) => `show ${folder.map(quote).join(' ')}\n`)
    .join('');
}

/** The guest's first file system, for the kernel unpacked in `folder`. */
export function buildInitramfs(options, folder, runFolder) {
  const files = new Map([
    ['init', readFileSync(join(HERE, 'guest/init.sh'))],
    ['main.sh', readFileSync(join(HERE, 'guest/main.sh'))],
    ['command.sh', commandScript(options)],
    ['folders.sh', foldersScript()],
    ['bin/busybox', readFileSync(busybox(options.arch))],
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
