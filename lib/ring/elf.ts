// Reads the little of an ELF file that tells what it runs on, its machine and its loader, and whether it
// is all there.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface ElfFile {
  /** As `process.arch` names it, or the number of a machine that is none of ours. */
  readonly arch: string;
  /** The loader that a program asks for, `'/lib/ld-musl-x86_64.so.1'`; empty for a library. */
  readonly interpreter: string;
  /** Nothing is missing at its end: what is loaded is there, and so is the table behind it. */
  readonly isWhole: boolean;
}

interface ProgramHeader {
  readonly type: number;
  /** Where in the file that part begins, and how much of it there is. */
  readonly start: number;
  readonly bytes: number;
}

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const ELF_MAGIC = '\x7fELF';
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_LOAD = 1;
const PT_INTERP = 3;
const SHT_STRTAB = 3;
// No program has more headers or a longer loader's name; a damaged file may claim so.
const HEADERS_LIMIT = 64;
const INTERPRETER_LIMIT = 1024;
const ARCHITECTURES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };

/**
 * Undefined for what is no ELF file of 64 bits in little endian.
 *
 * @throws The error of node:fs where the file cannot be read.
 */
export function readElf(file: string): ElfFile | undefined {
  const fd = openSync(file, 'r');
  try {
    return parse(fd);
  } finally {
    closeSync(fd);
  }
}

function parse(fd: number): ElfFile | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  const isOurs = header[4] === CLASS_64 && header[5] === LITTLE_ENDIAN;
  if (header.toString('latin1', 0, 4) !== ELF_MAGIC || !isOurs) return undefined;
  const machine = header.readUInt16LE(0x12);
  const parts = programHeaders(fd, header);
  return {
    arch: ARCHITECTURES[machine] ?? `machine ${machine}`,
    interpreter: loader(fd, parts ?? []),
    isWhole: parts !== undefined && hasAll(fd, header, parts),
  };
}

/** Undefined where the file ends before their end. */
function programHeaders(fd: number, header: Buffer): readonly ProgramHeader[] | undefined {
  const start = Number(header.readBigUInt64LE(0x20));
  const size = header.readUInt16LE(0x36);
  const count = Math.min(header.readUInt16LE(0x38), HEADERS_LIMIT);
  const table = Buffer.alloc(size * count);
  if (readSync(fd, table, 0, table.length, start) < table.length) return undefined;
  const parts: ProgramHeader[] = [];
  for (let at = 0; at + 0x28 <= table.length; at += size) {
    parts.push({
      type: table.readUInt32LE(at),
      start: Number(table.readBigUInt64LE(at + 0x08)),
      bytes: Number(table.readBigUInt64LE(at + 0x20)),
    });
  }
  return parts;
}

function loader(fd: number, parts: readonly ProgramHeader[]): string {
  const part = parts.find(({ type }) => type === PT_INTERP);
  if (part === undefined) return '';
  const name = Buffer.alloc(Math.min(part.bytes, INTERPRETER_LIMIT));
  readSync(fd, name, 0, name.length, part.start);
  return name.toString('latin1').replace(/\0.*$/s, '');
}

/**
 * The system's loader maps what the headers say, and whoever touches what lies behind the end of the
 * file is killed. Behind all that is loaded comes the table of sections, which names its table of
 * names: a file that got its full length before its content has zeros there.
 */
function hasAll(fd: number, header: Buffer, parts: readonly ProgramHeader[]): boolean {
  const { size } = fstatSync(fd);
  const isIn = (start: number, bytes: number): boolean => start + bytes <= size;
  if (!parts.every(({ type, start, bytes }) => type !== PT_LOAD || isIn(start, bytes)))
    return false;
  const table = Number(header.readBigUInt64LE(0x28));
  if (table === 0) return true; // some tools take it away
  const count = header.readUInt16LE(0x3c);
  if (!isIn(table, count * SECTION_HEADER_BYTES)) return false;
  const names = Buffer.alloc(SECTION_HEADER_BYTES);
  const index = header.readUInt16LE(0x3e);
  readSync(fd, names, 0, names.length, table + index * SECTION_HEADER_BYTES);
  return names.readUInt32LE(0x04) === SHT_STRTAB;
}
