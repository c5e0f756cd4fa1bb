// What counts as passed, failed and skipped.
import { runTest } from './run-test.mjs';

/** Runs a test unless an exception forbids it; one that fails with Node's own `net` here as well says nothing of ours. */
export async function judge(test, plan, exceptions, place) {
  const { name } = test;
  const reason = exceptions.reasonToSkip(test);
  if (reason !== undefined) return { name, status: 'skipped', reason };
  const outcome = await runTest(test, plan, place);
  if (outcome.status !== 'failed') return { name, ...outcome };
  const own = await runTest(test, plan, place, false);
  if (own.status !== 'failed') return { name, ...outcome };
  const { ms } = outcome;
  return { name, status: 'skipped', reason: `fails with node:net here as well: ${own.reason}`, ms };
}
