#!/usr/bin/env node
// Runs a command of the repository in a virtual machine with another kernel, in software emulation.
// See README.md.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ARCHITECTURES } from './architectures.mjs';
import { buildInitramfs } from './guest.mjs';
import { KERNELS, kernelFolder, kernelImage } from './kernel.mjs';
import { qemuArguments, runMachine } from './machine.mjs';
import { missingFor } from './requirements.mjs';
import { UsageError, WORK_FOLDER } from './tools.mjs';

const USAGE = `usage: run.mjs [options] -- COMMAND [ARGUMENT…]
  --kernel NAME    ${Object.keys(KERNELS).join(', ')}, or the path of a kernel package (.deb), or of a
                   folder that one is unpacked in (default 6.1)
  --arch NAME      ${Object.keys(ARCHITECTURES).join(' or ')} (default: this machine's)
  --icount         count instructions: 1 ns of CPU time is one, and there is a perf stat
  --cpus N         default 2; with --icount always 1
  --memory MIB     default 2048
  --timeout S      wall-clock seconds until the machine is killed (default 600)
  --env NAME=VALUE set in the command's environment; may be repeated
  --append TEXT    more kernel parameters
  --verbose        show the kernel's messages`;

const OPTIONS = {
  kernel: { type: 'string', default: '6.1' },
  arch: { type: 'string', default: process.arch },
  icount: { type: 'boolean', default: false },
  cpus: { type: 'string' },
  memory: { type: 'string', default: '2048' },
  timeout: { type: 'string', default: '600' },
  env: { type: 'string', multiple: true, default: [] },
  append: { type: 'string', default: '' },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${error.message}\n${USAGE}`);
  }
}

/** The options, checked; undefined when help was asked for. */
function readOptions() {
  const { values, positionals: command } = parse();
  if (values.help) return undefined;
  if (command.length === 0) throw new UsageError(`no command\n${USAGE}`);
  const number = (name, text) => {
    const value = Number(text);
    if (!(Number.isInteger(value) && value > 0)) {
      throw new UsageError(`--${name} must be a positive integer, not '${text}'`);
    }
    return value;
  };
  const cpus = number('cpus', values.cpus ?? (values.icount ? 1 : 2));
  if (!Object.hasOwn(ARCHITECTURES, values.arch)) {
    const known = Object.keys(ARCHITECTURES).join(' or ');
    throw new UsageError(`--arch must be ${known}, not '${values.arch}'`);
  }
  if (values.icount && values.arch !== 'x64') throw new UsageError('--icount is for x64 only');
  if (values.icount && cpus !== 1) throw new UsageError('--icount has one CPU: see README.md');
  return {
    ...values,
    command,
    cpus,
    memoryMib: number('memory', values.memory),
    timeoutS: number('timeout', values.timeout),
    environment: values.env.map((setting) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(setting) ?? [];
      if (name === undefined) throw new UsageError(`--env must be NAME=VALUE, not '${setting}'`);
      return [name, value];
    }),
  };
}

async function main() {
  const options = readOptions();
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const missing = missingFor(options);
  if (missing.length > 0) throw new UsageError(['missing here:', ...missing].join('\n  '));
  const { qemu, debian } = ARCHITECTURES[options.arch];
  mkdirSync(WORK_FOLDER, { recursive: true });
  const folder = kernelFolder(options.kernel, debian);
  const runFolder = mkdtempSync(join(WORK_FOLDER, 'run-'));
  process.on('exit', () => rmSync(runFolder, { recursive: true }));
  const initramfs = join(runFolder, 'initramfs');
  writeFileSync(initramfs, buildInitramfs(options, folder, runFolder));
  const args = qemuArguments(options, { image: kernelImage(folder), initramfs }, runFolder);
  return await runMachine(qemu, args, options, runFolder);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`vm: ${error.message}\n`);
  process.exitCode = 2;
}
