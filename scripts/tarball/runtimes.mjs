// Runs the behaviours of tarball-consumer/behaviours.mjs on every runtime, from the installed package, and compares what
// each lacks with what is known of it: README's table of runtimes says the same.
import { installRuntimes, versionOf } from '../runtimes.mjs';
import { Missing } from './checklist.mjs';

const NO_LIBUV = /^ERR_PROACTOR_LOOP_UNAVAILABLE: /;

/** What a runtime lacks: the behaviour, and how that shows. A lack that is gone is a failure, so that the README follows. */
const known = {
  Bun: { 'loop dispatch': NO_LIBUV },
  Deno: { 'loop dispatch': NO_LIBUV },
};

/** How a behaviour went on a runtime: 'works', or why it does not. */
async function outcomeOf(consumer, command, name, limitMs) {
  const { ended, stdout, stderr } = await consumer.run([...command, 'behaviours.mjs', name], {
    timeoutMs: limitMs,
  });
  if (ended === 0) return stdout.trim() || `printed nothing; ${stderr}`;
  const how =
    ended === 'SIGKILL' ? `did not end within ${limitMs / 1000} s` : `ended with ${ended}`;
  return `${how}; ${stdout}${stderr}`.trim();
}

/** Throws unless the outcome is the one that is known. Returns what to add to the check's name. */
function compare(outcome, lack) {
  if (lack === undefined) {
    if (outcome !== 'works') throw new Error(outcome);
    return;
  }
  if (outcome === 'works') throw new Error('works by now: correct what is known of it');
  if (!lack.test(outcome)) throw new Error(`does not fail as it is known to: ${outcome}`);
}

/** One check for each behaviour, of the runtime that `command` starts. */
export async function checkBehaviours(
  checklist,
  consumer,
  { label, runtime, command, limitMs = 10_000 },
) {
  const names = JSON.parse(await consumer.output([consumer.node, 'behaviours.mjs']));
  for (const name of names) {
    const lack = known[runtime]?.[name];
    const title = lack === undefined ? `${label}: ${name}` : `${label} lacks: ${name}`;
    await checklist.check(title, async () =>
      compare(await outcomeOf(consumer, command, name, limitMs), lack),
    );
  }
}

export async function checkRuntimes(checklist, consumer) {
  for (const { name: runtime, command } of installRuntimes()) {
    if (command === undefined) {
      await checklist.check(`${runtime}: all behaviours`, () => {
        throw new Missing('it cannot be installed');
      });
      continue;
    }
    const version = versionOf(command);
    console.log(`-- ${runtime}: ${version}`);
    await checkBehaviours(checklist, consumer, { label: runtime, runtime, command });
  }
}
