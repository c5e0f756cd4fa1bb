// `npm run release:check -- TAG`: whether this checkout can be released under that tag: the versions are equal, and the
// changelog has a dated section of it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root } from './common.mjs';
import { releaseProblems } from './tarball/release.mjs';

const [tag, ...others] = process.argv.slice(2);
if (tag === undefined || others.length > 0)
  fail('usage: npm run release:check -- TAG, for example v1.2.3');
const text = (name) => readFileSync(path.join(root, name), 'utf8');
const problems = releaseProblems(tag, {
  manifest: JSON.parse(text('package.json')),
  lock: JSON.parse(text('package-lock.json')),
  changelog: text('CHANGELOG.md'),
});
if (problems.length > 0) fail(`${tag} cannot be released:\n    ${problems.join('\n    ')}`);
console.log(`${tag} can be released`);
