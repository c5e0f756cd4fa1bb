// A list of checks that are made one after the other, each with a name: one that fails does not keep the others from being
// made, unless they build on it.
import { performance } from 'node:perf_hooks';
import { missingResult, stepResult, sumResults } from '../test-results.mjs';

/** Thrown by a check whose tools cannot be had. */
export class Missing extends Error {}

export class Checklist {
  #results = [];
  #missingResult;

  /** `missing` makes the result of a check whose tools cannot be had. */
  constructor(missing = missingResult) {
    this.#missingResult = missing;
  }

  /** Makes a check. What it returns is passed on; undefined where it failed. */
  async check(name, makeCheck) {
    const startMs = performance.now();
    try {
      const value = await makeCheck();
      this.#results.push(stepResult(name, true));
      console.log(`ok      ${name} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
      return value;
    } catch (error) {
      const isMissing = error instanceof Missing;
      const text = `${name}: ${error.message}`;
      this.#results.push(isMissing ? this.#missingResult(text) : stepResult(text, false));
      console.log(`${isMissing ? 'missing' : 'FAILED '} ${text}`);
      return undefined;
    }
  }

  get result() {
    return sumResults(this.#results);
  }
}

/** Throws with all of `problems`, if there are any. */
export function expectNone(problems) {
  if (problems.length > 0) throw new Error(problems.join('\n    '));
}
