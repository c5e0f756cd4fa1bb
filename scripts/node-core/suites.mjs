// Which of Node's test files belong to which suite.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { listFiles } from '../common.mjs';

const usesNet = (source) => /(?:require\(|from )['"](?:node:)?net['"]/.test(source);
const named = (prefix) => (file) => file.startsWith(`test-${prefix}-`);

// In those of protocols that stand on net, servers and clients get their connections from this package.
const protocols = ['http', 'https', 'http2', 'tls'];

const suites = {
  net: { has: named('net'), attached: false },
  'net-users': {
    has: (file, source) =>
      !['net', ...protocols].some((prefix) => named(prefix)(file)) && usesNet(source()),
    attached: false,
  },
  ...Object.fromEntries(protocols.map((name) => [name, { has: named(name), attached: true }])),
};

export const suiteNames = Object.keys(suites);

/** Whether a suite needs `proactor/http`. */
export const isAttached = (name) => suites[name].attached;

/** The tests of the suites of a plan, with their sources: [{ name, file, source, attached }], by name. */
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
      tests.set(name, {
        name,
        file: path.join(base, file),
        source: source(),
        attached: suite.attached,
      });
    }
  }
  return [...tests.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
