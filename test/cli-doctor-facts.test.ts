// The doctor's facts: what it reads from trees that look like /proc of all kinds of machines.
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decisiveOptions } from '#lib/cli/child';
import { RING_FEATURES, SETUP_FLAGS } from '#lib/cli/doctor/examine';
import { readContainer, readFacts, type Surroundings } from '#lib/cli/doctor/gather';
import { readRestrictions } from '#lib/host';
import { explainRefusal, type RefusalCause } from '#lib/probe';
import { temporaryFolder } from './support/files';
import { constantsOf } from './support/sources';

/** A folder with these files. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const around: Surroundings = {
  platform: 'linux',
  arch: 'x64',
  env: {},
  versions: { node: '22.1.0' },
  nodeNeeded: '>=20',
  cpus: 4,
};

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             96365                96365                processes
Max open files            1024                 524288               files
Max locked memory         65536                unlimited            bytes
`;
const STATUS = `Name:\tnode
Gid:\t1000\t1000\t1000\t1000
Groups:\t27 998
CapEff:\t0000000000004000
Seccomp:\t2
Seccomp_filters:\t3
Cpus_allowed_list:\t0-3
`;

describe('facts from files', () => {
  it('are those of a whole tree', () => {
    const root = tree({
      'proc/self/limits': LIMITS,
      'proc/self/status': STATUS,
      'proc/self/attr/current': 'docker-default (enforce)\n',
      'proc/sys/kernel/osrelease': '6.6.1-test\n',
      'proc/sys/kernel/io_uring_disabled': '1\n',
      'proc/sys/kernel/io_uring_group': '998\n',
    });
    expect(readFacts(root, around)).toEqual({
      system: {
        platform: 'linux',
        arch: 'x64',
        kernel: '6.6.1-test',
        runtime: 'node',
        node: '22.1.0',
        nodeNeeded: '>=20',
        cpus: 4,
        mayLockMemory: true,
        securityLabel: 'docker-default (enforce)',
      },
      limits: { memlock: { soft: 65536, hard: null }, descriptors: { soft: 1024, hard: 524288 } },
      seccomp: { mode: 2, filters: 3 },
      sysctl: { ioUringDisabled: 1, ioUringGroup: 998 },
      container: { kind: 'none', evidence: [] },
    });
  });

  it('are absent where there are no files', () => {
    const facts = readFacts(tree({}), { ...around, platform: 'darwin' });
    expect(facts).toMatchObject({
      system: { platform: 'darwin', kernel: '', mayLockMemory: false, securityLabel: '' },
      limits: { memlock: {}, descriptors: {} },
      seccomp: { mode: null, filters: null },
      sysctl: { ioUringDisabled: null, ioUringGroup: null },
      container: { kind: 'none' },
    });
  });

  it('are absent where files have something else in them', () => {
    const root = tree({
      'proc/self/limits': 'Max open files  many few files\n',
      'proc/self/status': 'Seccomp:\tyes\nCapEff:\tnone\nGroups:\t\n',
      'proc/sys/kernel/io_uring_disabled': 'no\n',
    });
    expect(readFacts(root, around)).toMatchObject({
      system: { mayLockMemory: false },
      limits: { descriptors: {} },
      seccomp: { mode: null },
      sysctl: { ioUringDisabled: null },
    });
    expect(readRestrictions(root).groups).toEqual([]);
  });

  it.each([
    [{ node: '22.0.0', bun: '1.2.0' }, 'bun'],
    [{ node: '22.0.0', deno: '2.1.0' }, 'deno'],
    [{ node: '22.0.0' }, 'node'],
  ])('name the runtime: %o', (versions, runtime) => {
    expect(readFacts(tree({}), { ...around, versions }).system.runtime).toBe(runtime);
  });
});

describe('the container', () => {
  it.each([
    ['none', { 'proc/1/cgroup': '0::/init.scope\n' }, {}],
    ['docker', { '.dockerenv': '' }, {}],
    ['docker', { 'proc/1/cgroup': '5:cpu:/docker/0123456789ab\n' }, {}],
    ['podman', { 'run/.containerenv': '' }, {}],
    ['podman', { 'proc/1/cgroup': '0::/machine.slice/libpod-01.scope\n' }, {}],
    ['kubernetes', { 'proc/1/cgroup': '0::/kubepods.slice/kubepods-pod1.slice\n' }, {}],
    ['kubernetes', { '.dockerenv': '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
    ['containerd', { 'proc/1/cgroup': '0::/system.slice/containerd.service\n' }, {}],
    ['lxc', { 'proc/1/cgroup': '0::/lxc.payload.web\n' }, {}],
    ['lxc', { 'proc/1/environ': 'PATH=/bin\0container=lxc\0' }, {}],
    ['systemd-nspawn', {}, { container: 'systemd-nspawn' }],
    ['other', {}, { container: 'wonder' }],
    ['gvisor', { 'proc/version': 'Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n' }, {}],
    ['gvisor', { '.dockerenv': '', 'proc/version': 'Linux version 4.19.0-gvisor\n' }, {}],
  ] as const)('is %s: %o %o', (kind, files, env) => {
    const container = readContainer(tree(files), env);
    expect(container.kind).toBe(kind);
    expect(container.evidence.length > 0).toBe(kind !== 'none');
  });
});

describe('the cause of a refusal', () => {
  const EPERM = -1;
  const ENOSYS = -38;
  const sysctl = (disabled: string, group = '-1') => ({
    'proc/sys/kernel/io_uring_disabled': disabled,
    'proc/sys/kernel/io_uring_group': group,
  });
  const filtered = { 'proc/self/status': STATUS };

  it.each<[RefusalCause, number, Record<string, string>]>([
    ['sysctl', EPERM, sysctl('2')],
    ['sysctl', EPERM, sysctl('1')],
    ['sysctl', EPERM, { ...filtered, ...sysctl('1', '4711') }],
    ['seccomp', EPERM, { ...filtered, ...sysctl('1', '998') }], // a member of the group: it is not the sysctl
    ['seccomp', EPERM, { ...filtered, ...sysctl('0') }],
    ['seccomp', ENOSYS, filtered],
    ['security-module', EPERM, sysctl('0')],
    ['security-module', EPERM, {}],
    ['security-module', -13, {}],
    ['kernel', ENOSYS, {}],
    ['kernel', -22, {}],
    ['memlock', -12, {}],
    ['descriptors', -24, {}],
    ['descriptors', -23, {}],
    ['processes', -11, {}],
  ])('is %s: errno %i, %o', (cause, errno, files) => {
    const refusal = explainRefusal(errno, 'io_uring_setup', readRestrictions(tree(files)));
    expect(refusal.cause).toBe(cause);
    expect(refusal.reason).toContain('io_uring_setup');
    expect(refusal.hint).not.toBe('');
  });

  it.each([EPERM, ENOSYS, -13, -97])(
    'is a filter where another call than those of io_uring fails with %i',
    (errno) => {
      const refusal = explainRefusal(errno, 'socketpair', readRestrictions(tree(sysctl('2'))));
      expect(refusal.cause).toBe('seccomp');
      expect(refusal.hint).toMatch(/^allow socketpair/);
    },
  );

  it('tells the limit of the process from that of the system', () => {
    const hint = (errno: number): string =>
      explainRefusal(errno, 'eventfd', readRestrictions(tree({}))).hint;
    expect([hint(-24), hint(-23)]).toEqual([
      expect.stringContaining('RLIMIT_NOFILE'),
      expect.stringContaining('fs.file-max'),
    ]);
  });

  it('is told with the limit on locked memory, where that counts', () => {
    const limits = 'Max locked memory         65536                unlimited            bytes';
    const hintWith = (capabilities: string): string => {
      const files = {
        'proc/self/limits': limits,
        'proc/self/status': `CapEff:\t${capabilities}\n`,
      };
      return explainRefusal(-12, 'io_uring_setup', readRestrictions(tree(files))).hint;
    };
    expect(hintWith('0000000000000000')).toContain('64 KiB');
    expect(hintWith('0000000000004000')).not.toContain('64 KiB'); // CAP_IPC_LOCK
  });
});

describe('the options of Node that an examination gets', () => {
  it('are those that decide what it may do', () => {
    const decisive = ['--no-addons', '--permission', '--allow-addons', '--allow-fs-read=/a'];
    const others = ['--inspect=0', '--expose-gc', '--no-warnings', '-r', './allow.js'];
    expect(decisiveOptions([...others, ...decisive])).toEqual(decisive);
    const apart = ['--experimental-permission', '--allow-fs-read', '*', '--allow-child-process'];
    expect(decisiveOptions([...apart, 'x'])).toEqual(apart);
  });
});

describe("the ring's flags", () => {
  it('have the numbers of native/kernel_abi.h', () => {
    const native = constantsOf('native/kernel_abi.h');
    const own = { ...RING_FEATURES, ...SETUP_FLAGS };
    expect(own).toEqual(
      Object.fromEntries(Object.keys(own).map((name) => [name, native.get(name)])),
    );
  });
});
