// Writes the numbers of lib/ring/layout.ts and kernel.ts into the compiled code in place of
// `layout_1.SQE_FD`. To V8 an export of a CommonJS module is a property that may change: it is loaded and
// checked at each use, and shifts and bounds are not folded. Compiling without this step changes nothing
// but speed.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { listFiles } from './common.mjs';

const require = createRequire(import.meta.url);

const IMPORT = /^const (\w+) = (?:__importStar\()?require\("(\.[^"]*\/(?:layout|kernel))"\)/gm;
// As tsc writes it, or as this step did: tsc leaves files alone that did not change.
const USE =
  /(?:\/\* )?\b(layout|layout_1|kernel|kernel_1)\.((?:Opcode\.)?[A-Z][A-Z0-9_]*)\b(?: \*\/ (?:\d+|\(-\d+\)))?/g;

export function inlineConstants(folder) {
  for (const name of listFiles(folder, '.js')) {
    const file = path.join(folder, name);
    const text = readFileSync(file, 'utf8');
    const modules = new Map();
    for (const [, local, target] of text.matchAll(IMPORT)) {
      modules.set(local, require(path.resolve(path.dirname(file), target)));
    }
    const inlined = text.replace(USE, (use, local, constant) => {
      const value = constant.split('.').reduce((object, key) => object?.[key], modules.get(local));
      if (typeof value !== 'number') return use;
      return `/* ${local}.${constant} */ ${value < 0 ? `(${value})` : value}`;
    });
    if (inlined !== text) writeFileSync(file, inlined);
  }
}
