// The host's programs that the rig needs, the Debian packages that have them, and where the rig keeps what it makes.

import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the user can put right; reported without a stack. */
export class UsageError extends Error {}

/** The folder of these scripts. */
export const HERE = dirname(fileURLToPath(import.meta.url));

export const CHECKOUT = resolve(HERE, '../..');

export const WORK_FOLDER = join(CHECKOUT, 'build/vm');

const PACKAGES = {
  'apt-cache': 'apt',
  'apt-get': 'apt',
  cc: 'gcc',
  'dpkg-deb': 'dpkg',
  'qemu-system-aarch64': 'qemu-system-arm',
  'qemu-system-x86_64': 'qemu-system-x86',
  timeout: 'coreutils',
  xz: 'xz-utils',
  zstd: 'zstd',
};

/** Says that a program or file is not there, and which package has it. */
export function notInstalled(name, packageName = PACKAGES[name]) {
  return `${name} is not installed (Debian: apt-get install ${packageName})`;
}

/** The program's path, or undefined. */
export function findProgram(program) {
  const places = process.env.PATH.split(delimiter).map((folder) => join(folder, program));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Those of the programs that are not there, in words. */
export function missingPrograms(programs) {
  return programs
    .filter((program) => !findProgram(program))
    .map((program) => notInstalled(program));
}

/** The command's output. Its messages go to ours. */
export function outputOf(program, args, options = {}) {
  if (!findProgram(program)) throw new UsageError(notInstalled(program));
  try {
    const stdio = ['ignore', 'pipe', 'inherit'];
    return execFileSync(program, args, { encoding: 'utf8', stdio, ...options });
  } catch (error) {
    throw new UsageError(`failed: ${program} ${args.join(' ')} (${error.message.split('\n')[0]})`);
  }
}

/** Compiles one of these C files. */
export function compile(source, output, flags) {
  outputOf('cc', ['-O2', '-Wall', '-Wextra', ...flags, '-o', output, join(HERE, source)]);
}
