// The tables and notes of one row for the terminal.
import Table from 'cli-table3';
import type { Machine } from '../machine.js';
import type { RowResult } from '../result.js';
import { type Column, columnsOf } from './columns.js';
import { describeMachineLine, describeMeasuring, disturbances, troubles } from './notes.js';

export function formatRow(machine: Machine, row: RowResult): string {
  const parts = [
    `${row.title}; ${describeMeasuring(row)}`,
    describeMachineLine(machine),
    driverTable(row, columnsOf(row, 'main')),
  ];
  const counted = columnsOf(row, 'instructions');
  if (counted.length > 0) {
    parts.push('Instructions (perf, in rounds of their own):', driverTable(row, counted));
  } else if (row.perfUnavailable !== undefined) {
    parts.push(`Instructions: n/a: ${row.perfUnavailable}`);
  }
  return [...parts, ...disturbances(row), ...troubles(row)].join('\n');
}

function driverTable({ drivers }: RowResult, columns: readonly Column[]): string {
  const table = plainTable(['driver', ...columns.map(({ head }) => head)]);
  for (const driver of drivers) {
    if (driver.status === 'ok') {
      table.push([driver.name, ...columns.map((column) => column.cell(driver))]);
    } else {
      const content = `${driver.status}, see below`;
      const rest = { colSpan: Math.max(1, columns.length), hAlign: 'left', content } as const;
      table.push([driver.name, rest]);
    }
  }
  return table.toString();
}

/** A table without colours, the first column to the left and the figures to the right. */
export function plainTable(head: readonly string[]): InstanceType<typeof Table> {
  return new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
}
