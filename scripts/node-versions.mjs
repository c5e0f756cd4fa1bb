// `npm run test:node-versions -- 20 22 24`: runs the jest suite under the newest Node of each given line, taken from npm
// (node-linux-<arch>) into build/node-versions, and prints a table. Needs `npm run build:all` first: one binary serves all.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Table from 'cli-table3';
import { fail, root, run } from './common.mjs';
import { runJest } from './jest-run.mjs';

const cache = path.join(root, 'build', 'node-versions');

/** Installs a Node of the given line, if need be, and returns its binary. */
function install(line) {
  const folder = path.join(cache, line);
  const name = `node-linux-${process.arch}`;
  const binary = path.join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  console.log(`installing ${name}@${line}`);
  run('npm', ['install', '--no-save', '--ignore-scripts', '--silent', `${name}@${line}`], {
    cwd: folder,
  });
  return binary;
}

async function suite(line) {
  const node = install(line);
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\n== ${version}`);
  const startMs = Date.now();
  const result = await runJest({
    name: `jest on ${version}`,
    node,
    output: path.join(cache, `${line}.json`),
    args: jestArguments,
    // Programs that tests start with `node` are to be of the same version.
    env: { PATH: `${path.dirname(node)}:${process.env.PATH}` },
  });
  for (const name of result.failed) console.log(`FAILED: ${name}`);
  return { version, result, seconds: (Date.now() - startMs) / 1000 };
}

const separator = process.argv.indexOf('--', 2);
const lines = process.argv.slice(2, separator < 0 ? undefined : separator);
const jestArguments = separator < 0 ? [] : process.argv.slice(separator + 1);
if (process.platform !== 'linux') fail('io_uring is Linux only');
if (lines.length === 0 || !lines.every((line) => /^\d+(\.\d+)*$/.test(line))) {
  fail('usage: node-versions.mjs LINE... [-- jest options], for example: 20 22 24 26');
}
run(process.execPath, ['scripts/compile.mjs', 'test']);
const table = new Table({
  head: ['node', 'passed', 'failed', 'skipped', 'seconds'],
  style: { head: [], border: [] },
});
let hasFailed = false;
for (const line of lines) {
  const { version, result, seconds } = await suite(line);
  hasFailed ||= result.failed.length > 0 || result.passed === 0;
  table.push([
    version,
    result.passed,
    result.failed.length,
    result.skipped.length,
    seconds.toFixed(1),
  ]);
}
console.log(table.toString());
process.exit(hasFailed ? 1 : 0);
