// `npm test`: builds, then runs every suite, or the stages named as arguments. Counts come from the runners' own
// machine-readable results; the last line is `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Ahead } from './ahead.mjs';
import { listFiles, root, status } from './common.mjs';
import { runJest, runtimeTests } from './jest-run.mjs';
import { nodeLines } from './runtimes.mjs';
import {
  labelled,
  missingResult,
  readJunit,
  readResult,
  removeResult,
  stepResult,
  sumResults,
} from './test-results.mjs';

const resultsFolder = path.join(root, 'build', 'results');
const has = (name) => existsSync(path.join(root, name));

function step(name, command, args, options) {
  return stepResult(name, status(command, args, options) === 0);
}

/** What a script that writes its results found. */
function scripted(name, args) {
  removeResult(name);
  const code = status(process.execPath, args);
  const result = labelled(readResult(name), name);
  if (code === 0 || result.failed.length > 0) return result;
  return sumResults([result, stepResult(`${name} ended with ${code}`, false)]);
}

function jest(name, args, env) {
  return runJest({ name, output: path.join(resultsFolder, `${name}.json`), args, env });
}

// What stages compile beforehand.
const ahead = new Ahead();
const builds = {
  native: ['scripts/cmake.mjs', 'dev'],
  asan: ['scripts/cmake.mjs', 'asan'],
  tsan: ['scripts/cmake.mjs', 'tsan'],
  prebuild: ['scripts/prebuild.mjs', '--all', '--skip-missing'],
};

/** The native unit tests in one CMake configuration, that of a stage. */
async function ctest(stage, configuration = stage) {
  const name = `native unit tests (${configuration})`;
  if (!has('test/native/CMakeLists.txt')) return missingResult(`${name}: test/native is missing`);
  if (spawnSync('cmake', ['--version']).error)
    return missingResult(`${name}: cmake is not installed`);
  if (!(await ahead.works(stage))) return stepResult(`${name}: build`, false);
  const output = path.join(resultsFolder, `ctest-${configuration}.xml`);
  rmSync(output, { force: true });
  const command = [
    'ctest',
    '--test-dir',
    path.join('build', `cmake-${configuration}`),
    '--output-on-failure',
    '--timeout',
    '120',
    '--output-junit',
    output,
  ];
  // ThreadSanitizer cannot place its shadow memory with as much address randomization as new kernels use.
  if (configuration === 'tsan') command.unshift('setarch', '-R');
  const code = status(command[0], command.slice(1));
  const result = readJunit(output);
  if (code !== 0 && result.failed.length === 0)
    result.failed.push(`${name}: ctest ended with ${code}`);
  return labelled(result, `native ${configuration}`);
}

/** The soak tests on the addon with AddressSanitizer and UndefinedBehaviorSanitizer, inside an ordinary Node. */
async function sanitizedSoak() {
  const name = 'soak (asan, ubsan)';
  if (listFiles(path.join(root, 'test', 'soak'), '.test.ts').length === 0) {
    return missingResult(`${name}: test/soak is missing`);
  }
  if (!(await ahead.works('asan'))) return stepResult(`${name}: build`, false);
  const runtime = spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  return jest('soak-asan', ['--testPathPatterns=build/test/soak/'], {
    LD_PRELOAD: runtime.stdout.trim(),
    PROACTOR_ADDON: path.join(root, 'build', 'cmake-asan', 'proactor.node'),
    // V8 keeps what LeakSanitizer calls leaks; the soak itself checks what the addon has mapped.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
}

// The `versions` stage: the lines of Node that the others do not run on. The whole suite on each is
// `npm run test:node-versions`, which takes minutes a line.
const otherLines = nodeLines.filter((line) => line !== process.versions.node.split('.')[0]);

// Whether the package has what was built from these sources.
let isPrebuilt = false;

const stages = {
  lint: () => step('lint', 'biome', ['check', '--error-on-warnings']),
  docs: () => step('API reference (npm run docs)', process.execPath, ['scripts/docs.mjs']),
  jest: async () => {
    if (status(process.execPath, ['scripts/compile.mjs', 'test']) !== 0) {
      return stepResult('tests compile', false);
    }
    return jest('jest', []);
  },
  native: () => ctest('native', 'dev'),
  asan: async () => sumResults([await ctest('asan'), await sanitizedSoak()]),
  tsan: () => ctest('tsan'),
  // Two files at a time, since most wait most of the time; one at a time only jest tells who leaves a handle open.
  versions: () => {
    const args = [...otherLines, '--', '--maxWorkers=2', ...runtimeTests];
    return scripted('node-versions', ['scripts/node-versions.mjs', ...args]);
  },
  // Every published binary that can be made here, then used in a process of its architecture and C library.
  prebuild: async () => {
    isPrebuilt = await ahead.works('prebuild');
    if (!isPrebuilt) return stepResult('prebuild --all', false);
    return scripted('smoke', ['scripts/smoke-binary.mjs', '--skip-missing']);
  },
  package: () =>
    scripted('package', ['scripts/check-tarball.mjs', ...(isPrebuilt ? ['--prebuilt'] : [])]),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in stages));
if (unknown.length > 0) {
  console.error(`unknown stage ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}`);
  process.exit(2);
}
mkdirSync(resultsFolder, { recursive: true });
const results = [];
console.log('== build');
const isBuilt = status('npm', ['run', '--silent', 'build:all']) === 0;
if (!isBuilt) results.push(stepResult('build', false));
const chosen = Object.keys(stages).filter((name) => wanted.length === 0 || wanted.includes(name));
for (const name of isBuilt ? chosen : []) if (name in builds) ahead.start(name, builds[name]);
for (const name of isBuilt ? chosen : []) {
  console.log(`== ${name}`);
  const startMs = Date.now();
  const result = await stages[name]();
  results.push(result);
  console.log(`== ${name} took ${((Date.now() - startMs) / 1000).toFixed(1)} s`);
}

const total = sumResults(results);
for (const name of total.skipped) console.log(`skipped: ${name}`);
for (const name of total.failed) console.log(`FAILED: ${name}`);
console.log(
  `${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`,
);
process.exit(total.failed.length > 0 || total.passed === 0 ? 1 : 0);
