// Imports the installed package from an ES module: the names and the class are those that require() gives.
import { createRequire } from 'node:module';

const required = createRequire(import.meta.url)('proactor');
const imported = await import('proactor');
const missing = Object.keys(required).filter((name) => imported[name] !== required[name]);
if (missing.length > 0) throw new Error(`import and require differ in ${missing.join(', ')}`);
if (typeof imported.Proactor !== 'function') throw new Error('import gives no Proactor');
