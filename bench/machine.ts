// What a result was measured on.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { projectRoot } from './paths.js';

export interface Machine {
  readonly kernel: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly architecture: string;
  readonly nodeVersion: string;
  /** A hypervisor is below the kernel: times are less steady then. */
  readonly isVirtual: boolean;
  /** The commit that was measured, with `-dirty` where other files than the results differ from it. */
  readonly gitCommit: string | undefined;
}

export function describeMachine(): Machine {
  return {
    kernel: `${os.type()} ${os.release()}`,
    cpuModel: os.cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: os.cpus().length,
    memoryBytes: os.totalmem(),
    architecture: os.arch(),
    nodeVersion: process.version,
    isVirtual: hasHypervisor(),
    gitCommit: gitCommit(),
  };
}

/** What x86 processors say of themselves; elsewhere a virtual machine may pass for a real one. */
function hasHypervisor(): boolean {
  return /^flags\s*:.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
}

/** A run writes results and README's figures itself: when it is resumed, they make no other code of it. */
function gitCommit(): string | undefined {
  const commit = git('rev-parse', 'HEAD');
  const code = ['.', ':(exclude)bench/results', ':(exclude)README.md'];
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', ...code);
  return commit && changes ? `${commit}-dirty` : commit;
}

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: projectRoot, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
