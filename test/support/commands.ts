// Whether a command that a document or a workflow names can be run in this repository: its script, program or file exists.
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { root, textOf } from './sources';

const manifest = JSON.parse(textOf('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
};
const scripts = Object.keys(manifest.scripts);
const binaries = [
  ...readdirSync(path.join(root, 'node_modules', '.bin')),
  ...Object.keys(manifest.bin),
];
// What may be started besides node, npm and npx: programs of the system's.
const SYSTEM = /^(apt-get|chrt|ctest|docker|gdb|git|kubectl|perf|strace|sysctl)$/;

/** Whether a file is there, as it is called from the repository or from a folder in it. */
const exists = (file: string, folder: string): boolean =>
  [root, path.join(root, folder)].some((base) => existsSync(path.join(base, file)));

/** Why a command that is run in `folder` of the repository cannot be right, or undefined. */
export function commandProblem(command: string, folder = '.'): string | undefined {
  const [program = '', ...args] = command.split(/\s+/);
  const first = args.find((arg) => !arg.startsWith('-')) ?? '';
  if (program === 'npm') {
    const [verb = '', script = ''] = args;
    if (verb === 'run' && !scripts.includes(script)) return `no script ${script}`;
    return /^(ci|cit|test|run|install|pack)$/.test(verb) ? undefined : `npm ${verb}`;
  }
  if (program === 'npx') return binaries.includes(first) ? undefined : `no binary ${first}`;
  if (/^(node|sh|bash)$/.test(program))
    return /\.\w+$/.test(first) && !exists(first, folder) ? `no file ${first}` : undefined;
  if (program.includes('/')) return exists(program, folder) ? undefined : `no file ${program}`;
  return SYSTEM.test(program) ? undefined : `unknown program ${program}`;
}
