// `npm run release:github -- TAG`: makes the release of a tag on GitHub, with what CHANGELOG.md says of the version. Needs
// GitHub's own program, gh: https://cli.github.com. A release that is there is left as it is, so that the job can be run again.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root, run, status } from './common.mjs';
import { changelogSection, distTagOf } from './tarball/release.mjs';

const [tag, ...others] = process.argv.slice(2);
const version = /^v(\d+\.\d+\.\d+.*)$/.exec(tag ?? '')?.[1];
if (version === undefined || others.length > 0)
  fail('usage: npm run release:github -- TAG, for example v1.2.3');
const section = changelogSection(readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'), version);
if (section === undefined) fail(`CHANGELOG.md has no section of ${version}`);
const kind = distTagOf(version) === 'latest' ? [] : ['--prerelease'];
const options = ['--verify-tag', '--title', tag, ...kind, '--notes-file', '-'];
if (status('gh', ['release', 'view', tag], { stdio: 'ignore' }) === 0) {
  console.log(`the release of ${tag} is there already`);
  process.exit(0);
}
run('gh', ['release', 'create', tag, ...options], {
  input: section.text,
  stdio: ['pipe', 'inherit', 'inherit'],
});
