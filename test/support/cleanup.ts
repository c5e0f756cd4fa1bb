// What a test made is ended after it, last made first, whether the test passed or not.
import { afterEach } from '@jest/globals';

const ends: (() => unknown)[] = [];

/** Calls `end` after the running test. A failure of it fails the test. */
export function atEnd(end: () => unknown): void {
  ends.push(end);
}

afterEach(async () => {
  const failures: unknown[] = [];
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
});
