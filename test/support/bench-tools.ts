// What the benchmark's native programs need to be built and run: without it their tests are skipped, and say so.
import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

const missing = ['cmake', 'taskset'].filter((tool) => spawnSync(tool, ['--version']).error);

export const describeOrSkip = missing.length === 0 ? describe : describe.skip;

export const skipNote = missing.length === 0 ? '' : ` (skipped: no ${missing.join(' and ')})`;
