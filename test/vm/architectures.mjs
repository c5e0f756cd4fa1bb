// What tells a guest's architecture from another: names, qemu's machine, and where the host has the C library of one that
// is not its own.

import { existsSync } from 'node:fs';

import { notInstalled } from './tools.mjs';

export const ARCHITECTURES = {
  x64: {
    debian: 'amd64',
    qemu: 'qemu-system-x86_64',
    // Without these two flags the kernel copies by longer "rep" instructions: see README.md.
    machine: ['-M', 'q35', '-cpu', 'max,-erms,-fsrm'],
    parameters: ['console=ttyS0', 'tsc=reliable'],
    triplet: 'x86_64-linux-gnu',
    loader: '/lib64/ld-linux-x86-64.so.2',
  },
  arm64: {
    debian: 'arm64',
    qemu: 'qemu-system-aarch64',
    // The architecture's own way to sign pointers is slow to emulate.
    machine: ['-M', 'virt', '-cpu', 'max,pauth-impdef=on'],
    parameters: ['console=ttyAMA0'],
    triplet: 'aarch64-linux-gnu',
    loader: '/lib/ld-linux-aarch64.so.1',
  },
};

/** Where Debian's cross compiler has the C and C++ libraries of an architecture. */
const librariesOf = ({ triplet }) => `/usr/${triplet}/lib`;

/** What is missing here for programs of an architecture that is not the host's, in words. */
export function missingForForeign(architecture) {
  if (existsSync(`${librariesOf(architecture)}/libstdc++.so.6`)) return [];
  const { debian } = architecture;
  return [notInstalled(`libstdc++ for ${debian}`, `libstdc++6-${debian}-cross`)];
}

/**
 * Shell commands that put the libraries of Debian's cross compiler where programs of that architecture look for them, and
 * a shell where they look for one. In the guest alone: what it writes to its root stays in memory.
 */
export function foreignRoot(architecture) {
  const { triplet, loader } = architecture;
  return [
    // What the host has there already stays.
    `mkdir -p /lib/${triplet} ${loader.replace(/[^/]*$/, '')}`,
    `ln -s ${librariesOf(architecture)}/*.so.* /lib/${triplet}/ 2> /dev/null`,
    'ln -sf /run/vm/busybox /bin/sh',
    `ln -s /lib/${triplet}/${loader.replace(/.*\//, '')} ${loader} 2> /dev/null`,
  ];
}
