// Gathers the facts: what files below a root folder say, as pure functions of it, and what trying says, in child
// processes, since a sandbox may kill whoever tries. Judges nothing.
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { mayLockMemory, readLimit, readRestrictions, readStatus, readText } from '../../host';
import { runChild } from '../child';
import { failedTest } from './failed-test';
import type { Container, Facts, Obstacle, ProbeFacts, SelfTest, SystemFacts } from './report';

/** What is not in files: of the process that asks. */
export interface Surroundings {
  readonly platform: string;
  readonly arch: string;
  readonly env: NodeJS.ProcessEnv;
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly nodeNeeded: string;
  readonly cpus: number;
}

// /proc/version of gVisor, which imitates one kernel build.
const GVISOR_VERSION = /gvisor|4\.4\.0 #1 SMP Sun Jan 10 15:06:54 PST 2016/i;

export function readSystem(root: string, around: Surroundings): SystemFacts {
  const { platform, arch, versions, nodeNeeded, cpus } = around;
  return {
    platform,
    arch,
    kernel: readRestrictions(root).kernel,
    runtime: versions['bun'] ? 'bun' : versions['deno'] ? 'deno' : 'node',
    node: versions['node'] ?? '',
    nodeNeeded,
    cpus,
    mayLockMemory: mayLockMemory(root),
    // The kernel ends it with a null character.
    securityLabel: readText(root, 'proc/self/attr/current').replace(/\0.*$/s, ''),
  };
}

type Sign = readonly [kind: Container['kind'], evidence: string, isThere: boolean];

export function readContainer(root: string, env: NodeJS.ProcessEnv): Container {
  const groups = readText(root, 'proc/1/cgroup');
  const version = readText(root, 'proc/version');
  const mine = env['container'] ?? '';
  // Of process 1 where it can be read; of a shell in a container it is our own.
  const first = /(?:^|\0)container=([^\0]*)/.exec(readText(root, 'proc/1/environ'))?.[1] ?? '';
  const named = mine || first;
  const has = (file: string): boolean => existsSync(path.join(root, file));
  // From the innermost that decides to the most general.
  const signs: readonly Sign[] = [
    ['gvisor', '/proc/version', GVISOR_VERSION.test(version)],
    ['kubernetes', 'KUBERNETES_SERVICE_HOST', (env['KUBERNETES_SERVICE_HOST'] ?? '') !== ''],
    ['kubernetes', '/proc/1/cgroup', /kubepods/.test(groups)],
    ['podman', '/run/.containerenv', has('run/.containerenv')],
    ['podman', '/proc/1/cgroup', /libpod/.test(groups)],
    ['docker', '/.dockerenv', has('.dockerenv')],
    ['docker', '/proc/1/cgroup', /\/docker[/-]/.test(groups)],
    ['containerd', '/proc/1/cgroup', /containerd/.test(groups)],
    ['lxc', '/proc/1/cgroup', /\/lxc[./]|lxc\.payload/.test(groups)],
    ...(named === '' ? [] : [[kindOf(named), `container=${named}`, true] as Sign]),
  ];
  const seen = signs.filter(([, , isThere]) => isThere);
  return {
    kind: seen[0]?.[0] ?? 'none',
    evidence: [...new Set(seen.map(([, evidence]) => evidence))],
  };
}

function kindOf(name: string): Container['kind'] {
  const kinds = ['podman', 'docker', 'lxc', 'systemd-nspawn'] as const;
  return kinds.find((kind) => name === kind || name.startsWith(`${kind}-`)) ?? 'other';
}

/** All facts that lie in files. */
export function readFacts(
  root: string,
  around: Surroundings,
): Pick<Facts, 'system' | 'limits' | 'seccomp' | 'sysctl' | 'container'> {
  const { seccompMode, ioUringDisabled, ioUringGroup } = readRestrictions(root);
  const filters = readStatus(root, 'Seccomp_filters');
  return {
    system: readSystem(root, around),
    limits: {
      memlock: readLimit(root, 'Max locked memory'),
      descriptors: readLimit(root, 'Max open files'),
    },
    seccomp: { mode: seccompMode, filters: /^\d+$/.test(filters) ? Number(filters) : null },
    sysctl: { ioUringDisabled, ioUringGroup },
    container: readContainer(root, around.env),
  };
}

/** Everything: reads, probes, and tries both dispatchers if there is something to try. */
export async function gather(around: Surroundings, timeoutMs: number): Promise<Facts> {
  const read = readFacts('/', around);
  const { value: probe, failure, obstacle } = await examine<ProbeFacts>('probe', timeoutMs);
  const selfTests: SelfTest[] = [];
  if (probe?.available) {
    // One after the other: each ring's memory counts against the limit.
    for (const dispatch of ['loop', 'thread'] as const) {
      if (dispatch === 'loop' && probe.features['loopDispatch'] !== true) continue;
      const tested = await examine<SelfTest>(dispatch, timeoutMs);
      selfTests.push(tested.value ?? failedTest(dispatch, tested.failure, tested.obstacle));
    }
  }
  const facts = { ...read, probe: probe ?? null, probeFailure: failure, probeObstacle: obstacle };
  return { ...facts, selfTests };
}

/** One examination, by examine.ts in a process of its own. */
export async function examine<T>(
  what: 'probe' | 'loop' | 'thread',
  timeoutMs: number,
): Promise<{
  readonly value?: T;
  readonly failure: string;
  readonly obstacle: Obstacle | null;
}> {
  const args = [what, String(timeoutMs)];
  const { stdout, failure, obstacle } = await runChild(
    require.resolve('./examine'),
    args,
    timeoutMs,
  );
  if (failure !== '') return { failure, obstacle };
  try {
    return { value: JSON.parse(stdout) as T, failure: '', obstacle: null };
  } catch {
    return { failure: `it printed no report: ${stdout.slice(0, 200)}`, obstacle: null };
  }
}
