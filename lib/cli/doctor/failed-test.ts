// A self-test that failed, or that did not come to a result.
import type { SelfTest } from './report';

/** `cause` is as in SelfTest; null where it is not known. */
export function failedTest(
  dispatch: 'loop' | 'thread',
  failure: string,
  cause: string | null,
): SelfTest {
  const nothing = { sleepsIn: null, nopMs: null, echoMs: null };
  return { dispatch, passed: false, failure, cause, ...nothing };
}
