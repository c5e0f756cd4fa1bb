// The scripts of a release, in checkouts of their own with versions and changelogs of all kinds, and with programs in the
// place of npm and gh that write down what they are asked to do.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Ended, root, runCommand } from './support/child';
import { temporaryFolder } from './support/files';

const CHANGELOG = `# Changelog

## [Unreleased]

Not yet.

## [1.2.0] - 2026-11-30

### Added

- This.

## [1.2.0-rc.1]

- That.

## [1.1.0] - 2026-11-01

[1.2.0]: https://example.com
`;

const put = (file: string, text: string): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
};

interface Contents {
  readonly version?: string;
  readonly lockVersion?: string;
  readonly npmVersion?: string;
  /** What npm has under the version. */
  readonly published?: string;
  /** GitHub has the release. */
  readonly announced?: boolean;
}

/** A checkout with nothing but the scripts and what they read. */
class Checkout {
  readonly folder = temporaryFolder();
  readonly #programs = path.join(this.folder, 'programs');

  constructor({
    version = '1.2.0',
    lockVersion = version,
    npmVersion = '11.6.2',
    published = '',
    announced = false,
  }: Contents = {}) {
    cpSync(path.join(root, 'scripts'), path.join(this.folder, 'scripts'), {
      recursive: true,
      filter: (name) => path.basename(name) !== 'node_modules',
    });
    const lock = { version: lockVersion, packages: { '': { version: lockVersion } } };
    put(path.join(this.folder, 'package.json'), JSON.stringify({ version }));
    put(path.join(this.folder, 'package-lock.json'), JSON.stringify(lock));
    put(path.join(this.folder, 'CHANGELOG.md'), CHANGELOG);
    this.#standIn('npm', [
      `if [ "$1" = --version ]; then echo ${npmVersion}; exit; fi`,
      `if [ "$*" = 'view proactor@1.2.0 dist.integrity' ]; then echo '${published}'; exit; fi`,
    ]);
    this.#standIn('gh', [
      `if [ "$1 $2" = 'release view' ]; then exit ${announced ? 0 : 1}; fi`,
      'cat > "$0.input"',
    ]);
  }

  /** A program that writes its arguments, one a line, into a file beside it. */
  #standIn(name: string, first: readonly string[]): void {
    const file = path.join(this.#programs, name);
    put(file, `#!/bin/sh\n${first.join('\n')}\nprintf '%s\\n' "$@" > "$0.arguments"\n`);
    chmodSync(file, 0o755);
  }

  run(script: string, args: readonly string[]): Promise<Ended> {
    const file = path.join(this.folder, 'scripts', `release-${script}.mjs`);
    const env = { PATH: `${this.#programs}:${process.env['PATH']}` };
    return runCommand(process.execPath, [file, ...args], { env });
  }

  /** What a program was given, or undefined if it was not called. */
  asked(name: string, what = 'arguments'): string | undefined {
    const file = path.join(this.#programs, `${name}.${what}`);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** A tarball with what a release has, but for the files `missing`. */
  tarball(manifest: Readonly<Record<string, unknown>>, missing: readonly string[] = []): string {
    const targets = ['x64', 'arm64'].flatMap((arch) => [
      `${arch}/proactor.glibc`,
      `${arch}/proactor.musl`,
    ]);
    const names = [
      ...['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md'],
      ...['doctor', 'http', 'net', 'operations', 'tcp', 'workers'].map((name) => `docs/${name}.md`),
      ...['', 'net/', 'http/'].flatMap((folder) =>
        ['js', 'mjs', 'd.ts', 'd.mts'].map((ending) => `dist/${folder}index.${ending}`),
      ),
      ...targets.map((target) => `prebuilds/linux-${target}.node`),
    ];
    const contents = path.join(this.folder, 'package');
    const text = JSON.stringify({ name: 'proactor', gypfile: false, ...manifest });
    put(path.join(contents, 'package.json'), text);
    for (const name of names.filter((file) => !missing.includes(file)))
      put(path.join(contents, name), '');
    execFileSync('tar', ['-czf', 'proactor.tgz', 'package'], { cwd: this.folder });
    return path.join(this.folder, 'proactor.tgz');
  }
}

const repository = { type: 'git', url: 'git+https://github.com/owner/name.git' };

describe('release:check', () => {
  const check = (tag: string, contents: Contents): Promise<Ended> =>
    new Checkout(contents).run('check', [tag]);

  it('accepts the tag of the version, of which the changelog says something', async () => {
    expect(await check('v1.2.0', {})).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<[string, string, Contents, RegExp]>([
    ['another tag', 'v1.2.1', {}, /the tag is v1\.2\.1, but package\.json says 1\.2\.0/],
    ['a tag without v', '1.2.0', {}, /it has to be v1\.2\.0/],
    [
      'an older lock file',
      'v1.2.0',
      { lockVersion: '1.1.0' },
      /package-lock\.json is not of 1\.2\.0/,
    ],
    ['a version without a section', 'v2.0.0', { version: '2.0.0' }, /no section ## \[2\.0\.0\]/],
    ['a section without a date', 'v1.2.0-rc.1', { version: '1.2.0-rc.1' }, /no date for it/],
    ['an empty section', 'v1.1.0', { version: '1.1.0' }, /says nothing of 1\.1\.0/],
  ])('refuses %s', async (_name, tag, contents, reason) => {
    const { code, stderr } = await check(tag, contents);
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(stderr.trim().split('\n')).toHaveLength(2);
  });
});

describe('release:assemble', () => {
  const assemble = (prebuilds: string): Promise<Ended> => {
    const out = path.join(prebuilds, 'proactor.tgz');
    const script = path.join(root, 'scripts', 'release-assemble.mjs');
    return runCommand(process.execPath, [script, '--prebuilds', prebuilds, '--out', out]);
  };

  it('names every binary that is missing, and packs nothing', async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await assemble(folder);
    const missing = [...stderr.matchAll(/^ {4}(linux-\S+): there is no /gm)].map(
      ([, name]) => name,
    );
    expect([code, missing]).toEqual([
      1,
      ['linux-x64-glibc', 'linux-x64-musl', 'linux-arm64-glibc', 'linux-arm64-musl'],
    ]);
    expect(existsSync(path.join(folder, 'proactor.tgz'))).toBe(false);
  });

  it('refuses a file that is no binary', async () => {
    const folder = temporaryFolder();
    put(path.join(folder, 'linux-x64', 'proactor.musl.node'), 'damaged');
    const { code, stderr } = await assemble(folder);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^ {4}linux-x64-musl: .*ELF/m)]);
  });
});

