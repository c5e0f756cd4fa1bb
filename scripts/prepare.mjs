// npm's `prepare`: after `npm ci` in a checkout everything is built, so that examples and tests run. It does
// nothing while packing (`prepack` has built already) and never runs where the package is a dependency.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './common.mjs';

const isCheckout = existsSync(path.join(root, 'binding.gyp'));
const isPacking = ['pack', 'publish'].includes(process.env.npm_command ?? '');
if (isCheckout && !isPacking) run('npm', ['run', 'build:all']);
