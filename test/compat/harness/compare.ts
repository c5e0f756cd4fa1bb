// The entry of a file of scenarios. In jest it defines a test for each: what is observed with this package's `net`, on each
// dispatcher, is what is observed with Node's. Where they are played it only registers them.
import type { Scenario, Scenarios } from './scene';

export interface CompareOptions {
  /** Play them in a worker thread. */
  readonly worker?: boolean;
  /** None makes a connection, so that nothing needs the proactor. */
  readonly offline?: boolean;
}

let played: Map<string, Scenario> | undefined;

/** The scenarios of a file, which is loaded to play them. */
export function scenariosOf(file: string): ReadonlyMap<string, Scenario> {
  played = new Map();
  require(file);
  return played;
}

/** Compares what the scenarios of `file` observe. */
export function compare(file: string, scenarios: Scenarios, options: CompareOptions = {}): void {
  if (played !== undefined) {
    for (const [name, scenario] of Object.entries(scenarios)) played.set(name, scenario);
    return;
  }
  const { defineTests } = require('./define') as typeof import('./define');
  defineTests(file, Object.keys(scenarios), options);
}
