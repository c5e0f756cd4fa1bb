// The host's programs that the rig needs, and the error that says which is missing.

import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the user can put right; reported without a stack. */
export class UsageError extends Error {}

/** The folder of these scripts. */
export const HERE = dirname(fileURLToPath(import.meta.url));

/** The program's path, or an error that names the Debian package to install. */
export function findProgram(program, packageName) {
  const script = `PATH=$PATH:/bin:/sbin:/usr/sbin; command -v ${program}`;
  const found = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  if (found.status === 0) return found.stdout.trim();
  throw new UsageError(`${program} is missing: install the Debian package ${packageName}`);
}

/** The command's output. Its messages go to ours. */
export function outputOf(program, packageName, args, options = {}) {
  const path = findProgram(program, packageName);
  try {
    const stdio = ['ignore', 'pipe', 'inherit'];
    return execFileSync(path, args, { encoding: 'utf8', stdio, ...options });
  } catch (error) {
    throw new UsageError(`failed: ${program} ${args.join(' ')} (${error.message.split('\n')[0]})`);
  }
}

/** Compiles one of these C files. */
export function compile(source, output, flags) {
  outputOf('cc', 'gcc', ['-O2', '-Wall', '-Wextra', ...flags, '-o', output, join(HERE, source)]);
}
