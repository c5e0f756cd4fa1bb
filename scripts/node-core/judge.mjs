// What counts as passed, failed and skipped.
import { runTest } from './run-test.mjs';

/**
 * Runs a test, unless its exception forbids it. One that fails as its exception says, or with Node's own `net` here as
 * well, says nothing of ours. `unneeded` of one that passes is the exception that was made for it.
 */
export async function judge(test, plan, exceptions, place) {
  const { name } = test;
  const exception = exceptions.exceptionFor(test);
  const skipped = (reason, ms) => ({ name, status: 'skipped', reason, ms });
  if (exception?.isRun === false) return skipped(exception.reason);
  const outcome = await runTest(test, plan, place);
  const { status, ms } = outcome;
  if (status === 'failed' && exception !== undefined) return skipped(exception.reason, ms);
  if (status === 'passed') return { name, ...outcome, unneeded: exception?.reason };
  if (status !== 'failed') return { name, ...outcome };
  const own = await runTest(test, plan, place, false);
  if (own.status !== 'failed') return { name, ...outcome };
  return skipped(`fails with node:net here as well: ${own.reason}`, ms);
}
