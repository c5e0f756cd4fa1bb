// What is printed of this package's objects: by util.inspect(), so by console.log(), and by JSON.stringify().
// They refer to memory that has bytes of all connections; what is printed of them is a summary.
import { inspect } from 'node:util';
import * as workerThreads from 'node:worker_threads';

/** What is printed of an object, by name. What is undefined is left out. */
export type Summary = Readonly<Record<string | symbol, unknown>>;

interface Summarized {
  summary(): Summary;
}

/** Lets the summary of a class's objects be printed in their place. */
export function printSummariesOf(summarized: { readonly prototype: Summarized }): void {
  const members = {
    // The class's name, the options and the depth are then util.inspect()'s own affair.
    [inspect.custom](this: Summarized): object {
      const Printed = { [this.constructor.name]: class {} }[this.constructor.name]!;
      return Object.assign(new Printed(), summaryOf(this));
    },
    toJSON(this: Summarized): object {
      const entries = Object.entries(summaryOf(this));
      return Object.fromEntries(
        entries.map(([name, value]) => [name, Buffer.isBuffer(value) ? inspect(value) : value]),
      );
    },
  };
  for (const name of Reflect.ownKeys(members)) {
    const value = members[name as keyof typeof members];
    Object.defineProperty(summarized.prototype, name, {
      value,
      configurable: true,
      writable: true,
    });
  }
}

// Printing never throws: a proxy of an object, or one that inherits from it, has none of its private fields.
function summaryOf(object: Summarized): Summary {
  let summary: Summary;
  try {
    summary = object.summary();
  } catch {
    return {};
  }
  const names = Reflect.ownKeys(summary).filter((name) => summary[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, summary[name]]));
}

/**
 * Adds fields that are not enumerable: whoever goes through an object's fields (a failed assertion, a spread, a test's
 * report) does not get to the memory behind them. Only for classes with few objects, as it costs a call for each
 * field. V8 treats such a field as any other, as long as it is added with its value and not changed from another kind.
 */
export function addHidden(object: object, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(object, name, { value, writable: true, configurable: true });
  }
}

// Node has it from 22.10 on.
const { markAsUncloneable } = workerThreads as { markAsUncloneable?: (object: object) => void };

/** Lets postMessage() and structuredClone() refuse an object and all that refers to it, where Node can do that. */
export function refuseClones(object: object): void {
  markAsUncloneable?.(object);
}
