// `npm run bench -- WORKLOAD ...`: one row, measured and shown.
import { writeFileSync } from 'node:fs';
import { describeMachine } from '../machine.js';
import { buildNativePrograms } from '../native.js';
import { writeResults } from '../report/results-file.js';
import { formatRow } from '../report/terminal.js';
import { exitCodeOf, resultFormat } from '../result.js';
import type { Workload } from '../workload.js';

/** Resolves to the exit code. */
export async function runWorkload(workload: Workload, argv: readonly string[]): Promise<number> {
  const options = workload.parse(argv);
  if (options === 'help') {
    console.log(workload.helpText);
    return 0;
  }
  const startedAt = new Date().toISOString();
  const machine = describeMachine();
  // Fail on a file that cannot be written now rather than after two minutes.
  if (options.json !== undefined) writeFileSync(options.json, '');
  buildNativePrograms();
  const row = await workload.run(options);
  console.log(formatRow(machine, row));
  const finishedAt = new Date().toISOString();
  const suite = { format: resultFormat, startedAt, finishedAt, machine, rows: [row] } as const;
  if (options.json !== undefined) writeResults(options.json, suite);
  return exitCodeOf([row]);
}
