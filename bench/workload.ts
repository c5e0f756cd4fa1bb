// What a workload is to the command: how its options are read, and how it is run. A workload is a file in
// workloads/ and its entry in workloads/index.ts.
import type { RowResult } from './result.js';

export interface Workload<Options extends CommonOptions = CommonOptions> {
  /** The word on the command line. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The text of `npm run bench -- NAME --help`. */
  readonly helpText: string;
  /** Throws a UsageError for what it cannot follow. The arguments come without the workload's name. */
  parse(argv: readonly string[]): Options | 'help';
  /** The id that a run with these options gives its row: a suite lists, filters and resumes by it. */
  rowId(options: Options): string;
  /** Measures every driver that was asked for. A driver's failure is in its outcome; it never rejects for one. */
  run(options: Options): Promise<RowResult>;
}

/** What main.ts itself needs of any workload's options. */
export interface CommonOptions {
  /** Where to write what was measured. */
  readonly json: string | undefined;
}
