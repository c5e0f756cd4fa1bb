#!/usr/bin/env node
// The command `proactor`: which of its commands is meant. Sets the exit status and lets the process end by itself, so
// that everything is printed and workers can run it as well.
import { BENCH_HELP, bench } from './bench/command';
import { DOCTOR_HELP, doctor } from './doctor/command';
import { manifest } from './manifest';
import { guardOutput } from './output';
import { UsageError } from './usage';

const HELP = `Usage: proactor COMMAND [options]

  doctor        say whether io_uring can be used here, and what to do where it cannot
  bench echo    compare echo servers of this package with one on node:net, for a minute or less

  --help        show this, or a command's options behind its name
  --version     print the version
`;

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  doctor,
  bench,
};

async function run(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case '--help':
    case '-h':
      process.stdout.write(HELP);
      return 0;
    case '--version':
    case '-v':
      process.stdout.write(`${manifest.version}\n`);
      return 0;
    case 'help':
      process.stdout.write({ doctor: DOCTOR_HELP, bench: BENCH_HELP }[rest[0] ?? ''] ?? HELP);
      return 0;
    case undefined:
      throw new UsageError('a command is missing: doctor or bench');
    default: {
      const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
      if (known !== undefined) return known(rest);
      const kind = command.startsWith('-') ? 'option' : 'command';
      throw new UsageError(`unknown ${kind} '${command}': there are doctor and bench`);
    }
  }
}

async function main(args: readonly string[]): Promise<void> {
  try {
    process.exitCode = await run(args);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `proactor: ${message}\n${isUsage ? 'proactor --help shows what there is\n' : ''}`,
    );
    process.exitCode = isUsage ? 2 : 1;
  }
}

guardOutput();
void main(process.argv.slice(2));
