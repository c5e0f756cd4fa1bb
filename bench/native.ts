// Builds the load generator and the C++ baselines, with CMake driven by cmake-js.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from './paths.js';

/** Brings the native programs up to date. Throws an Error with the builder's words where that fails. */
export function buildNativePrograms(): void {
  const script = path.join(projectRoot, 'scripts/cmake.mjs');
  const build = spawnSync(process.execPath, [script, 'release', 'bench_programs'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  if (build.status === 0) return;
  const words = build.error?.message ?? `${build.stdout}${build.stderr}`;
  throw new Error(`building the native programs failed:\n${words.trim()}`);
}
