// What a driver of the echo benchmark is: a name and the command that starts its server.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths.js';

export interface EchoLoad {
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
}

export interface EchoDriver {
  readonly name: string;
  readonly description: string;
  /**
   * The command of a server on a port of its own choosing, which prints `listening on HOST:PORT`. Throws an
   * Error with the reason where it cannot be run.
   */
  command(load: EchoLoad): readonly string[];
}

/** A server written in JavaScript, run by the Node that runs the benchmark. */
export function nodeCommand(file: string, ...args: readonly string[]): readonly string[] {
  const script = path.join(projectRoot, file);
  if (!existsSync(script)) throw new Error(`${file} is missing`);
  return [process.execPath, script, ...args];
}

/** The package's own echo example, which is what users are shown. */
export function exampleCommand(dispatch: 'loop' | 'thread', tier: 'tcp' | 'operations') {
  const options = ['--port', '0', '--dispatch', dispatch, '--tier', tier];
  return nodeCommand('examples/echo-server.mjs', ...options);
}
