// What a release is called and what is said of it: versions, tags, and the sections of CHANGELOG.md.

/** The tag of a version. */
export const tagOf = (version) => `v${version}`;

/** npm's name for the newest version of its kind: a pre-release is not what `npm install` takes. */
export const distTagOf = (version) => (version.includes('-') ? 'next' : 'latest');

/** The section of a version in a changelog: its date and its text, or undefined. */
export function changelogSection(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  if (section === undefined) return undefined;
  const [heading, ...lines] = section.split('\n');
  // References of links stand at the file's end.
  const text = lines.filter((line) => !/^\[[^\]]+\]: /.test(line)).join('\n');
  return { date: /^\S+ - (\d{4}-\d\d-\d\d)$/.exec(heading)?.[1], text: text.trim() };
}

/** Why `tag` cannot be released, in words; empty when it can. */
export function releaseProblems(tag, { manifest, lock, changelog }) {
  const { version } = manifest;
  const problems = [];
  if (tag !== tagOf(version))
    problems.push(
      `the tag is ${tag}, but package.json says ${version}: it has to be ${tagOf(version)}`,
    );
  if (lock.version !== version || lock.packages[''].version !== version)
    problems.push(`package-lock.json is not of ${version}: run "npm install --package-lock-only"`);
  const section = changelogSection(changelog, version);
  if (section === undefined) problems.push(`CHANGELOG.md has no section ## [${version}]`);
  else {
    if (section.date === undefined)
      problems.push(`CHANGELOG.md has no date for it: ## [${version}] - YYYY-MM-DD`);
    if (section.text === '') problems.push(`CHANGELOG.md says nothing of ${version}`);
  }
  return problems;
}
