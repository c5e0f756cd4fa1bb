// What package.json says of the package itself.
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

const file = path.resolve(__dirname, '..', '..', 'package.json');

export const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};
