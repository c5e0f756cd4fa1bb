// `npm test`: builds and runs every suite (for now: jest).
import { run } from './common.mjs';

run('npm', ['run', 'build:all']);
run('npm', ['run', 'lint']);
run('npm', ['run', 'jest']);
