// Files that servers and loads read and that are made when a run first needs them. They stay for later runs.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './paths.js';

const folder = path.join(projectRoot, 'build/bench-files');

/**
 * The path of the file of that name, which `make` writes where it is not there or not usable any more. It appears whole:
 * servers of another run may be reading it.
 */
export function madeFile(
  name: string,
  make: (file: string) => void,
  isUsable: (file: string) => boolean = () => true,
): string {
  const file = path.join(folder, name);
  if (existsSync(file) && isUsable(file)) return file;
  mkdirSync(folder, { recursive: true });
  const unfinished = mkdtempSync(path.join(folder, 'unfinished-'));
  try {
    const made = path.join(unfinished, name);
    make(made);
    renameSync(made, file);
  } finally {
    rmSync(unfinished, { recursive: true });
  }
  return file;
}
