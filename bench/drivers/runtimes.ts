// Finds the binaries of other JavaScript runtimes: given on the command line, in the environment, on PATH, or where
// npm put them. They are no dependency of the project.
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** Where the npm package of that name keeps its binary, within a folder that it was installed in. */
const packagedBinaries: Readonly<Record<string, readonly string[]>> = {
  bun: [
    'node_modules/bun/bin/bun.exe', // so called on Linux as well
    'node_modules/@oven/bun-linux-x64/bin/bun',
    'node_modules/@oven/bun-linux-aarch64/bin/bun',
  ],
  deno: [
    'node_modules/deno/deno',
    'node_modules/@deno/linux-x64-glibc/deno',
    'node_modules/@deno/linux-arm64-glibc/deno',
  ],
};

/**
 * The path of `name`: `given` (a binary, or a folder in which npm installed it), else that of the environment's
 * variable of its name, else the first on PATH. Throws an Error that says where it was looked for.
 */
export function findRuntime(
  name: 'bun' | 'deno',
  given: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const variable = name.toUpperCase();
  const wish = given ?? environment[variable];
  if (wish) {
    const found = candidatesIn(name, path.resolve(wish)).find(isExecutable);
    if (found !== undefined) return found;
    const source = given === undefined ? `the variable ${variable}` : `--${name}`;
    throw new Error(`${source} names ${wish}, where there is no executable ${name}`);
  }
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  const found = folders.map((folder) => path.join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(`${name} was not found: give --${name} PATH, set ${variable}, or put it on PATH`);
}

function candidatesIn(name: string, wish: string): readonly string[] {
  return [wish, ...(packagedBinaries[name] ?? []).map((file) => path.join(wish, file))];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
