// The numbers of lib/ring/layout.ts and kernel.ts in the compiled code, where scripts/inline-constants.mjs has put them:
// all of them, and the right ones. Were they not there, all would work, and every message cost more.
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as kernel from '#lib/ring/kernel';
import * as layout from '#lib/ring/layout';
import { root } from './support/child';

const modules: Readonly<Record<string, object>> = { kernel, layout };

/** What `Opcode.SEND`, say, is in a module. */
const numberIn = (module: string, name: string): unknown =>
  name
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], modules[module]);

describe('the compiled code', () => {
  const folder = path.join(root, 'dist');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  );
  const texts = files.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')] as const);

  it('has each number beside its name', () => {
    const inlined = texts.flatMap(([, text]) => [
      ...text.matchAll(/\/\* (kernel|layout)(?:_1)?\.([\w.]+) \*\/ \(?(-?\d+)\)?/g),
    ]);
    expect(inlined.length).toBeGreaterThan(100);
    for (const [, module = '', name = '', number] of inlined)
      expect([name, Number(number)]).toEqual([name, numberIn(module, name)]);
  });

  it('looks none up', () => {
    const use = /(?<!\/\* )\b(kernel|layout)(?:_1)?\.((?:Opcode\.)?[A-Z][A-Z0-9_]*)\b/g;
    const left = texts.flatMap(([file, text]) =>
      [...text.matchAll(use)]
        .filter(([, module = '', name = '']) => typeof numberIn(module, name) === 'number')
        .map(([found]) => `${file}: ${found}`),
    );
    expect(left).toEqual([]);
  });
});
