// Packs the package in a staging folder: what npm would pack of the checkout, with binaries from any folder. The same for a
// release and for the tests of the package, so that what is tested is what is published.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { binaryProblems } from '../check-binary.mjs';
import { root } from '../common.mjs';
import { binaryPath } from '../toolchains.mjs';
import { expectNone } from './checklist.mjs';
import { checkContents, checkManifest, readTarball } from './contents.mjs';

/** Runs `npm pack` on a folder, without its scripts, and returns what npm says of the tarball. */
function npmPack(folder, options) {
  const args = ['pack', '--json', '--loglevel=error', '--ignore-scripts', ...options];
  const result = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 16 << 20 });
  if (result.status !== 0)
    throw new Error(`npm pack ended with ${result.status}\n${result.stdout}${result.stderr}`);
  const [packed] = Object.values(JSON.parse(result.stdout));
  return packed;
}

/** Throws unless the binary of every target is in `folder` and is as it must be. */
export function checkPrebuilds(folder, targets) {
  const problems = targets.flatMap((target) => {
    const file = path.join(folder, path.relative('prebuilds', binaryPath(target)));
    if (!existsSync(file)) return [`${target.name}: there is no ${file}`];
    return binaryProblems(file).map((problem) => `${target.name}: ${file} ${problem}`);
  });
  expectNone(problems);
}

/** The manifest of this checkout, with the repository that a workflow runs for: a proof of provenance is of that one. */
function manifest({ GITHUB_REPOSITORY, GITHUB_SERVER_URL = 'https://github.com' }) {
  const own = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  if (!GITHUB_REPOSITORY) return own;
  const url = `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`;
  return { ...own, repository: { type: 'git', url } };
}

function stage(folder, prebuilds, targets) {
  const { files } = npmPack(root, ['--dry-run']);
  for (const { path: name } of files.filter((file) => !file.path.startsWith('prebuilds/')))
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  for (const target of targets) {
    const name = binaryPath(target);
    cpSync(path.join(prebuilds, path.relative('prebuilds', name)), path.join(folder, name));
  }
  const text = `${JSON.stringify(manifest(process.env), null, 2)}\n`;
  writeFileSync(path.join(folder, 'package.json'), text);
}

/**
 * Packs what is built in this checkout and, from the folder `prebuilds`, the binaries of `targets` into the tarball `out`.
 * Throws when the tarball is not as it must be.
 */
export function packInto(out, { prebuilds, targets }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'proactor-pack-'));
  try {
    const staged = path.join(folder, 'package');
    stage(staged, prebuilds, targets);
    const { filename } = npmPack(staged, ['--pack-destination', folder]);
    mkdirSync(path.dirname(out), { recursive: true });
    copyFileSync(path.join(folder, filename), out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const packed = readTarball(out);
  checkContents(packed, targets.map(binaryPath));
  checkManifest(packed);
}
