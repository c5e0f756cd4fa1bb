// Imports the installed package from an ES module: the names and the classes are those that require() gives.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
for (const [name, expected] of [
  ['proactor', 'Proactor'],
  ['proactor/net', 'Socket'],
  ['proactor/http', 'attach'],
]) {
  const required = require(name);
  const imported = await import(name);
  const missing = Object.keys(required).filter((key) => imported[key] !== required[key]);
  if (missing.length > 0) throw new Error(`${name}: import and require differ in ${missing}`);
  if (typeof imported[expected] !== 'function') throw new Error(`${name} has no ${expected}`);
}
