// What is in the tarball, and what its package.json says. Everything is read from the tarball itself.
import { spawnSync } from 'node:child_process';
import { expectNone } from './checklist.mjs';

const MODULES = ['dist/index', 'dist/net/index', 'dist/http/index'];
const NEEDED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/operations.md',
  'docs/tcp.md',
  'docs/workers.md',
  'docs/doctor.md',
  'docs/net.md',
  'docs/http.md',
  ...MODULES.flatMap((name) => ['.js', '.mjs', '.d.ts', '.d.mts'].map((end) => name + end)),
];
const ALLOWED =
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|docs\/[\w-]+\.md|dist\/.*\.(m?js|d\.m?ts)|prebuilds\/linux-(x64|arm64)\/proactor\.(glibc|musl)\.node)$/;

function tar(args) {
  const result = spawnSync('tar', args, { encoding: 'utf8', maxBuffer: 16 << 20 });
  if (result.status !== 0) throw new Error(`tar ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** The files of a tarball and its manifest. */
export function readTarball(file) {
  const files = tar(['-tzf', file])
    .split('\n')
    .filter((name) => name !== '' && !name.endsWith('/'))
    .map((name) => name.replace(/^package\//, ''));
  return { files, manifest: JSON.parse(tar(['-xzOf', file, 'package/package.json'])) };
}

export function checkContents({ files }, binaries) {
  expectNone([
    ...[...NEEDED, ...binaries]
      .filter((name) => !files.includes(name))
      .map((name) => `lacks ${name}`),
    ...files.filter((name) => !ALLOWED.test(name)).map((name) => `carries ${name}`),
  ]);
}

/** Nothing is run or built at installation, nothing else is installed, and no platform is shut out. */
export function checkManifest({ manifest }) {
  const problems = [];
  for (const script of ['preinstall', 'install', 'postinstall']) {
    if (manifest.scripts?.[script]) problems.push(`has the install script "${script}"`);
  }
  // Without this npm publishes "install": "node-gyp rebuild" for a package that has a binding.gyp beside package.json.
  if (manifest.gypfile !== false) problems.push('does not say "gypfile": false');
  for (const kind of [
    'dependencies',
    'optionalDependencies',
    'peerDependencies',
    'bundleDependencies',
  ]) {
    if (Object.keys(manifest[kind] ?? {}).length > 0) problems.push(`has ${kind}`);
  }
  for (const field of ['os', 'cpu', 'libc']) {
    if (manifest[field] !== undefined) problems.push(`restricts installation by "${field}"`);
  }
  expectNone(problems);
}
