// `npm run release:assemble -- [--prebuilds DIR] [--out FILE]`: packs the package with the binaries of all targets, as it is
// published. The binaries come from `npm run prebuild -- --all`, or from the workflow's artefacts of it.
import path from 'node:path';
import { fail, readOptions, root, run } from './common.mjs';
import { checkPrebuilds, packInto } from './tarball/pack.mjs';
import { targets } from './toolchains.mjs';

const USAGE = `npm run release:assemble [-- OPTIONS]
  --prebuilds DIR  where the binaries are, as linux-<arch>/proactor.<libc>.node; prebuilds unless given
  --out FILE       the tarball to make; build/release/proactor.tgz unless given`;

const options = readOptions(
  {
    prebuilds: { type: 'string', default: path.join(root, 'prebuilds') },
    out: { type: 'string', default: path.join(root, 'build', 'release', 'proactor.tgz') },
  },
  USAGE,
);
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
