// `npm run test:node-core -- CHECKOUT [OPTIONS]`: runs Node's own tests of `net`, and of what stands on it, with this
// package's `net` in the place of Node's. The last line is `N passed, N failed, N skipped`.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, readOptions } from './common.mjs';
import { exceptionsFile, noExceptions, readExceptions } from './node-core/exceptions.mjs';
import { judge } from './node-core/judge.mjs';
import { listByReason, printTest, summaryOf } from './node-core/print.mjs';
import { isAttached, suiteNames, testsOf } from './node-core/suites.mjs';

const USAGE = `npm run test:node-core -- CHECKOUT [OPTIONS]
  CHECKOUT           of Node's sources, or of no more than its test folder
  --suite NAME       ${suiteNames.join(', ')} (default: net); may be repeated
  --only PATTERN     only the tests whose name this regular expression finds
  --net WHICH        proactor (default), or node, which shows what this script itself does to the tests
  --dispatch NAME    loop or thread (default: what proactor/net takes by itself)
  --node FILE        run them with this Node (default: the one that runs the script)
  --jobs N           so many at a time (default: 2)
  --timeout SECONDS  until a test is given up (default: 60)
  --exceptions FILE  the tests that may fail, and why (default: ${exceptionsFile})
  --no-exceptions    excuse none of them, and run those that touch internals as well
  --json FILE        write each test's outcome there`;

const options = readOptions(
  {
    suite: { type: 'string', multiple: true, default: ['net'] },
    only: { type: 'string', default: '' },
    net: { type: 'string', default: 'proactor' },
    dispatch: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    jobs: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '60' },
    exceptions: { type: 'string', default: exceptionsFile },
    'no-exceptions': { type: 'boolean' },
    json: { type: 'string' },
  },
  USAGE,
  ['CHECKOUT'],
);

function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) fail(`--${name} is one of ${allowed.join(', ')}, not ${value}`);
  return value;
}

function positive(name) {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < 1) fail(`--${name}: ${options[name]} is no such number`);
  return value;
}

function pattern() {
  try {
    return new RegExp(options.only);
  } catch (error) {
    return fail(`--only: ${error.message}`);
  }
}

/** Fails at once where every test would. */
function requireModules(suites) {
  const needed = ['proactor/net', ...(suites.some(isAttached) ? ['proactor/http'] : [])];
  for (const name of needed) {
    try {
      createRequire(import.meta.url).resolve(name);
    } catch (error) {
      fail(`there is no ${name} (npm run build:all makes what there is): ${error.message}`);
    }
  }
}

/** What all tests of this run have in common. */
function readPlan(folder) {
  const suites = options.suite.map((name) => oneOf('suite', name, suiteNames));
  const net = oneOf('net', options.net, ['proactor', 'node']);
  const dispatch = options.dispatch && oneOf('dispatch', options.dispatch, ['loop', 'thread']);
  if (net === 'node' && dispatch) fail('--dispatch is for --net proactor');
  if (net === 'proactor') requireModules(suites);
  const checkout = path.resolve(options.CHECKOUT);
  if (!existsSync(path.join(checkout, 'test', 'common', 'index.js')))
    fail(`${checkout} has no test/common/index.js: it is no checkout of Node's`);
  return {
    checkout,
    suites,
    net,
    dispatch,
    only: pattern(),
    node: options.node,
    jobs: positive('jobs'),
    timeoutMs: positive('timeout') * 1000,
    folder,
  };
}

/** Runs `work` for each item, at most `limit` at a time. */
async function forEach(items, limit, work) {
  const waiting = [...items];
  const worker = async (place) => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await work(item, place);
  };
  await Promise.all(Array.from({ length: limit }, (_, place) => worker(place)));
}

const folder = mkdtempSync(path.join(tmpdir(), 'proactor-node-core-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const plan = readPlan(folder);
const exceptions = options['no-exceptions']
  ? noExceptions
  : readExceptions(options.exceptions, plan);
const tests = testsOf(plan);
if (tests.length === 0) fail(`no test of ${plan.suites.join(', ')} is called so`);

const outcomes = [];
const run = async (test, place) => {
  const outcome = await judge(test, plan, exceptions, place);
  outcomes.push(outcome);
  printTest(outcome);
};
const isAlone = (test) => test.name.startsWith('sequential/');
const together = tests.filter((test) => !isAlone(test));
await forEach(together, plan.jobs, run);
await forEach(tests.filter(isAlone), 1, run);

outcomes.sort((a, b) => (a.name < b.name ? -1 : 1));
listByReason(outcomes);
if (options.json) {
  const { suites, net, dispatch } = plan;
  const report = { suites, net, dispatch: dispatch ?? null, tests: outcomes };
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
const { text, hasFailed } = summaryOf(outcomes, plan);
console.log(text);
process.exit(hasFailed ? 1 : 0);
