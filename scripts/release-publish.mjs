// `npm run release:publish -- FILE [--dry-run]`: publishes a tarball of release:assemble to npm, with a proof of provenance,
// which only a workflow of the repository can give. Refuses a tarball that lacks a binary. Needs nothing of node_modules.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fail, run } from './common.mjs';
import { checkContents, checkManifest, readTarball } from './tarball/contents.mjs';
import { distTagOf } from './tarball/release.mjs';
import { binaryPath, targets } from './toolchains.mjs';

const USAGE = 'usage: npm run release:publish -- FILE [--dry-run]';
/** The first npm that publishes with a workflow's own identity, without a token. */
const NPM_MIN = [11, 5, 1];

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { 'dry-run': { type: 'boolean' } },
      allowPositionals: true,
    });
    if (positionals.length !== 1) fail(USAGE);
    return { file: path.resolve(positionals[0]), isDryRun: values['dry-run'] === true };
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`);
  }
}

function checkNpm() {
  const version = spawnSync('npm', ['--version'], { encoding: 'utf8' }).stdout.trim();
  const parts = version.split('.').map(Number);
  const at = NPM_MIN.findIndex((part, index) => part !== parts[index]);
  if (at >= 0 && !(parts[at] > NPM_MIN[at]))
    fail(
      `npm ${NPM_MIN.join('.')} or newer is needed, and this is ${version}: use Node 24 or newer`,
    );
}

/** The manifest of a tarball that has all that a release has. */
function checkedManifest(file) {
  try {
    const packed = readTarball(file);
    checkContents(packed, targets.map(binaryPath));
    checkManifest(packed);
    return packed.manifest;
  } catch (error) {
    return fail(`${file} is not published:\n    ${error.message}`);
  }
}

const { file, isDryRun } = readArguments();
const { name, version, repository } = checkedManifest(file);
if (!isDryRun) {
  checkNpm();
  if (repository === undefined)
    fail(
      `${file} names no repository: assemble it in the workflow, or set GITHUB_REPOSITORY for that`,
    );
}
console.log(`publishing ${name}@${version} as ${distTagOf(version)}`);
const options = ['--access', 'public', '--tag', distTagOf(version)];
run('npm', ['publish', file, ...options, ...(isDryRun ? ['--dry-run'] : ['--provenance'])]);
