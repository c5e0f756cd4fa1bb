// The tests of a file of scenarios.
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../support/child';
import { temporaryFolder } from '../../support/files';
import { patient } from '../../support/pace';
import * as differences from '../differences.json';
import type { CompareOptions } from './compare';
import type { Logs } from './scene';

interface Played {
  readonly name: string;
  readonly logs: Logs;
  readonly isLate: boolean;
  readonly submitted: number;
}

const LIMIT_MS = 60_000;
/** The limit is to be told of by a process that ended, not by jest. */
const HOOK_LIMIT_MS = LIMIT_MS + 10_000;

// With PROACTOR_COMPAT=node, Node's is compared with itself: what differs then is a scenario's own fault.
const variants = process.env['PROACTOR_COMPAT']?.split(',') ?? ['loop', 'thread'];

/** Plays all scenarios of a file, in a process of their own. */
async function play(file: string, variant: string, options: CompareOptions) {
  const output = path.join(temporaryFolder(), 'played');
  const program = require.resolve('./play');
  const args = [
    '--no-warnings',
    program,
    file,
    variant,
    output,
    ...(options.worker ? ['--worker'] : []),
  ];
  const ended = await runCommand(process.execPath, args, { timeoutMs: LIMIT_MS });
  const lines = existsSync(output) ? readFileSync(output, 'utf8').trimEnd().split('\n') : [];
  const played = lines.map((line) => JSON.parse(line) as Played);
  const { code, signal, stderr } = ended;
  return { code, signal, stderr, played: new Map(played.map((each) => [each.name, each])) };
}

type Results = Awaited<ReturnType<typeof play>>;

/** What a test compares: the logs, and why there are none. */
function observed({ played, code, signal, stderr }: Results, name: string): unknown {
  const found = played.get(name);
  if (found === undefined) return { ended: code ?? signal, stderr };
  return { logs: found.logs, isLate: found.isLate };
}

/** The reason why a scenario is known not to be the same yet. */
function knownDifference(subject: string, name: string): string | undefined {
  return (differences as Readonly<Record<string, string>>)[`${subject}: ${name}`];
}

export function defineTests(file: string, names: readonly string[], options: CompareOptions): void {
  const subject = path.basename(file, '.test.js');
  let expected: Results;
  let found: readonly Results[];
  // All at once: mostly they wait.
  beforeAll(async () => {
    const all = ['node', ...variants].map((variant) => play(file, variant, options));
    [expected, ...found] = (await Promise.all(all)) as [Results, ...Results[]];
  }, patient(HOOK_LIMIT_MS));

  describe(`${subject} with node:net`, () => {
    it.each(names)('%s: ends, and something is noted', (name) => {
      const { logs = {}, isLate } = expected.played.get(name) ?? {};
      expect({ isLate, stderr: expected.stderr }).toEqual({ isLate: false, stderr: '' });
      expect(Object.values(logs).flat()).not.toEqual([]);
      expect(logs['scenario']).toBeUndefined();
    });

    it('has every scenario that is known to differ', () => {
      const known = Object.keys(differences).filter((key) => key.startsWith(`${subject}: `));
      expect(names.map((name) => `${subject}: ${name}`)).toEqual(expect.arrayContaining(known));
    });
  });

  describe.each(variants)(`${subject} with proactor/net (%s)`, (variant) => {
    const results = (): Results => found[variants.indexOf(variant)]!;

    for (const name of names) {
      const reason = variant === 'node' ? undefined : knownDifference(subject, name);
      // One that is the same now has to leave the list: then this fails.
      const test = reason === undefined ? it : it.failing;
      test(reason === undefined ? name : `${name} (differs: ${reason})`, () => {
        expect(observed(results(), name)).toEqual(observed(expected, name));
      });
    }

    if (options.offline || variant === 'node') return;
    it('uses a proactor', () => {
      const submitted = [...results().played.values()].map((each) => each.submitted);
      expect(submitted.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0);
    });
  });
}
