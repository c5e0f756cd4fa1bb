// `npm run test:node-versions -- 20 22 24 26 [-- JEST-ARGUMENTS]`: runs the jest suite under the newest Node of each given
// line, all of them unless some are given, and prints a table. Needs `npm run build:all` first: one binary serves all.
import path from 'node:path';
import Table from 'cli-table3';
import { fail, root, run } from './common.mjs';
import { runJest } from './jest-run.mjs';
import { installNode, nodeLines, versionOf } from './runtimes.mjs';
import { labelled, missingResult, sumResults, writeResult } from './test-results.mjs';

const resultsFolder = path.join(root, 'build', 'results');

/** Runs jest with `jestArguments` under the newest Node of a line. */
async function suite(line, jestArguments) {
  const node = installNode(line);
  if (node === undefined) {
    return { version: line, result: missingResult(`jest on Node ${line}: it cannot be installed`) };
  }
  const version = versionOf([node]);
  console.log(`== Node ${version}`);
  const result = await runJest({
    name: 'jest',
    node,
    output: path.join(resultsFolder, `jest-node-${line}.json`),
    args: jestArguments,
    // Programs that tests start with `node` are to be of the same version.
    env: { PATH: `${path.dirname(node)}:${process.env.PATH}` },
  });
  return { version, result: labelled(result, `Node ${version}`) };
}

const separator = process.argv.indexOf('--', 2);
const given = process.argv.slice(2, separator < 0 ? undefined : separator);
const jestArguments = separator < 0 ? [] : process.argv.slice(separator + 1);
const wrong = given.filter((line) => !/^\d+(\.\d+){0,2}$/.test(line));
if (wrong.length > 0) {
  fail(
    `usage: node-versions.mjs [${nodeLines.join(' ')}] [-- JEST-ARGUMENTS]; not ${wrong.join(' ')}`,
  );
}
run(process.execPath, ['scripts/compile.mjs', 'test']);

const table = new Table({
  head: ['node', 'passed', 'failed', 'skipped', 'seconds'],
  style: { head: [], border: [] },
});
const results = [];
for (const line of given.length > 0 ? given : nodeLines) {
  const startMs = Date.now();
  const { version, result } = await suite(line, jestArguments);
  const { passed, failed, skipped } = result;
  for (const name of failed) console.log(`FAILED: ${name}`);
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  table.push([version, passed, failed.length, skipped.length, seconds]);
  results.push(result);
}
console.log(table.toString());
const total = sumResults(results);
for (const name of total.skipped) console.log(`skipped: ${name}`);
writeResult('node-versions', total);
process.exit(total.failed.length > 0 || total.passed === 0 ? 1 : 0);
