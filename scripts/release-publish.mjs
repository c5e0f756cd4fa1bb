// `npm run release:publish -- FILE [--dry-run]`: publishes a tarball of release:assemble to npm, with a proof of provenance,
// which only a workflow of the repository can give. Refuses a tarball that lacks a binary. Where npm has that very file already,
// all is well: a job that failed after it had published can be run again. Needs nothing of node_modules.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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

/** True where npm has the file under its name and version. A version that is another file's cannot be published any more. */
function isPublished(file, name, version) {
  const args = ['view', `${name}@${version}`, 'dist.integrity'];
  // Empty where npm does not know the version, or cannot be asked: then publishing says why.
  const published = spawnSync('npm', args, { encoding: 'utf8' }).stdout.trim();
  if (published === '') return false;
  const own = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (published !== own)
    fail(`npm has another ${name}@${version}: ${published}, and this is ${own}`);
  return true;
}

const { file, isDryRun } = readArguments();
const { name, version, repository } = checkedManifest(file);
if (!isDryRun) {
  checkNpm();
  if (repository === undefined)
    fail(
      `${file} names no repository: assemble it in the workflow, or set GITHUB_REPOSITORY for that`,
    );
  if (isPublished(file, name, version)) {
    console.log(`${name}@${version} is published already: npm has this very file`);
    process.exit(0);
  }
}
console.log(`publishing ${name}@${version} as ${distTagOf(version)}`);
const options = ['--access', 'public', '--tag', distTagOf(version)];
run('npm', ['publish', file, ...options, ...(isDryRun ? ['--dry-run'] : ['--provenance'])]);
