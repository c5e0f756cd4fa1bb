// The table of operations in flight, on its own: what only billions of operations would show.
import { describe, expect, it } from '@jest/globals';
import { HandlerTable } from '#lib/ring/handler-table';
import type { SubmissionEntry } from '#lib/ring/submission-queue';

const entry = { owned: null, address: () => {} } as unknown as SubmissionEntry;

/** A table of 2000 operations, 512 slots of which are free, in which so many operations have ended. */
function tableAfter(operations: number): HandlerTable {
  const table = new HandlerTable(2000, new Int32Array(2001), new Int32Array(16));
  const state = table as unknown as { free: Int32Array; freeHead: number; freeTail: number };
  const mask = state.free.length - 1;
  const before = state.free.slice();
  before.forEach((slot, index) => {
    state.free[(index + operations) & mask] = slot;
  });
  state.freeHead = (state.freeHead + operations) | 0;
  state.freeTail = (state.freeTail + operations) | 0;
  return table;
}

describe('a table of operations in flight', () => {
  it.each([0, 2 ** 31 - 600, 2 ** 31 - 1, 2 ** 32 - 600])(
    'gives no slot to two operations, after %i others either',
    (operations) => {
      const table = tableAfter(operations);
      const slots = Array.from({ length: 2000 }, () => table.take(() => {}, entry, 0));
      expect(new Set(slots).size).toBe(2000);
      expect(() => table.take(() => {}, entry, 0)).toThrow(/2000 operations are in flight/);
      table.giveBack(slots[0]!);
      expect(table.take(() => {}, entry, 0)).toBe(slots[0]);
    },
  );
});