describe('release:publish', () => {
  it('publishes to everybody, with provenance', async () => {
    const checkout = new Checkout();
    const file = checkout.tarball({ version: '1.2.0', repository });
    expect(await checkout.run('publish', [file])).toMatchObject({ code: 0, stderr: '' });
    expect(checkout.asked('npm')?.split('\n')).toEqual([
      ...['publish', file, '--access', 'public', '--tag', 'latest', '--provenance', ''],
    ]);
  });

  it('does not make a pre-release what everybody installs', async () => {
    const checkout = new Checkout();
    const file = checkout.tarball({ version: '1.2.0-rc.1', repository });
    expect(await checkout.run('publish', [file])).toMatchObject({ code: 0 });
    expect(checkout.asked('npm')).toContain('--tag\nnext\n');
  });

  it('is content where npm has the very file: the job was run again', async () => {
    const file = new Checkout().tarball({ version: '1.2.0', repository });
    const digest = createHash('sha512').update(readFileSync(file)).digest('base64');
    const checkout = new Checkout({ published: `sha512-${digest}` });
    expect(await checkout.run('publish', [file])).toMatchObject({ code: 0, stderr: '' });
    expect(checkout.asked('npm')).toBeUndefined();
  });

  it('fails where npm has another file under the version', async () => {
    const checkout = new Checkout({ published: 'sha512-other' });
    const file = checkout.tarball({ version: '1.2.0', repository });
    expect(await checkout.run('publish', [file])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/npm has another proactor@1\.2\.0: sha512-other/),
    });
    expect(checkout.asked('npm')).toBeUndefined();
  });

  it('asks npm for a rehearsal without an identity', async () => {
    const checkout = new Checkout({ npmVersion: '10.8.2' });
    const file = checkout.tarball({ version: '1.2.0' });
    expect(await checkout.run('publish', [file, '--dry-run'])).toMatchObject({ code: 0 });
    expect(checkout.asked('npm')).toMatch(/--dry-run\n$/);
    expect(checkout.asked('npm')).not.toContain('--provenance');
  });

  const musl = 'prebuilds/linux-arm64/proactor.musl.node';
  const install = { scripts: { install: 'node-gyp rebuild' } };
  it.each<[string, Record<string, unknown>, readonly string[], string, RegExp]>([
    [
      'without a binary',
      { repository },
      [musl],
      '11.6.2',
      /lacks prebuilds\/linux-arm64\/proactor\.musl/,
    ],
    ['that runs a script', { repository, ...install }, [], '11.6.2', /has the install script/],
    ['of no repository', {}, [], '11.6.2', /names no repository/],
    ['with an old npm', { repository }, [], '11.5.0', /npm 11\.5\.1 or newer is needed/],
    ['with a very old npm', { repository }, [], '10.8.2', /npm 11\.5\.1 or newer is needed/],
  ])('publishes no tarball %s', async (_name, manifest, missing, npmVersion, reason) => {
    const checkout = new Checkout({ npmVersion });
    const file = checkout.tarball({ version: '1.2.0', ...manifest }, missing);
    const { code, stderr } = await checkout.run('publish', [file]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(checkout.asked('npm')).toBeUndefined();
  });
});

describe('release:github', () => {
  it("makes the tag's release, with what the changelog says of it", async () => {
    const checkout = new Checkout();
    expect(await checkout.run('github', ['v1.2.0'])).toMatchObject({ code: 0, stderr: '' });
    expect(checkout.asked('gh')?.split('\n')).toEqual([
      ...['release', 'create', 'v1.2.0', '--verify-tag', '--title', 'v1.2.0'],
      ...['--notes-file', '-', ''],
    ]);
    expect(checkout.asked('gh', 'input')).toBe('### Added\n\n- This.');
  });

  it('says of a pre-release that it is one', async () => {
    const checkout = new Checkout();
    expect(await checkout.run('github', ['v1.2.0-rc.1'])).toMatchObject({ code: 0 });
    expect(checkout.asked('gh')).toContain('--prerelease\n');
    expect(checkout.asked('gh', 'input')).toBe('- That.');
  });

  it('leaves a release that is there as it is', async () => {
    const checkout = new Checkout({ announced: true });
    expect(await checkout.run('github', ['v1.2.0'])).toMatchObject({ code: 0, stderr: '' });
    expect(checkout.asked('gh')).toBeUndefined();
  });

  it('makes none of what the changelog does not know', async () => {
    const checkout = new Checkout();
    expect(await checkout.run('github', ['v9.0.0'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no section of 9\.0\.0/),
    });
    expect(checkout.asked('gh')).toBeUndefined();
  });
});
