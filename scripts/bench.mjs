// `npm run bench -- ...`: compiles the benchmark and runs it with the given options.
import { run, status } from './common.mjs';

run(process.execPath, ['scripts/compile.mjs', 'bench']);
process.exit(status(process.execPath, ['build/bench/main.js', ...process.argv.slice(2)]));
