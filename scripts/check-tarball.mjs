// `npm run test:package`: packs the package and uses it as a stranger would: what is in the tarball, whether it installs
// without scripts and compilers, imports, type-checks, and works on every runtime.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, readOptions, root, run } from './common.mjs';
import { installNode, installPinned } from './runtimes.mjs';
import { Checklist, Missing } from './tarball/checklist.mjs';
import { checkCommands } from './tarball/cli.mjs';
import { Consumer, ownNpm } from './tarball/consumer.mjs';
import { checkContents, checkManifest, readTarball } from './tarball/contents.mjs';
import { packInto } from './tarball/pack.mjs';
import { checkRuntimes } from './tarball/runtimes.mjs';
import { checkTypes } from './tarball/types.mjs';
import { writeResult } from './test-results.mjs';
import { binaryPath, hostTarget, targets } from './toolchains.mjs';

const USAGE = `npm run test:package [-- OPTIONS]
  --tarball FILE  check this one, instead of packing the checkout
  --prebuilt      pack what is in dist and prebuilds, without building it
  --release       every binary of a release must be in it, not only this machine's
  --keep          leave the temporary folder`;

const options = readOptions(
  {
    tarball: { type: 'string' },
    prebuilt: { type: 'boolean' },
    release: { type: 'boolean' },
    keep: { type: 'boolean' },
  },
  USAGE,
);
const folder = mkdtempSync(path.join(tmpdir(), 'proactor-tarball-'));
process.on('exit', () => {
  if (options.keep) console.log(`left: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
});

/** Packs the checkout with this machine's own binary. */
function pack() {
  if (!options.prebuilt) run('npm', ['run', '--silent', 'prepack']);
  const file = path.join(folder, 'proactor.tgz');
  try {
    packInto(file, { prebuilds: path.join(root, 'prebuilds'), targets: [hostTarget()] });
  } catch (error) {
    fail(`the package cannot be packed:\n    ${error.message}`);
  }
  return file;
}

/** Runs a checker of node_modules/.bin on the tarball. */
function checkWith(command, args) {
  const bin = path.join(root, 'node_modules', '.bin', command);
  const result = spawnSync(bin, args, { cwd: folder, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`ended with ${result.status}\n${result.stdout}${result.stderr}`);
}

const tarball = options.tarball === undefined ? pack() : path.resolve(options.tarball);
const checklist = new Checklist();
const packed = await checklist.check('the tarball can be read', () => readTarball(tarball));
if (packed === undefined) process.exit(1);
const binaries = (options.release ? targets : [hostTarget()]).map(binaryPath);
await checklist.check('has what it needs and nothing else', () => checkContents(packed, binaries));
await checklist.check('runs nothing, brings nothing, shuts out nobody', () =>
  checkManifest(packed),
);
await checklist.check('publint', () => checkWith('publint', [tarball, '--strict']));
await checklist.check('are the types wrong?', () =>
  checkWith('attw', [tarball, '--profile', 'strict']),
);

const consumer = new Consumer(folder, process.execPath);
await checklist.check('there is no compiler where it is installed', () =>
  consumer.checkNoCompiler(),
);
await checklist.check('installs with scripts disabled', () =>
  consumer.install(tarball, ownNpm(), ['--ignore-scripts']),
);
consumer.addPrograms();
for (const program of ['import.mjs', 'require.cjs', 'elsewhere.cjs']) {
  await checklist.check(`runs ${program}`, () => consumer.output([consumer.node, program]));
}
await checkCommands(checklist, consumer);
await checkTypes(checklist, consumer);
await checkRuntimes(checklist, consumer);

await checklist.check('installs with npm 12, which runs no scripts, and works', async () => {
  const [npm, node] = [installPinned('npm'), installNode('24')];
  if (npm === undefined || node === undefined) throw new Missing('it cannot be installed');
  const other = new Consumer(path.join(folder, 'npm-12'), node);
  await other.install(tarball, npm, []);
  other.addPrograms();
  await other.output([node, 'import.mjs']);
  const outcome = await other.output([node, 'behaviours.mjs', 'the default dispatch']);
  if (outcome !== 'works\n') throw new Error(outcome);
});

writeResult('package', checklist.result);
const { passed, failed, skipped } = checklist.result;
console.log(
  `${path.basename(tarball)}: ${passed} checks passed, ${failed.length} failed, ${skipped.length} missing`,
);
process.exit(failed.length > 0 ? 1 : 0);
