// A workload that is a contest: from what is its own (its options, its load, its figures) the whole of it is made.
import {
  type CommonValues,
  type Contest,
  checkPlacement,
  commonOptions,
  placementWord,
  type RoundValues,
  roundConditions,
  roundOptions,
  runContest,
  selectDrivers,
} from './contest.js';
import type { Driver } from './drivers/driver.js';
import { helpOf, type OptionTable, parseCommand, type ValuesOf } from './options.js';
import type { RowResult } from './result.js';
import type { Workload } from './workload.js';

export type ContestOptions<Shape extends OptionTable> = ValuesOf<Shape> &
  CommonValues &
  RoundValues;

export interface ContestWorkload<Shape extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  /** All that can take part. */
  readonly drivers: readonly Driver[];
  /** The options of this workload alone, in the order of the help and of a row's conditions. */
  readonly shape: Shape;
  readonly headline: string;
  /** Throws a UsageError for values that cannot be followed. */
  check?(values: ValuesOf<Shape>): void;
  /** The part of a row's id between the workload and the placement. */
  idOf(values: ValuesOf<Shape>): string;
  /** The row's title, for people. */
  titleOf(values: ValuesOf<Shape>): string;
  contestOf(values: ValuesOf<Shape>): Omit<Contest, 'drivers'>;
}

export function contestWorkload<Shape extends OptionTable>(
  own: ContestWorkload<Shape>,
): Workload<ContestOptions<Shape>> {
  const { name, summary, drivers, shape, headline } = own;
  const table = { ...shape, ...roundOptions(), ...commonOptions(drivers) };
  const rowId = (options: ContestOptions<Shape>) =>
    `${name}/${own.idOf(options)}/${placementWord(options)}`;
  return {
    name,
    summary,
    helpText: helpOf(name, summary, table),
    parse(argv) {
      // A spread of a generic table is not seen to have the parts' types.
      const options = parseCommand(table, argv) as ContestOptions<Shape> | 'help';
      if (options === 'help') return options;
      checkPlacement(options);
      own.check?.(options);
      return options;
    },
    rowId,
    async run(options) {
      const contest = {
        ...own.contestOf(options),
        drivers: selectDrivers(drivers, options.drivers),
      };
      const result = await runContest(contest, options);
      return {
        id: rowId(options),
        workload: name,
        title: own.titleOf(options),
        conditions: { ...shapeOf(shape, options), ...roundConditions(options) },
        headline,
        higherIsBetter: true,
        ...result,
      };
    },
  };
}

/** Of a workload's options those that are its own. Their values are numbers, words and flags. */
function shapeOf(shape: OptionTable, options: object): RowResult['conditions'] {
  const all = Object.entries(options);
  return Object.fromEntries(all.filter(([name]) => name in shape));
}
