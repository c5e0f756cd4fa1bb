// `npm run release:github -- TAG`: makes the release of a tag on GitHub, with what CHANGELOG.md says of the version. Needs
// GitHub's own program, gh.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root, run } from './common.mjs';
import { changelogSection, distTagOf } from './tarball/release.mjs';

const [tag, ...others] = process.argv.slice(2);
const version = /^v(\d+\.\d+\.\d+.*)$/.exec(tag ?? '')?.[1];
if (version === undefined || others.length > 0)
  fail('usage: npm run release:github -- TAG, for example v1.2.3');
const section = changelogSection(readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'), version);
if (section === undefined) fail(`CHANGELOG.md has no section of ${version}`);
const kind = distTagOf(version) === 'latest' ? [] : ['--prerelease'];
const options = ['--verify-tag', '--title', tag, ...kind, '--notes-file', '-'];
// gh is GitHub's own program: https://cli.github.com
run('gh', ['release', 'create', tag, ...options], {
  input: section.text,
  stdio: ['pipe', 'inherit', 'inherit'],
});
