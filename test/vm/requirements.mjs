// What a machine needs of the host, and what of it is not there: all at once, before anything is fetched or started.

import { existsSync } from 'node:fs';

import { ARCHITECTURES, missingForForeign } from './architectures.mjs';
import { missingForBusybox } from './busybox.mjs';
import { missingForKernel } from './kernel.mjs';
import { missingPrograms, notInstalled } from './tools.mjs';

function missingForCounting() {
  const header = '/usr/include/stdio.h';
  const missing = missingPrograms(['cc']);
  return existsSync(header) ? missing : [...missing, notInstalled(header, 'libc6-dev')];
}

/** What is missing here for a machine with these options of `run.mjs`, in words. */
export function missingFor({ kernel, arch, icount = false }) {
  const architecture = ARCHITECTURES[arch];
  const missing = [
    ...missingPrograms([architecture.qemu, 'timeout']),
    ...missingForBusybox(arch),
    ...missingForKernel(kernel, architecture.debian),
    ...(arch === process.arch ? [] : missingForForeign(architecture)),
    ...(icount ? missingForCounting() : []),
  ];
  return [...new Set(missing)];
}
