// `npm run test:binaries [-- OPTIONS]`: uses each prebuilt binary in a process of its architecture
// and C library: the package's own loader has to choose it, io_uring is probed, and where it is there, everything that
// tarball-consumer/behaviours.mjs does has to work.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fail, readOptions, root } from './common.mjs';
import { missingRunner, runnerFor } from './smoke/runners.mjs';
import { Checklist, expectNone, Missing } from './tarball/checklist.mjs';
import { Consumer } from './tarball/consumer.mjs';
import { checkBehaviours } from './tarball/runtimes.mjs';
import { skippedResult, stepResult, writeResult } from './test-results.mjs';
import { binaryPath, missingTools, targets, targetsNamed } from './toolchains.mjs';

const USAGE = `npm run test:binaries [-- OPTIONS]
  --target NAME   one of ${targets.map((target) => target.name).join(', ')};
                  may be repeated (default: all)
  --vm            run those for another processor in an emulated machine with Linux 6.1, which has io_uring;
                  otherwise in an emulated process, which has none: they are loaded and probe
  --skip-missing  pass over what cannot be run here, by name; otherwise it fails`;

/** The package as it is installed: no build/Release, which the loader would prefer. */
function placePackage(consumer) {
  const installed = path.join(consumer.folder, 'node_modules', 'proactor');
  for (const name of ['package.json', 'dist', 'prebuilds']) {
    const source = path.join(root, name);
    if (!existsSync(source)) fail(`${name} is missing: npm run build:ts && npm run prebuild`);
    cpSync(source, path.join(installed, name), { recursive: true });
  }
}

function missingBinary(target) {
  if (existsSync(path.join(root, binaryPath(target)))) return [];
  const command = `npm run prebuild -- --target ${target.name}`;
  return [...missingTools(target), `there is no ${binaryPath(target)} (${command})`];
}

/** What using a target's binary lacks here, in words. */
function missingFor(target) {
  return [...new Set([...missingBinary(target), ...missingRunner(target, options)])];
}

/** Throws unless the program's report is what it should be. Returns what probe() said. */
function judge(target, { hasRing }, { arch, binaries, report }) {
  const expected = `/node_modules/proactor/${binaryPath(target)}`;
  const problems = [];
  if (arch !== target.arch) problems.push(`ran on ${arch}`);
  if (binaries.length !== 1 || !binaries[0].endsWith(expected))
    problems.push(`loaded ${binaries.join(', ') || 'nothing'}, and not ${expected}`);
  // qemu's user emulation passes most system calls on, but not those of io_uring.
  const isRefused =
    report.errno === -constants.errno.ENOSYS && /io_uring_setup/.test(report.reason);
  if (!report.available && (hasRing || !isRefused)) problems.push(`probe(): ${report.reason}`);
  expectNone(problems);
  return report;
}

async function smoke({ target, missing }) {
  const { name } = target;
  const runner = await checklist.check(`${name}: can be run here`, () => {
    if (missing.length > 0) throw new Missing(missing.join('; '));
    return runnerFor(target, options);
  });
  if (runner === undefined) return;
  const { runtime, command } = runner;
  const report = await checklist.check(`${name}: ${runtime} loads it and probes`, async () => {
    const printed = await consumer.output([...command, 'probe.mjs']);
    return judge(target, runner, JSON.parse(printed));
  });
  if (report?.available) await checkBehaviours(checklist, consumer, { label: name, ...runner });
  else if (report) console.log(`        probed only, since ${report.reason}`);
}

const options = readOptions(
  {
    target: { type: 'string', multiple: true },
    vm: { type: 'boolean' },
    'skip-missing': { type: 'boolean' },
  },
  USAGE,
);
const wanted = (options.target ? targetsNamed(options.target) : targets).map((target) => ({
  target,
  missing: missingFor(target),
}));
const reasons = wanted.flatMap(({ target, missing }) =>
  missing.map((reason) => `${target.name}: ${reason}`),
);
if (reasons.length > 0 && !options['skip-missing']) fail(reasons.join('\n  '));
mkdirSync(path.join(root, 'build', 'smoke'), { recursive: true });
const folder = mkdtempSync(path.join(root, 'build', 'smoke', 'run-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const consumer = new Consumer(folder, process.execPath);
placePackage(consumer);
consumer.addPrograms();
const checklist = new Checklist(
  options['skip-missing'] ? skippedResult : (name) => stepResult(name, false),
);
for (const target of wanted) await smoke(target);

writeResult('smoke', checklist.result);
const { passed, failed, skipped } = checklist.result;
console.log(`${passed} checks passed, ${failed.length} failed, ${skipped.length} missing`);
process.exit(failed.length > 0 ? 1 : 0);
