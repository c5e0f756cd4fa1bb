// Reads what the test runners wrote for machines into one shape: { passed, failed: [names], skipped: [names] }.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './common.mjs';

/** A result of its own for a step that either works or does not. */
export function stepResult(name, hasPassed) {
  return { passed: hasPassed ? 1 : 0, failed: hasPassed ? [] : [name], skipped: [] };
}

export function skippedResult(name) {
  return { passed: 0, failed: [], skipped: [name] };
}

/** What is needed is not there: a skip that everybody sees, but in CI, where everything must be there, a failure. */
export function missingResult(name) {
  return process.env.CI ? stepResult(name, false) : skippedResult(name);
}

/** The same result with `label` behind each name. */
export function labelled({ passed, failed, skipped }, label) {
  const name = (test) => `${test} [${label}]`;
  return { passed, failed: failed.map(name), skipped: skipped.map(name) };
}

const resultFile = (name) => path.join(root, 'build', 'results', `${name}.json`);

/** What a script of this project found, for `npm test` to add up. */
export function writeResult(name, result) {
  mkdirSync(path.dirname(resultFile(name)), { recursive: true });
  writeFileSync(resultFile(name), `${JSON.stringify(result, null, 2)}\n`);
}

export function readResult(name) {
  if (!existsSync(resultFile(name))) return stepResult(`${name} wrote no results`, false);
  return JSON.parse(readFileSync(resultFile(name), 'utf8'));
}

export function removeResult(name) {
  rmSync(resultFile(name), { force: true });
}

export function sumResults(results) {
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failed: results.flatMap((result) => result.failed),
    skipped: results.flatMap((result) => result.skipped),
  };
}

/** jest --json. A file that could not run counts as one failure. */
export function readJest(file) {
  if (!existsSync(file)) return { passed: 0, failed: ['jest wrote no results'], skipped: [] };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const result = { passed: 0, failed: [], skipped: [] };
  for (const suite of report.testResults) {
    if (suite.status === 'failed' && suite.assertionResults.length === 0)
      result.failed.push(suite.name);
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') result.passed += 1;
      else if (test.status === 'failed') result.failed.push(test.fullName);
      else result.skipped.push(test.fullName);
    }
  }
  return result;
}

/** The test files of a jest --json report. */
export function readJestFiles(file) {
  return JSON.parse(readFileSync(file, 'utf8')).testResults.map((suite) => suite.name);
}

const ENTITIES = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' };

/** ctest --output-junit. A test that could not be run has <skipped> too: only the skip code's one counts. */
export function readJunit(file) {
  if (!existsSync(file)) return { passed: 0, failed: ['ctest wrote no results'], skipped: [] };
  const result = { passed: 0, failed: [], skipped: [] };
  const cases = readFileSync(file, 'utf8').matchAll(
    /<testcase name="([^"]*)"[^>]*status="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  for (const [, escapedName, status, body = ''] of cases) {
    const name = escapedName.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
    if (body.includes('<skipped message="SKIP_') || status === 'disabled')
      result.skipped.push(name);
    else if (status === 'run') result.passed += 1;
    else result.failed.push(name);
  }
  return result;
}
