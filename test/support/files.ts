// Temporary files and pipes, gone after the test.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { atEnd } from './cleanup';

export function temporaryFolder(parent = tmpdir()): string {
  const folder = fs.mkdtempSync(path.join(parent, 'proactor-test-'));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function temporaryFile(content: string | Uint8Array = ''): string {
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, content);
  return file;
}

export function openFile(file: string, flags: string | number = 'r+'): number {
  const fd = fs.openSync(file, flags);
  atEnd(() => fs.closeSync(fd));
  return fd;
}

/** A pipe's two ends, through a name in the file system. */
export function pipe(): { readonly reader: number; readonly writer: number } {
  const name = path.join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [name]);
  // Opening for both directions does not wait for the other end.
  const writer = openFile(name, fs.constants.O_RDWR);
  const reader = openFile(name, fs.constants.O_RDONLY);
  return { reader, writer };
}

/** How many descriptors this process has open. */
export function openDescriptors(pid: number | 'self' = 'self'): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

/** How many threads this process has. */
export function runningThreads(pid: number | 'self' = 'self'): number {
  return fs.readdirSync(`/proc/${pid}/task`).length;
}

/** Bytes in which a gap, a repetition or an exchange would show; the same for the same arguments. */
export function patterned(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}
