// `npm run test:kernels -- 6.1 6.12 [-- jest options]`: runs the jest suite on each kernel, in test/vm's virtual machines,
// in several parts, and prints a table and what was skipped. Needs `npm run build:all` first.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Table from 'cli-table3';
import { missingFor } from '../test/vm/requirements.mjs';
import { fail, root, run } from './common.mjs';
import { readJest, stepResult, sumResults } from './test-results.mjs';

// Each part is a machine of its own: one that hangs costs no more than its time.
const PARTS = 6;
const PART_LIMIT_S = 1800;
const results = path.join(root, 'build', 'results');

function missingBuild() {
  const files = ['build/Release/proactor.node', 'dist/index.js'];
  const missing = files.filter((file) => !existsSync(path.join(root, file)));
  return missing.map((file) => `there is no ${file} (npm run build:all)`);
}

function missingKernel(kernel) {
  return missingFor({ kernel, arch: process.arch });
}

/** One part of the suite on one kernel. What a guest writes is gone with it, so the report comes by its output. */
async function part(kernel, index) {
  const name = `Linux ${kernel}, part ${index} of ${PARTS}`;
  const command = [process.execPath, 'node_modules/jest/bin/jest.js', '--json'];
  const child = spawn(
    process.execPath,
    [
      'test/vm/run.mjs',
      ...['--kernel', kernel, '--timeout', String(PART_LIMIT_S), '--'],
      ...[...command, `--shard=${index}/${PARTS}`, '--passWithNoTests', ...jestArguments],
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  // Programs that tests start may print something of their own, before or behind.
  const report = output.split('\n').find((line) => line.startsWith('{"numFailedTestSuites"'));
  if (report === undefined) return stepResult(`${name} ended with ${code} and no report`, false);
  const file = path.join(results, `kernel-${kernel}-${index}.json`);
  writeFileSync(file, report);
  const result = readJest(file);
  if (code !== 0 && result.failed.length === 0) result.failed.push(`${name} ended with ${code}`);
  return result;
}

async function suite(kernel) {
  const startMs = Date.now();
  const parts = [];
  for (let index = 1; index <= PARTS; index++) {
    console.log(`\n== Linux ${kernel}, part ${index} of ${PARTS}`);
    parts.push(await part(kernel, index));
  }
  const result = sumResults(parts);
  for (const name of result.skipped) console.log(`skipped: ${name}`);
  for (const name of result.failed) console.log(`FAILED: ${name}`);
  return { result, minutes: (Date.now() - startMs) / 60_000 };
}

const separator = process.argv.indexOf('--', 2);
const kernels = process.argv.slice(2, separator < 0 ? undefined : separator);
const jestArguments = separator < 0 ? [] : process.argv.slice(separator + 1);
if (kernels.length === 0) {
  fail('usage: kernels.mjs KERNEL... [-- jest options], for example: 6.1 6.12');
}
const missing = [...missingBuild(), ...kernels.flatMap(missingKernel)];
if (missing.length > 0) fail(['missing here:', ...new Set(missing)].join('\n  '));
for (const kernel of kernels) {
  console.log(`starting Linux ${kernel} once`);
  run(process.execPath, ['test/vm/run.mjs', '--kernel', kernel, '--', 'true']);
}
run(process.execPath, ['scripts/compile.mjs', 'test']);
mkdirSync(results, { recursive: true });
const table = new Table({
  head: ['kernel', 'passed', 'failed', 'skipped', 'minutes'],
  style: { head: [], border: [] },
});
let hasFailed = false;
for (const kernel of kernels) {
  const { result, minutes } = await suite(kernel);
  hasFailed ||= result.failed.length > 0 || result.passed === 0;
  const counts = [result.passed, result.failed.length, result.skipped.length];
  table.push([path.basename(kernel), ...counts, minutes.toFixed(1)]);
}
console.log(table.toString());
process.exit(hasFailed ? 1 : 0);
