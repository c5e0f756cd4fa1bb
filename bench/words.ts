// Numbers as they stand in ids and titles.

const units = [
  { bytes: 1024 * 1024, word: 'MiB' },
  { bytes: 1024, word: 'KiB' },
] as const;

/** 16384 as '16KiB', and what is no multiple of a unit in the next smaller one. */
export function bytesWord(bytes: number): string {
  const unit = units.find((each) => bytes % each.bytes === 0);
  return unit === undefined ? `${bytes}B` : `${bytes / unit.bytes}${unit.word}`;
}
