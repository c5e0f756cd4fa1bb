// Writes the ES module face of the CommonJS build: for each entry of `exports` a dist/NAME.mjs and .d.mts
// that re-export dist/NAME.js by name. One build, so a class is the same class however it was loaded.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, root } from './common.mjs';

const require = createRequire(import.meta.url);

/** The `import` conditions of package.json's exports, as paths below the root. */
function esmEntries() {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((entry) => entry.import?.default)
    .filter((file) => file?.endsWith('.mjs'));
}

export async function writeEsmEntries() {
  for (const entry of esmEntries()) {
    const file = path.join(root, entry);
    const commonJs = file.replace(/\.mjs$/, '.js');
    if (!existsSync(commonJs)) fail(`${entry} has no CommonJS counterpart: ${commonJs} is missing`);
    const exported = require(commonJs);
    const names = Object.keys(exported).sort();
    if (names.length === 0) fail(`${commonJs} exports nothing`);
    const sibling = `./${path.basename(commonJs)}`;
    const lines = names.map((name) =>
      name === 'default'
        ? 'export default module.default ?? module;' // Bun imports as the module what it has as `default`
        : `export const ${name} = module.${name};`,
    );
    writeFileSync(file, `import module from '${sibling}';\n${lines.join('\n')}\n`);
    const types = [`export * from '${sibling}';`];
    if (names.includes('default')) types.push(`export { default } from '${sibling}';`);
    writeFileSync(file.replace(/\.mjs$/, '.d.mts'), `${types.join('\n')}\n`);
    await verify(file, exported, names);
  }
}

/** Every name of the CommonJS build must be there, and be the very same object. */
async function verify(file, exported, names) {
  const imported = await import(pathToFileURL(file).href);
  const missing = names.filter((name) => imported[name] !== exported[name]);
  if (missing.length > 0) fail(`${file} lacks: ${missing.join(', ')}`);
}
