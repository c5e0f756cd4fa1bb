// The virtual machine: qemu's command line, and running it to its end.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ARCHITECTURES } from './architectures.mjs';
import { compile } from './tools.mjs';

const EXIT_TIMEOUT = 124; // as timeout(1)
const EXIT_NO_STATUS = 125; // the guest ended without telling the command's status

// The guest's virtio-serial ports, each a descriptor that qemu inherits.
const PORTS = ['out', 'err', 'status'];
const FIRST_PORT_FD = 3;

const PARAMETERS = ['panic=-1', 'oops=panic'];

// The first three make the guest's clock count instructions; the others take out of Debian's kernel
// what most others do not do. Each is explained in README.md.
const ICOUNT_PARAMETERS = [
  ...['tsc_early_khz=1000000', 'clocksource=tsc', 'no_timer_check'],
  ...['preempt=none', 'init_on_alloc=0', 'lsm=capability', 'audit=0'],
];

function kernelParameters(options) {
  const parameters = [...ARCHITECTURES[options.arch].parameters, ...PARAMETERS];
  if (options.icount) parameters.push(...ICOUNT_PARAMETERS);
  const volume = options.verbose ? 'loglevel=7' : 'loglevel=4';
  return [...parameters, volume, options.append].join(' ');
}

/** A path as the value of one of qemu's properties, which are separated by commas. */
const value = (path) => path.replaceAll(',', ',,');

function share(tag, path) {
  const properties = `path=${value(path)},mount_tag=${tag},security_model=none,multidevs=remap`;
  return ['-virtfs', `local,${properties},readonly=on`];
}

/** Counting: one virtual nanosecond for each instruction, and a plugin that sorts out user code. */
function icountArguments(runFolder) {
  const figures = join(runFolder, 'figures');
  mkdirSync(figures);
  const plugin = join(runFolder, 'user_instructions.so');
  compile('user_instructions.c', plugin, ['-shared', '-fPIC']);
  return [
    ...['-accel', 'tcg', '-icount', 'shift=0,sleep=on', '-rtc', 'clock=vm', '-seed', '1'],
    ...[
      '-plugin',
      `${value(plugin)},output=${value(join(figures, 'threads'))}`,
      ...share('figures', figures),
    ],
  ];
}

/** qemu's command line. No network, nothing of the host is writable. */
export function qemuArguments(options, boot, runFolder) {
  const ports = PORTS.flatMap((port, index) => [
    ...['-chardev', `socket,id=${port},fd=${FIRST_PORT_FD + index}`],
    ...['-device', `virtserialport,chardev=${port},name=${port}`],
  ]);
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-net', 'none'],
    ...ARCHITECTURES[options.arch].machine,
    ...['-m', `${options.memoryMib}M`, '-smp', `${options.cpus}`],
    ...['-kernel', boot.image, '-initrd', boot.initramfs, '-append', kernelParameters(options)],
    ...['-serial', `file:${join(runFolder, 'console')}`, '-device', 'virtio-serial-pci', ...ports],
    ...share('host', '/'),
    ...(options.icount ? icountArguments(runFolder) : ['-accel', 'tcg,thread=multi']),
  ];
}

/** Runs the machine to its end. Resolves to the exit status that this process should have. */
export async function runMachine(qemu, args, options, runFolder) {
  // timeout(1) also ends a qemu that outlives this process, or that does not end when told to.
  const guard = ['--kill-after=5', `${options.timeoutS + 5}`, qemu, ...args];
  const stdio = ['ignore', 'inherit', 'inherit', ...PORTS.map(() => 'pipe')];
  const machine = spawn('timeout', guard, { stdio });
  const kill = () => machine.kill();
  process.on('exit', kill);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = kill();
  }, options.timeoutS * 1000);

  const [out, err, status] = machine.stdio.slice(FIRST_PORT_FD);
  out.pipe(process.stdout, { end: false });
  err.pipe(process.stderr, { end: false });
  let statusText = '';
  status.on('data', (chunk) => {
    statusText += chunk;
  });
  await new Promise((resolve, reject) => {
    machine.on('error', reject);
    machine.on('close', resolve);
  });
  clearTimeout(timer);
  process.off('exit', kill);

  const told = statusText !== '';
  if (options.verbose || !told) {
    process.stderr.write(readFileSync(join(runFolder, 'console'), 'utf8'));
  }
  if (told) return Number(statusText);
  const end = timedOut
    ? `killed after ${options.timeoutS} s`
    : 'the guest ended before the command';
  process.stderr.write(`vm: ${end}\n`);
  return timedOut ? EXIT_TIMEOUT : EXIT_NO_STATUS;
}
