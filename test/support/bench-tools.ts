// What the benchmark's programs need to be built and run: without it their tests are skipped, and say so.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from '@jest/globals';
import { whyH2loadIsUnavailable } from '../../bench/h2load.js';
import { whyWrkIsUnavailable } from '../../bench/wrk.js';

const isMissing = (tool: string) => spawnSync(tool, ['--version']).error !== undefined;
const missing = ['cmake', 'taskset'].filter(isMissing);

export const describeOrSkip = missing.length === 0 ? describe : describe.skip;

export const skipNote = missing.length === 0 ? '' : ` (skipped: no ${missing.join(' and ')})`;

/** Why some rows cannot be measured here; undefined where they can. */
export const lacks = {
  wrk: whyWrkIsUnavailable(),
  h2load: whyH2loadIsUnavailable(),
  openssl: isMissing('openssl') ? 'no openssl' : undefined,
  libssl: existsSync('/usr/include/openssl/ssl.h') ? undefined : 'no libssl-dev',
} as const;

type Tool = keyof typeof lacks;

/** `it` where all these are there. */
export function itWith(...tools: readonly Tool[]): typeof it.skip {
  return tools.every((tool) => lacks[tool] === undefined) ? it : it.skip;
}
