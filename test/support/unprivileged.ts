// The package as a user without privileges runs it, whose limits count: root's do not.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import * as path from 'node:path';
import { it } from '@jest/globals';
import { type Ended, root, runCommand } from './child';
import { temporaryFolder } from './files';

/** A command that becomes another user, without groups and capabilities, and runs what follows it. */
export function asUser(user: number): readonly string[] {
  const identity = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  return ['setpriv', ...identity, '--bounding-set', '-all', '--inh-caps', '-all'];
}

// Root alone can become another user, who has to be able to run this Node.
const [setpriv = '', ...others] = asUser(60_000);
const canDrop = spawnSync(setpriv, [...others, 'prlimit', process.execPath, '-v']).status === 0;

/** `it`, or a visible skip where no other user can be had. */
export function itUnprivileged(name: string, body: () => Promise<void>, timeoutMs?: number): void {
  if (canDrop) it(name, body, timeoutMs);
  else it.skip(`${name} [skipped: needs root, setpriv, prlimit and a Node for everybody]`, body);
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
  const [command = '', ...identity] = asUser(60_001 + ((process.pid * 16 + users++) % 5000));
  const limit = ['prlimit', `--memlock=${lockedBytes}:${lockedBytes}`];
  return runCommand(command, [...identity, ...limit, process.execPath, ...args(folder)], {
    env: { PROACTOR_ADDON: addon },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}
