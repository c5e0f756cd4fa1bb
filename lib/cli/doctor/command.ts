// The command `proactor doctor`: options, and the way from facts over the judgement to what is printed.
import * as os from 'node:os';
import { painter, wantsColors } from '../colors';
import { manifest } from '../manifest';
import { decimal, parse, UsageError } from '../usage';
import { gather } from './gather';
import { judge } from './judge';
import { print } from './print';
import { PROFILE_EXPLANATION, readProfile, seccompProfile } from './seccomp-profile';

export const DOCTOR_HELP = `Usage: proactor doctor [options]

Says whether io_uring can be used here and how well, and what to do where it cannot.

  --json                      print the report as JSON
  --verbose                   list every operation and what it needs of the kernel
  --strict                    warnings count as well: exit status 1
  --timeout SECONDS           for each thing that is tried                (10)
  --seccomp-profile [FILE]    print a seccomp rule that allows io_uring, or the profile FILE with that rule
  --help                      show this

Exit status: 0 io_uring can be used, 1 it cannot (--strict: or there is a warning), 2 wrong usage, 3 the report could
not be written.
`;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
  timeout: { type: 'string', default: '10' },
  'seccomp-profile': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Returns the exit status. */
export async function doctor(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  const isProfile = values['seccomp-profile'];
  const surplus = isProfile ? positionals[1] : positionals[0];
  if (surplus !== undefined) throw new UsageError(`unexpected argument '${surplus}'`);
  const timeoutMs = decimal('--timeout', values.timeout, 0.1, 600) * 1000;
  if (isProfile) return printProfile(positionals[0]);

  const facts = await gather(
    {
      platform: process.platform,
      arch: process.arch,
      env: process.env,
      versions: process.versions,
      nodeNeeded: manifest.engines.node,
      // Some versions of Node that are too old, which is what is to be said of them, lack the function.
      cpus: os.availableParallelism?.() ?? os.cpus().length,
    },
    timeoutMs,
  );
  const report = judge(facts, manifest.version);
  if (values.json) {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const paint = painter(wantsColors(process.stdout.isTTY === true, process.env));
    process.stdout.write(print(report, paint, values.verbose));
  }
  const fails = values.strict ? report.verdict !== 'usable' : report.verdict === 'unusable';
  return fails ? 1 : 0;
}

/** The JSON alone goes to the output, so that it can be sent to a file. */
function printProfile(file: string | undefined): number {
  const profile = file === undefined ? seccompProfile() : seccompProfile(readProfile(file));
  process.stdout.write(`${textOf(profile)}\n`);
  if (file === undefined) process.stderr.write(`\n${PROFILE_EXPLANATION}`);
  return 0;
}

function textOf(profile: unknown): string {
  try {
    return JSON.stringify(profile, null, 2);
  } catch {
    throw new UsageError('the profile is nested too deeply'); // more than the stack has room for
  }
}
