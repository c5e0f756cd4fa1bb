// Makes prebuilds/linux-<arch>/proactor.<libc>.node, the binaries that the published package carries: this machine's own,
// or those of `--target NAME` (repeated), or with `--all` every one. A target that cannot be made here fails with what is
// missing; with `--skip-missing` it is passed over, in words.
// (Its npm name, `prebuild`, is also npm's hook before a script called `build`; hence `build:all`.)
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  fail,
  nodeHeadersPrefix,
  readOptions,
  requireNativeSources,
  root,
  run,
} from './common.mjs';
import {
  binaryPath,
  hostTarget,
  missingTools,
  targets,
  targetsNamed,
  toolchainFor,
} from './toolchains.mjs';

const USAGE = 'usage: prebuild.mjs [--all | --target NAME...] [--skip-missing]';

function wantedTargets({ all, target }) {
  if (all && target) fail('--all and --target exclude each other');
  if (all) return targets;
  if (target) return targetsNamed(target);
  return [hostTarget() ?? fail(`there is no target for ${process.arch}`)];
}

function build(target, { env, strip }) {
  // prebuildify runs `node-gyp rebuild`, which empties build/: it works on a copy, not on the developer's build.
  const stage = path.join(root, 'build', 'prebuild-stage', target.name);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const name of ['package.json', 'binding.gyp', 'native']) {
    cpSync(path.join(root, name), path.join(stage, name), { recursive: true });
  }
  const output = path.join(root, binaryPath(target));
  rmSync(output, { force: true });
  const prefix = nodeHeadersPrefix();
  const gyp = ['--arch', target.arch, '--napi', '--cwd', stage, '--out', root];
  run('prebuildify', [...gyp, '--strip', '--strip-bin', strip, '--tag-libc', target.libc], {
    env: { JOBS: '2', ...(prefix ? { npm_config_nodedir: prefix } : {}), ...env },
  });
  if (!existsSync(output)) fail(`${target.name}: nothing was made at ${binaryPath(target)}`);
  return output;
}

if (process.platform !== 'linux') fail('the addon is built on Linux only');
requireNativeSources();
const wanted = readOptions(
  {
    all: { type: 'boolean' },
    target: { type: 'string', multiple: true },
    'skip-missing': { type: 'boolean' },
  },
  USAGE,
);
const planned = wantedTargets(wanted).map((target) => ({ target, missing: missingTools(target) }));
const reasons = planned.flatMap(({ target, missing }) =>
  missing.map((reason) => `${target.name}: ${reason}`),
);
if (reasons.length > 0 && !wanted['skip-missing']) fail(reasons.join('\n  '));
const built = [];
for (const { target, missing } of planned) {
  if (missing.length > 0) {
    // An older one would look as if it were of these sources.
    rmSync(path.join(root, binaryPath(target)), { force: true });
  } else {
    console.log(`prebuild: ${target.name}`);
    built.push(build(target, toolchainFor(target)));
  }
}
for (const reason of reasons) console.log(`skipped: ${reason}`);
if (built.length > 0) run(process.execPath, ['scripts/check-binary.mjs', ...built]);
