// Checks what a built addon asks of the system it is loaded into: `node scripts/check-binary.mjs FILE...`.
// Only the C library (glibc up to 2.28), no C++ runtime, and libuv at most as weak symbols.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './common.mjs';

const GLIBC_MAX = [2, 28];
const ALLOWED_LIBRARIES =
  /^(libc|libm|libdl|libpthread|librt|ld-linux-[\w-]+|libc\.musl-\w+)\.so(\.\d+)?$/;

function readelf(options, file) {
  const result = spawnSync('readelf', ['-W', ...options, file], { encoding: 'utf8' });
  if (result.status !== 0) fail(`readelf ${file}: ${result.stderr || result.error?.message}`);
  return result.stdout;
}

/** What is wrong with the binary, in words; empty when nothing is. */
export function binaryProblems(file) {
  const problems = [];
  for (const [, library] of readelf(['--dynamic'], file).matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
    if (!ALLOWED_LIBRARIES.test(library)) problems.push(`needs ${library}`);
  }
  for (const line of readelf(['--dyn-syms'], file).split('\n')) {
    const [, , , , binding, , section, name = ''] = line.trim().split(/\s+/);
    if (section !== 'UND') continue;
    const version = /@GLIBC_(\d+)\.(\d+)/.exec(name);
    if (version) {
      const [major, minor] = [Number(version[1]), Number(version[2])];
      const isTooNew = major > GLIBC_MAX[0] || (major === GLIBC_MAX[0] && minor > GLIBC_MAX[1]);
      if (isTooNew)
        problems.push(
          `${name} is newer than glibc ${GLIBC_MAX.join('.')} (see native/glibc_floor.cc)`,
        );
    }
    if (name.startsWith('uv_') && binding !== 'WEAK') problems.push(`${name} is not weak`);
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  if (files.length === 0) fail('usage: check-binary.mjs FILE...');
  const problems = files.flatMap((file) =>
    binaryProblems(file).map((problem) => `${path.basename(file)}: ${problem}`),
  );
  if (problems.length > 0) fail(problems.join('\n  '));
  console.log(`${files.length} checked: the C library is all that is needed`);
}
