// How to run a JavaScript program in a process of a target's architecture and C library, on this machine: the host's own
// target in this Node; glibc's in Node from npm; musl's in Bun from npm (there is no Node for musl to be had there), with
// musl's own loader; another architecture's in qemu's emulation of a process, or of a machine with a kernel of its own.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ARCHITECTURES, missingForForeign } from '../../test/vm/architectures.mjs';
import { missingFor } from '../../test/vm/requirements.mjs';
import { notInstalled } from '../../test/vm/tools.mjs';
import { root } from '../common.mjs';
import { installMuslBun, installNode, nodeLines } from '../runtimes.mjs';
import { Missing } from '../tarball/checklist.mjs';
import { findInPath } from '../tarball/consumer.mjs';
import { hostTarget, isMissing, MACHINES, missingTools, toolchainFor } from '../toolchains.mjs';

/** What starts a program on this machine's own processor. */
const NO_EMULATOR = { machine: [], inProcess: [], hasRing: true, limitMs: 10_000 };

const KERNEL = '6.1';

/** What running a program for the target lacks here, in words. */
export function missingRunner(target, { vm }) {
  const { name, arch, libc } = target;
  if (name === hostTarget()?.name) return [];
  const isForeign = arch !== process.arch;
  if (!isForeign && libc === 'glibc') return ['a machine with glibc is needed'];
  return [
    ...(isForeign ? missingEmulator(arch, vm) : []),
    ...(libc === 'musl' ? missingTools(target) : []),
  ];
}

function missingEmulator(arch, vm) {
  if (vm) return missingFor({ kernel: KERNEL, arch });
  const program = emulatorOfProcesses(arch);
  return [
    ...(isMissing(program) ? [notInstalled(program, 'qemu-user-static')] : []),
    ...missingForForeign(ARCHITECTURES[arch]),
  ];
}

const emulatorOfProcesses = (arch) => `qemu-${MACHINES[arch]}-static`;

/**
 * Who runs a program for a target for which nothing is missing: `runtime`, `command` (the words before the program),
 * `hasRing` (whether io_uring has to be there) and `limitMs` (how long a program may take). Throws Missing where the runtime
 * cannot be had.
 */
export function runnerFor(target, { vm }) {
  if (target.name === hostTarget()?.name)
    return { ...NO_EMULATOR, runtime: 'Node', command: [process.execPath] };
  const emulator = emulatorOf(target.arch, vm);
  return { ...emulator, ...(target.libc === 'musl' ? bun : node)(target, emulator) };
}

function emulatorOf(arch, vm) {
  if (arch === process.arch) return NO_EMULATOR;
  if (vm) return virtualMachine(arch);
  const inProcess = [
    findInPath(emulatorOfProcesses(arch)),
    '-L',
    `/usr/${MACHINES[arch]}-linux-gnu`,
  ];
  return { ...NO_EMULATOR, inProcess, hasRing: false };
}

function virtualMachine(arch) {
  const script = path.join(root, 'test', 'vm', 'run.mjs');
  const command = [process.execPath, script, '--kernel', KERNEL, '--arch', arch, '--'];
  const machine = ['env', `PATH=${process.env.PATH}`, ...command];
  return { ...NO_EMULATOR, machine, limitMs: 60_000 };
}

function installed(binary) {
  if (binary === undefined) throw new Missing('the runtime cannot be installed from npm');
  return binary;
}

/** Node's oldest line, with the cross compiler's C and C++ libraries. */
function node({ arch }, emulator) {
  const binary = installed(installNode(nodeLines[0], arch));
  return { runtime: 'Node', command: [...emulator.machine, ...emulator.inProcess, binary] };
}

function bun(target, emulator) {
  const binary = installed(installMuslBun(target.arch));
  const libraries = cxxLibrary(target, toolchainFor(target).env, binary);
  const command = ['env', `LD_LIBRARY_PATH=${libraries}`, ...emulator.inProcess, binary, '--bun'];
  return { runtime: 'Bun', command: [...emulator.machine, ...command] };
}

/**
 * Bun needs a libstdc++ made for musl, which Debian does not have. This makes one of what Bun asks of it: few members of
 * the static library, which need little of the C library. Returns its folder.
 */
function cxxLibrary({ name }, { CXX, LINK }, binary) {
  const folder = path.join(root, 'build', 'smoke', name);
  mkdirSync(folder, { recursive: true });
  const [object, library] = ['cxx.o', 'libstdc++.so.6'].map((file) => path.join(folder, file));
  const compile = CXX.split(' ');
  const source = path.join(root, 'scripts', 'smoke', 'cxx_library_for_bun.cc');
  output([...compile, '-c', '-O2', '-fPIC', '-fno-exceptions', '-o', object, source]);
  const members = output([compile[0], '-print-file-name=libstdc++.a']).trim();
  const wanted = namesNeeded(binary).map((symbol) => `-Wl,-u,${symbol}`);
  const options = ['-shared', '-Wl,-soname,libstdc++.so.6', '-o', library, ...wanted];
  output([...LINK.split(' '), ...options, object, members, '-lgcc_eh', '-lgcc']);
  return folder;
}

/** What a program looks up in libraries: functions, and variables of which it keeps a copy. */
function namesNeeded(binary) {
  const lines = output(['readelf', '-W', '--dyn-syms', '--relocs', binary]).split('\n');
  const names = lines.flatMap((line) => {
    const symbol = /\bGLOBAL\s+\w+\s+UND\s+(\w+)/.exec(line) ?? /_COPY\s+\w+\s+(\w+)/.exec(line);
    return symbol ? [symbol[1]] : [];
  });
  return [...new Set(names)];
}

function output([command, ...args]) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 256 << 20 });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} failed: ${result.error?.message ?? result.stderr}`);
}
