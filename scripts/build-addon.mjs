// Builds build/Release/proactor.node with node-gyp. On other systems than Linux there is nothing to build.
import { fail, nodeHeadersPrefix, requireNativeSources, run } from './common.mjs';

if (process.platform !== 'linux') {
  console.log('build:addon: io_uring is Linux only, no addon is built here');
  process.exit(0);
}
requireNativeSources();
if (Number(process.versions.node.split('.')[0]) < 20) fail('Node 20 or newer is needed');
const prefix = nodeHeadersPrefix();
const isDebug = process.argv.includes('--debug');
run('node-gyp', [
  'configure',
  'build',
  isDebug ? '--debug' : '--release',
  '--jobs=2',
  '--loglevel=warn',
  ...(prefix ? [`--nodedir=${prefix}`] : []),
]);
