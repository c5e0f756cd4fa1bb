// `npm run release:assemble -- [--prebuilds DIR] [--out FILE]`: packs the package with the binaries of all targets, as it is
// published. The binaries come from `npm run prebuild -- --all`, or from the workflow's artefacts of it.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fail, root, run } from './common.mjs';
import { checkPrebuilds, packInto } from './tarball/pack.mjs';
import { targets } from './toolchains.mjs';

const USAGE = `npm run release:assemble [-- OPTIONS]
  --prebuilds DIR  where the binaries are, as linux-<arch>/proactor.<libc>.node; prebuilds unless given
  --out FILE       the tarball to make; build/release/proactor.tgz unless given`;

function readOptions() {
  const options = {
    prebuilds: { type: 'string', default: path.join(root, 'prebuilds') },
    out: { type: 'string', default: path.join(root, 'build', 'release', 'proactor.tgz') },
    help: { type: 'boolean' },
  };
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`);
  }
}

const options = readOptions();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const prebuilds = path.resolve(options.prebuilds);
const out = path.resolve(options.out);
try {
  checkPrebuilds(prebuilds, targets);
  run(process.execPath, ['scripts/compile.mjs', 'lib']);
  packInto(out, { prebuilds, targets });
} catch (error) {
  fail(`no tarball was made:\n    ${error.message}`);
}
console.log(path.relative('.', out));
