// Which of Node's test files belong to which suite.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { listFiles } from '../common.mjs';

const usesNet = (source) => /(?:require\(|from )['"](?:node:)?net['"]/.test(source);
const isNet = (file) => /^test-net-/.test(file);
const isHttp = (file) => /^test-http-/.test(file);

// `http`: its servers and clients get their connections from this package, so that all of Node's HTTP/1 runs over them.
const suites = {
  net: { has: isNet, http: false },
  'net-users': {
    has: (file, source) => !isNet(file) && !isHttp(file) && usesNet(source()),
    http: false,
  },
  http: { has: isHttp, http: true },
};

export const suiteNames = Object.keys(suites);

/** The tests of the suites of a plan, with their sources: [{ name, file, source, http }], by name. */
export function testsOf({ checkout, suites: names, only }) {
  const tests = new Map();
  for (const folder of ['parallel', 'sequential']) {
    const base = path.join(checkout, 'test', folder);
    for (const file of listFiles(base, 'js')) {
      const name = `${folder}/${file}`;
      if (!/^test-[\w-]+\.m?js$/.test(file) || !only.test(name)) continue;
      const source = () => readFileSync(path.join(base, file), 'utf8');
      const suite = names.map((each) => suites[each]).find(({ has }) => has(file, source));
      if (suite === undefined) continue;
      tests.set(name, { name, file: path.join(base, file), source: source(), http: suite.http });
    }
  }
  return [...tests.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
