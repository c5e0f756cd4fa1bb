// What the scripts share: where things are, running a command, finding Node's headers.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const nodeModulesBin = path.join(root, 'node_modules', '.bin');

/** Prints `message` to stderr and ends the process with status 1. */
export function fail(message) {
  console.error(`\n${path.basename(process.argv[1] ?? 'script')}: ${message}`);
  process.exit(1);
}

/**
 * The values of a script's options and of its `operands`, all of which must be there. With --help prints `usage` and ends;
 * for what it cannot follow ends with status 1.
 */
export function readOptions(options, usage, operands = []) {
  let values;
  let positionals;
  try {
    ({ values, positionals } = parseArgs({
      options: { ...options, help: { type: 'boolean' } },
      allowPositionals: operands.length > 0,
    }));
  } catch (error) {
    fail(`${error.message}\n${usage}`);
  }
  if (values.help) {
    console.log(usage);
    return process.exit(0);
  }
  if (positionals.length !== operands.length) fail(`${operands.join(' ')} is needed\n${usage}`);
  const named = operands.map((name, index) => [name, positionals[index]]);
  return { ...values, ...Object.fromEntries(named) };
}

/** Runs a command of node_modules/.bin (or of PATH) with inherited output; returns its exit status. */
export function status(command, args, options = {}) {
  const local = path.join(nodeModulesBin, command);
  const result = spawnSync(existsSync(local) ? local : command, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  return result.status ?? 1;
}

/** The same, ending this process when the command fails. */
export function run(command, args, options = {}) {
  const code = status(command, args, options);
  if (code !== 0) process.exit(code);
}

/** All files under `directory` whose name ends with `suffix`, as sorted paths relative to it. */
export function listFiles(directory, suffix) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith(suffix))
    .sort();
}

/**
 * The prefix whose include/node holds the headers of the running Node, or undefined. With it node-gyp
 * downloads nothing. Official builds and distribution packages carry the headers beside the binary;
 * where they do not, node-gyp has left them in its cache once it has built the addon.
 */
export function nodeHeadersPrefix() {
  const configured = process.env.npm_config_nodedir;
  const besideBinary = path.dirname(path.dirname(process.execPath));
  const cacheFolder = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  const gypCache = path.join(cacheFolder, 'node-gyp', process.versions.node);
  const [major, minor] = process.versions.node.split('.');
  for (const prefix of [configured, besideBinary, gypCache]) {
    if (!prefix) continue;
    const header = path.join(prefix, 'include', 'node', 'node_version.h');
    if (!existsSync(header)) continue;
    const text = readFileSync(header, 'utf8');
    const isSame =
      text.includes(`#define NODE_MAJOR_VERSION ${major}\n`) &&
      text.includes(`#define NODE_MINOR_VERSION ${minor}\n`);
    if (isSame) return prefix;
  }
  return configured || undefined;
}

/** Fails unless native/ has something to compile, so that the compiler's complaint is not the first sign. */
export function requireNativeSources() {
  const sources = listFiles(path.join(root, 'native'), '.cc');
  if (!sources.includes('addon.cc')) fail('native/addon.cc is missing: there is no addon to build');
  return sources;
}
