// The benchmark's command: the first word chooses what is done; without one it is the echo workload.
import { Child } from './child.js';
import { allSummary, runAll } from './commands/all.js';
import { chartsSummary, runCharts } from './commands/charts.js';
import { compareSummary, runCompare } from './commands/compare.js';
import { runWorkload } from './commands/workload.js';
import { UsageError } from './options.js';
import { workloads } from './workloads/index.js';

const exitUsage = 2;
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;
const defaultWorkload = 'echo';

interface Command {
  readonly name: string;
  readonly summary: string;
  /** Resolves to the exit code. */
  run(argv: readonly string[]): Promise<number> | number;
}

const commands: readonly Command[] = [
  ...workloads.map((workload) => ({
    name: workload.name,
    summary: workload.summary,
    run: (argv: readonly string[]) => runWorkload(workload, argv),
  })),
  { name: 'all', summary: allSummary, run: runAll },
  { name: 'charts', summary: chartsSummary, run: runCharts },
  { name: 'compare', summary: compareSummary, run: runCompare },
];

const helpText = `Usage: npm run bench -- [COMMAND] [OPTIONS]

${commands.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

Without a command it is ${defaultWorkload}. Each has its options: npm run bench -- COMMAND --help
`;

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--help' || first === 'help') {
    console.log(helpText);
    return 0;
  }
  const isDefault = first === undefined || first.startsWith('-');
  const name = isDefault ? defaultWorkload : first;
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    const names = commands.map((each) => each.name).join(', ');
    throw new UsageError(`there is no command '${name}', but ${names}`);
  }
  return command.run(isDefault ? argv : rest);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await Child.killAll();
    process.exit(128 + signalNumbers[signal]);
  });
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  async (error: unknown) => {
    await Child.killAll();
    const isUsage = error instanceof UsageError;
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    if (isUsage) console.error("Try 'npm run bench -- --help'.");
    process.exit(isUsage ? exitUsage : 1);
  },
);
