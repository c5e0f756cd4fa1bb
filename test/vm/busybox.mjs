// The busybox that the guest starts with: before it has the host's file tree there are no libraries, so it has to be static.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ARCHITECTURES } from './architectures.mjs';
import { fetchPackage, missingForFetch } from './debian.mjs';
import { findProgram, notInstalled, WORK_FOLDER } from './tools.mjs';

const PT_INTERP = 3;

/** Where Debian's busybox for another architecture is unpacked. */
function foreignFolder(arch) {
  return join(WORK_FOLDER, `busybox-${ARCHITECTURES[arch].debian}`);
}

/** Whether a program needs no loader, and so no libraries. */
function isStatic(program) {
  const elf = readFileSync(program);
  const [offset, size, count] = [elf.readUInt32LE(32), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const headers = Array.from({ length: count }, (_, index) => offset + index * size);
  return !headers.some((header) => elf.readUInt32LE(header) === PT_INTERP);
}

/** What is missing here for a busybox that runs in the guest, in words. */
export function missingForBusybox(arch) {
  if (arch !== process.arch) return existsSync(foreignFolder(arch)) ? [] : missingForFetch();
  const program = findProgram('busybox');
  return program && isStatic(program) ? [] : [notInstalled('a static busybox', 'busybox-static')];
}

/** The path of that busybox: the host's, or one of Debian's. */
export function busybox(arch) {
  if (arch === process.arch) return findProgram('busybox');
  const folder = foreignFolder(arch);
  if (!existsSync(folder)) {
    const choose = () => 'busybox-static';
    fetchPackage({ suite: 'bookworm', arch: ARCHITECTURES[arch].debian, choose }, folder);
  }
  return join(folder, 'bin', 'busybox');
}
