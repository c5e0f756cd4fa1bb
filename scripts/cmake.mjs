// Builds with CMake through cmake-js: `node scripts/cmake.mjs dev|release|asan|tsan [TARGET]` into build/cmake-<config>.
// Downloads nothing: the Node-API headers come from npm, uv.h from the installed Node or node-gyp's cache.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail, nodeHeadersPrefix, root, run } from './common.mjs';

const configurations = {
  dev: { type: 'RelWithDebInfo', sanitize: 'none' },
  release: { type: 'Release', sanitize: 'none' },
  asan: { type: 'RelWithDebInfo', sanitize: 'address,undefined' },
  tsan: { type: 'RelWithDebInfo', sanitize: 'thread' },
};

const [name, target] = process.argv.slice(2);
const configuration = configurations[name];
if (!configuration) fail(`usage: cmake.mjs ${Object.keys(configurations).join('|')} [TARGET]`);
if (spawnSync('cmake', ['--version']).error) {
  fail('cmake 3.21 or newer is needed for this (Debian, Ubuntu: apt-get install cmake)');
}
const prefix = nodeHeadersPrefix();
if (!prefix) fail('uv.h not found: run "npm run build:addon" once, or set npm_config_nodedir');
const options = [
  '--out',
  path.join(root, 'build', `cmake-${name}`),
  '--config',
  configuration.type,
  '--log-level',
  'warn',
  `--CDPROACTOR_SANITIZE=${configuration.sanitize}`,
  `--CDNODE_HEADERS=${path.join(prefix, 'include', 'node')}`,
];
// cmake-js takes nodedir for a place to download to; here it must not.
const env = { npm_config_nodedir: '', CMAKE_BUILD_PARALLEL_LEVEL: '2' };
run('cmake-js', ['configure', ...options], { env });
run('cmake-js', ['build', ...options, ...(target ? ['--target', target] : [])], { env });
