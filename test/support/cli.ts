// The command `proactor`, run as users run it.
import * as path from 'node:path';
import { expect } from '@jest/globals';
import { type Ended, type RunOptions, root, runCommand } from './child';

/** The file of the command. */
export const command = path.join(root, 'dist', 'cli', 'main.js');

export function runCli(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return runCommand(process.execPath, [command, ...args], { timeoutMs: 60_000, ...options });
}

/** No stack trace, whatever happens. */
export function expectNoStack({ stdout, stderr }: Ended): void {
  expect(stdout + stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
}
