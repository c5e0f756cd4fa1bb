// Packs the package and uses it as a stranger would: what is in the tarball, does it install without scripts, import
// from both module systems, type-check, and echo. `--keep` leaves the temporary folder.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, root } from './common.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'proactor-tarball-'));
process.on('exit', () => {
  if (!process.argv.includes('--keep')) rmSync(folder, { recursive: true, force: true });
});

function output(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (result.status !== 0) {
    fail(
      `${command} ${args.join(' ')} ended with ${result.status}\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

function checkContents(files, manifest) {
  const libc = 'glibc';
  const needed = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'dist/index.js',
    'dist/index.mjs',
    'dist/index.d.ts',
    'dist/index.d.mts',
    `prebuilds/linux-${process.arch}/proactor.${libc}.node`,
  ];
  const problems = needed.filter((name) => !files.includes(name)).map((name) => `lacks ${name}`);
  const allowed =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.*\.(m?js|d\.m?ts)|prebuilds\/[\w-]+\/[\w.]+\.node)$/;
  problems.push(...files.filter((name) => !allowed.test(name)).map((name) => `carries ${name}`));
  for (const script of ['preinstall', 'install', 'postinstall']) {
    if (manifest.scripts?.[script]) problems.push(`has the install script "${script}"`);
  }
  // Without this npm publishes "install": "node-gyp rebuild" for a package that has a binding.gyp beside package.json.
  if (manifest.gypfile !== false) problems.push('does not say "gypfile": false');
  if (Object.keys(manifest.dependencies ?? {}).length > 0) problems.push('has dependencies');
  return problems;
}

const packed = JSON.parse(
  output(
    'npm',
    [
      'pack',
      '--json',
      '--loglevel=error',
      '--foreground-scripts=false',
      '--pack-destination',
      folder,
    ],
    root,
  ).replace(/^[^[{]*/s, ''),
);
const tarball = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const files = tarball.files.map((file) => file.path).sort();
console.log(files.join('\n'));
const problems = checkContents(files, manifest);
if (problems.length > 0) fail(`the tarball\n  ${problems.join('\n  ')}`);

const consumer = path.join(folder, 'consumer');
mkdirSync(consumer);
writeFileSync(path.join(consumer, 'package.json'), '{ "name": "consumer", "private": true }\n');
output(
  'npm',
  ['install', '--ignore-scripts', '--offline', path.join(folder, tarball.filename)],
  consumer,
);
const lock = JSON.parse(readFileSync(path.join(consumer, 'package-lock.json'), 'utf8'));
if (lock.packages['node_modules/proactor'].hasInstallScript) fail('npm sees an install script');

const sources = path.join(root, 'scripts', 'tarball-consumer');
cpSync(sources, consumer, { recursive: true });
cpSync(path.join(sources, 'types.mts'), path.join(consumer, 'types.cts'));
for (const program of ['consumer.mjs', 'consumer.cjs']) {
  process.stdout.write(output(process.execPath, [program], consumer));
}
const typeRoots = path.join(root, 'node_modules', '@types');
for (const program of ['types.mts', 'types.cts']) {
  output(
    path.join(root, 'node_modules', '.bin', 'tsc'),
    [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--typeRoots',
      typeRoots,
      program,
    ],
    consumer,
  );
}
console.log(
  `${tarball.filename}: ${files.length} files, ${tarball.size} bytes; installs, imports, type-checks and echoes`,
);
