// What to do about a limit or a refusal, in the terms of the container or system at hand. Commands as they are typed.
import type { Container } from './report';

type Kind = Container['kind'];

const RISK =
  'read SECURITY.md on the risk of io_uring; do not turn seccomp off (unconfined, privileged) for it';

/** How to get a seccomp filter that allows io_uring. */
export function allowInSeccomp(kind: Kind): readonly string[] {
  const merge =
    "proactor doctor --seccomp-profile DEFAULT.json > io_uring.json, with the engine's default profile (without a file it explains)";
  const docker = 'docker run --security-opt seccomp=io_uring.json ...';
  const podman = 'podman run --security-opt seccomp=io_uring.json ...';
  const kubernetes =
    'Kubernetes: io_uring.json in /var/lib/kubelet/seccomp/profiles/ on the nodes, and in the securityContext ' +
    'seccompProfile: { type: Localhost, localhostProfile: profiles/io_uring.json }';
  const calls = 'io_uring_setup io_uring_enter io_uring_register';
  switch (kind) {
    case 'docker':
      return [merge, docker, RISK];
    case 'podman':
      return [merge, podman, RISK];
    case 'kubernetes':
    case 'containerd':
      return [merge, kubernetes, RISK];
    case 'lxc':
      return [
        `allow ${calls} in the profile of lxc.seccomp.profile (Incus, LXD: security.syscalls.deny)`,
        RISK,
      ];
    case 'systemd-nspawn':
      return [`systemd-nspawn --system-call-filter="${calls}" ...`, RISK];
    default:
      return [
        `in a systemd unit: SystemCallFilter=${calls} (added to the filter that it has)`,
        `in a container: ${merge}; ${docker}`,
        RISK,
      ];
  }
}

/** How to raise a limit: `flag` of ulimit, systemd's name, the engine's name and value. */
interface LimitNames {
  readonly shell: string;
  readonly systemd: string;
  readonly engine: string;
}

function raise(kind: Kind, { shell, systemd, engine }: LimitNames): readonly string[] {
  switch (kind) {
    case 'docker':
      return [`docker run --ulimit ${engine} ...`];
    case 'podman':
      return [`podman run --ulimit ${engine} ...`];
    case 'kubernetes':
    case 'containerd':
      return [`on the node, in the unit of the container runtime (containerd.service): ${systemd}`];
    default:
      return [
        `in the shell: ${shell}`,
        `in the systemd unit: ${systemd}`,
        'for logins: /etc/security/limits.conf, limits.conf(5)',
      ];
  }
}

/** Locked memory, in bytes. */
export function raiseMemlock(kind: Kind, bytes: number): readonly string[] {
  return raise(kind, {
    shell: `ulimit -l ${bytes / 1024}`,
    systemd: `LimitMEMLOCK=${bytes}`,
    engine: `memlock=${bytes}`,
  });
}

export function raiseDescriptors(kind: Kind, count: number): readonly string[] {
  return raise(kind, {
    shell: `ulimit -n ${count}`,
    systemd: `LimitNOFILE=${count}`,
    engine: `nofile=${count}`,
  });
}

/** Of the whole system: in a container it is the host's. */
export function raiseSystemFiles(kind: Kind): readonly string[] {
  return [`${kind === 'none' ? '' : 'on the host: '}sysctl -w fs.file-max=1048576`];
}

/** Processes and threads of a user, a container or a unit, which count together. */
export function raiseProcesses(kind: Kind, count: number): readonly string[] {
  const names = { shell: `ulimit -u ${count}`, systemd: `LimitNPROC=${count}` };
  const limits = raise(kind, { ...names, engine: `nproc=${count}` });
  if (kind === 'docker' || kind === 'podman')
    return [`${kind} run --pids-limit ${count} ...`, ...limits];
  if (kind === 'kubernetes')
    return [`on the node, in the kubelet's configuration: podPidsLimit: ${count}`];
  return [...limits, `in the systemd unit: TasksMax=${count}`];
}

/** Node's permission model: what lets the doctor examine. */
export const ALLOW_IN_NODE: readonly string[] = [
  'node --permission --allow-fs-read=* --allow-child-process --allow-addons ... (for the doctor; a program of yours needs no child process)',
  'or run it without the permission model: without --permission, also in NODE_OPTIONS',
];

/** How to lift the sysctl. In a container it is the host's. */
export function allowInSysctl(kind: Kind): readonly string[] {
  const where = kind === 'none' ? '' : 'on the host: ';
  return [
    `${where}sysctl -w kernel.io_uring_disabled=0`,
    `${where}echo kernel.io_uring_disabled=0 > /etc/sysctl.d/90-io_uring.conf (to keep it)`,
    `${where}or for one group only: sysctl -w kernel.io_uring_disabled=1 kernel.io_uring_group=GID`,
  ];
}
