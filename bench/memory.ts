// What memory a process makes the system hold, as the kernel accounts for it.
import { readFileSync } from 'node:fs';

const kibibyte = 1024;
const ringName = 'anon_inode:[io_uring]';

/**
 * The bytes that a process holds and no other shares. Counted are the pages that it filled itself, anonymous and
 * shared, in RAM or swapped out, and its rings, which the kernel allocates whole and maps into it. Left out are pages of
 * files: of them the kernel keeps as many as it likes. So are pages that the process has given back (MADV_FREE).
 */
export function heldBytes(pid: number): number {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
  return filledBytes(read('smaps_rollup')) + ringBytes(read('maps'));
}

/** Of the text of /proc/PID/smaps_rollup. Throws an Error where a field is missing: Linux has them all since 5.4. */
export function filledBytes(rollup: string): number {
  const field = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup);
    if (!match) throw new Error(`smaps_rollup has no ${name}`);
    return Number(match[1]) * kibibyte;
  };
  const huge = field('Private_Hugetlb');
  return field('Pss_Anon') + field('Pss_Shmem') + field('SwapPss') + huge - field('LazyFree');
}

/**
 * The rings in the text of /proc/PID/maps. Their whole size, since before Linux 6.10 the resident size leaves them
 * out; and each part of a ring once, however often it is mapped.
 */
export function ringBytes(maps: string): number {
  const sizes = new Map<string, number>();
  for (const line of maps.split('\n')) {
    const [range = '', , offset, , inode, name] = line.split(/\s+/);
    if (name !== ringName) continue;
    const [start, end] = range.split('-').map((address) => Number.parseInt(address, 16));
    if (start === undefined || end === undefined) throw new Error(`unexpected mapping '${line}'`);
    sizes.set(`${inode} ${offset}`, end - start);
  }
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}
