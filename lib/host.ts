// What the system tells of itself in /proc that decides whether io_uring may be used, as functions of a root folder, so
// that tests can give a tree of their own. Never throws: what cannot be read is absent.
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

/** What may refuse io_uring. */
export interface HostRestrictions {
  /** The kernel's release, as uname(2) has it; '' where there is none. */
  readonly kernel: string;
  /** 0 none, 1 strict, 2 a filter; null where it is not told. */
  readonly seccompMode: number | null;
  /** The sysctl kernel.io_uring_disabled; null where the kernel has none (before 6.6). */
  readonly ioUringDisabled: number | null;
  /** The sysctl kernel.io_uring_group, -1 for no group; null where the kernel has none. */
  readonly ioUringGroup: number | null;
  /** The groups of this process. */
  readonly groups: readonly number[];
  /** Bytes that this user's processes can lock; null where there is no limit, or it is not told. */
  readonly lockedBytesMax: number | null;
}

/** A limit of /proc/self/limits; null for none, absent where it is not told. */
export interface HostLimit {
  readonly soft?: number | null;
  readonly hard?: number | null;
}

const CAP_IPC_LOCK = 14n;

/** A file's text without white space around it; '' where it cannot be read. */
export function readText(root: string, file: string): string {
  try {
    return readFileSync(path.join(root, file), 'latin1').trim();
  } catch {
    return '';
  }
}

/** A number in a file of its own, as sysctls are; null where there is none. */
export function readNumber(root: string, file: string): number | null {
  const text = readText(root, file);
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

/** A line of /proc/self/status without its name; '' where it lacks. */
export function readStatus(root: string, name: string): string {
  const line = new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(readText(root, 'proc/self/status'));
  return line?.[1]?.trim() ?? '';
}

/** A line of /proc/self/limits. */
export function readLimit(root: string, name: string): HostLimit {
  const line = new RegExp(`^${name}\\s+(unlimited|\\d+)\\s+(unlimited|\\d+)`, 'm').exec(
    readText(root, 'proc/self/limits'),
  );
  if (line === null) return {};
  const [soft, hard] = line.slice(1).map((text) => (text === 'unlimited' ? null : Number(text)));
  return { soft: soft ?? null, hard: hard ?? null };
}

/** CAP_IPC_LOCK: the limit on locked memory does not count. */
export function mayLockMemory(root: string): boolean {
  const capabilities = readStatus(root, 'CapEff');
  const mask = /^[0-9a-f]+$/i.test(capabilities) ? BigInt(`0x${capabilities}`) : 0n;
  return ((mask >> CAP_IPC_LOCK) & 1n) === 1n;
}

export function readRestrictions(root: string): HostRestrictions {
  const mode = readStatus(root, 'Seccomp');
  const groups = `${readStatus(root, 'Gid')} ${readStatus(root, 'Groups')}`;
  return {
    kernel: readText(root, 'proc/sys/kernel/osrelease'),
    seccompMode: /^\d+$/.test(mode) ? Number(mode) : null,
    ioUringDisabled: readNumber(root, 'proc/sys/kernel/io_uring_disabled'),
    ioUringGroup: readNumber(root, 'proc/sys/kernel/io_uring_group'),
    groups: [...new Set((groups.match(/\d+/g) ?? []).map(Number))],
    lockedBytesMax: mayLockMemory(root)
      ? null
      : (readLimit(root, 'Max locked memory').soft ?? null),
  };
}
