// The package as a user without privileges runs it, whose limits count: root's do not.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import * as path from 'node:path';
import { it } from '@jest/globals';
import { type Ended, root, runCommand } from './child';
import { temporaryFolder } from './files';

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const canDrop = process.getuid?.() === 0 && isThere('setpriv') && isThere('prlimit');

/** `it`, or a visible skip where no other user can be had. */
export function itUnprivileged(name: string, body: () => Promise<void>, timeoutMs?: number): void {
  if (canDrop) it(name, body, timeoutMs);
  else it.skip(`${name} [skipped: needs root, setpriv and prlimit]`, body);
}

let users = 0;

/**
 * Runs Node on `args` of a copy of the package, with `lockedBytes` of memory that can be locked, as a
 * user who has no other rings: those would count as well. `args` get the folder of the copy.
 */
export function runUnprivileged(
  lockedBytes: number,
  args: (folder: string) => readonly string[],
  timeoutMs?: number,
): Promise<Ended> {
  const folder = temporaryFolder();
  for (const name of ['dist', 'package.json']) {
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const addon = path.join(folder, 'proactor.node');
  const built = path.join(root, 'build', 'Release', 'proactor.node');
  cpSync(process.env['PROACTOR_ADDON'] ?? built, addon);
  const { status } = spawnSync('chmod', ['-R', 'a+rX', folder]);
  if (status !== 0) throw new Error(`chmod ended with ${status}`);
  const user = String(60_000 + ((process.pid * 16 + users++) % 5000));
  const identity = ['--reuid', user, '--regid', user, '--clear-groups'];
  const capabilities = ['--bounding-set', '-all', '--inh-caps', '-all'];
  const limit = ['prlimit', `--memlock=${lockedBytes}:${lockedBytes}`];
  return runCommand(
    'setpriv',
    [...identity, ...capabilities, ...limit, process.execPath, ...args(folder)],
    { env: { PROACTOR_ADDON: addon }, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
  );
}
