// Reads the little of an ELF file that tells what it runs on: its machine and its loader.
import { closeSync, openSync, readSync } from 'node:fs';

export interface ElfFile {
  /** As `process.arch` names it, or the number of a machine that is none of ours. */
  readonly arch: string;
  /** The loader that a program asks for, `'/lib/ld-musl-x86_64.so.1'`; empty for a library. */
  readonly interpreter: string;
}

const HEADER_BYTES = 64;
const ELF_MAGIC = '\x7fELF';
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_INTERP = 3;
// No program has more headers or a longer loader's name; a damaged file may claim so.
const HEADERS_LIMIT = 64;
const INTERPRETER_LIMIT = 1024;
const ARCHITECTURES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };

/** Undefined for what is no ELF file of 64 bits in little endian, and where it cannot be read. */
export function readElf(file: string): ElfFile | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    return parse(fd);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function parse(fd: number): ElfFile | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  const isOurs = header[4] === CLASS_64 && header[5] === LITTLE_ENDIAN;
  if (header.toString('latin1', 0, 4) !== ELF_MAGIC || !isOurs) return undefined;
  const machine = header.readUInt16LE(0x12);
  return { arch: ARCHITECTURES[machine] ?? `machine ${machine}`, interpreter: loader(fd, header) };
}

function loader(fd: number, header: Buffer): string {
  const start = Number(header.readBigUInt64LE(0x20));
  const size = header.readUInt16LE(0x36);
  const count = Math.min(header.readUInt16LE(0x38), HEADERS_LIMIT);
  const table = Buffer.alloc(size * count);
  if (readSync(fd, table, 0, table.length, start) < table.length) return '';
  for (let at = 0; at < table.length; at += size) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(table.readBigUInt64LE(at + 0x08));
    const bytes = Math.min(Number(table.readBigUInt64LE(at + 0x20)), INTERPRETER_LIMIT);
    const name = Buffer.alloc(bytes);
    readSync(fd, name, 0, bytes, offset);
    return name.toString('latin1').replace(/\0.*$/s, '');
  }
  return '';
}
