// `npm run jest -- [test/FILE.test.ts] [jest options]`: compiles the tests and runs them, or the named ones.
import { run, status } from './common.mjs';

run(process.execPath, ['scripts/compile.mjs', 'test']);
const args = process.argv
  .slice(2)
  .map((arg) => (/^test\/.*\.ts$/.test(arg) ? `build/${arg.slice(0, -3)}\\.js$` : arg));
process.exit(status('jest', args));
