// Which C library this process runs on. Runs no program (`ldd`), which would cost milliseconds and need one.
import { readFileSync } from 'node:fs';
import { readElf } from './elf';

export type LibcName = 'glibc' | 'musl';

/**
 * Asks the running program which loader it was linked for: some small reads, 0.02 ms, and they work
 * on Bun, on Deno and in qemu-user as well. Where that says nothing (no /proc; the loader was called
 * with the program as its argument) the mappings are looked at, 0.1 to 0.7 ms. Node's
 * process.report also knows, but only of glibc, and takes 12 ms. If nothing tells, it is glibc.
 */
export function libcName(
  programs: readonly string[] = ['/proc/self/exe', process.execPath],
  mappings = '/proc/self/maps',
): LibcName {
  for (const program of programs) {
    const interpreter = interpreterOf(program);
    if (/\/ld-musl-/.test(interpreter)) return 'musl';
    if (/\/ld-linux-/.test(interpreter)) return 'glibc';
  }
  try {
    // The loader is the library; distributions put it beside others under names of their own.
    const isMusl = /\/(ld-musl-|libc\.musl-)|-linux-musl\//.test(readFileSync(mappings, 'latin1'));
    return isMusl ? 'musl' : 'glibc';
  } catch {
    return 'glibc';
  }
}

function interpreterOf(program: string): string {
  try {
    return readElf(program)?.interpreter ?? '';
  } catch {
    return ''; // no /proc, or no leave to read there
  }
}
