// Makes prebuilds/linux-<arch>/proactor.<libc>.node, the binary that the published package carries.
// (Its npm name, `prebuild`, is also npm's hook before a script called `build`; hence `build:all`.)
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, listFiles, nodeHeadersPrefix, requireNativeSources, root, run } from './common.mjs';

if (process.platform !== 'linux') fail('the addon is built on Linux only');
requireNativeSources();

// prebuildify runs `node-gyp rebuild`, which empties build/: it works on a copy, not on the developer's build.
const stage = path.join(root, 'build', 'prebuild-stage');
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const name of ['package.json', 'binding.gyp', 'native']) {
  cpSync(path.join(root, name), path.join(stage, name), { recursive: true });
}
const prefix = nodeHeadersPrefix();
run('prebuildify', ['--napi', '--strip', '--tag-libc', '--cwd', stage, '--out', root], {
  env: prefix ? { npm_config_nodedir: prefix } : {},
});

const output = path.join(root, 'prebuilds', `linux-${process.arch}`);
run(process.execPath, [
  'scripts/check-binary.mjs',
  ...listFiles(output, '.node').map((name) => path.join(output, name)),
]);
