// `npm run docs`: the API reference, from the doc comments of lib/, into build/docs. A missing comment or a link that
// leads nowhere is an error. Arguments go to typedoc: `npm run docs -- --watch`.
import { createRequire } from 'node:module';
import path from 'node:path';
import { root, run } from './common.mjs';

// From the folder that has the TypeScript which typedoc needs beside it.
const folder = path.join(root, 'scripts', 'docs');
const typedoc = path.dirname(createRequire(`${folder}/`).resolve('typedoc/package.json'));
run(process.execPath, [
  path.join(typedoc, 'bin', 'typedoc'),
  '--options',
  path.join(folder, 'typedoc.json'),
  ...process.argv.slice(2),
]);
