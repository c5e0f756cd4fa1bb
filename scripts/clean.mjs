// Removes everything that was built.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './common.mjs';

for (const folder of ['build', 'dist', 'prebuilds', 'coverage']) {
  rmSync(path.join(root, folder), { recursive: true, force: true });
}
