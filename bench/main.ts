// The benchmark's command: parse, build, measure, report.
import { writeFileSync } from 'node:fs';
import { Child } from './child.js';
import { describeMachine } from './machine.js';
import { buildNativePrograms } from './native.js';
import { type EchoOptions, helpText, parseOptions, UsageError } from './options.js';
import { formatReport, jsonReport } from './report.js';
import { runEcho } from './workloads/echo.js';

const exitUsage = 2;
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/** The exit code: 0 unless a driver failed or none could be measured. */
async function run(options: EchoOptions): Promise<number> {
  const startedAt = new Date();
  const machine = describeMachine();
  // Fail on a file that cannot be written now rather than after two minutes.
  if (options.json !== undefined) writeFileSync(options.json, '');
  buildNativePrograms();
  const result = await runEcho(options);
  console.log(formatReport(options, machine, result));
  if (options.json !== undefined) {
    writeFileSync(options.json, jsonReport(options, machine, result, startedAt));
  }
  const statuses = result.drivers.map((driver) => driver.status);
  return statuses.includes('failed') || !statuses.includes('ok') ? 1 : 0;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options !== 'help') return run(options);
  console.log(helpText);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await Child.killAll();
    process.exit(128 + signalNumbers[signal]);
  });
}

main().then(
  (code) => process.exit(code),
  async (error: unknown) => {
    await Child.killAll();
    const isUsage = error instanceof UsageError;
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    if (isUsage) console.error("Try 'npm run bench -- --help'.");
    process.exit(isUsage ? exitUsage : 1);
  },
);
