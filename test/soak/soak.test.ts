// Thousands of connections, opened and dropped in every way: nothing is left of them. `npm test` runs this once as it is,
// and once with the addon under AddressSanitizer and UndefinedBehaviorSanitizer.
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { expect, it } from '@jest/globals';
import { amount, patient } from '../support/pace';
import { root } from '../support/sources';
import { dispatches } from '../support/tcp-bed';

// AddressSanitizer keeps freed memory for a while, and its own records.
const isSanitized = process.env['ASAN_OPTIONS'] !== undefined;
const connections = amount(4000);
const rssSlackMb = isSanitized ? 700 : 48;

interface SoakResult {
  readonly dispatch: string;
  readonly connections: number;
  readonly rounds: number;
  readonly cutShort: number;
  readonly problems: readonly string[];
}

function soak(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const script = path.join('test', 'soak', 'soak.mjs');
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal, ...texts }));
  });
}

it.each(dispatches)(
  'dropping thousands of connections leaves nothing behind, %s dispatch',
  async (dispatch) => {
    const { code, stdout, stderr } = await soak([
      ...['--dispatch', dispatch, '--connections', String(connections)],
      ...['--rss-slack-mb', String(rssSlackMb)],
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as SoakResult;
    expect(result).toMatchObject({ dispatch, problems: [] });
    expect(result.connections).toBeGreaterThanOrEqual(connections);
    expect(result.cutShort).toBeGreaterThanOrEqual(Math.floor(result.rounds / 5) * 2);
    expect(result.cutShort).toBeGreaterThan(0);
  },
  patient(170_000),
);
