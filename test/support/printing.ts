// The ways in which an object gets into a log or to another thread, and a search for bytes in what comes of it.
import assert from 'node:assert';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, type InspectOptions, inspect } from 'node:util';
import * as v8 from 'node:v8';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { expect } from '@jest/globals';

/** Prints something; what it throws is an error that says so. */
export type Way = (subject: object) => string;

const everything: InspectOptions = {
  depth: 1000,
  maxArrayLength: Number.POSITIVE_INFINITY,
  maxStringLength: Number.POSITIVE_INFINITY,
};

/** All fields there are to see, without what a class has printed of its objects: as assertions do it. */
export const walk: Way = (subject) =>
  inspect(subject, {
    ...everything,
    compact: false,
    customInspect: false,
    sorted: true,
    getters: true,
  });

function onConsole(print: (console: Console) => void): string {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  print(new Console(stdout));
  return text;
}

/** The message of what is thrown. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

/** What a copy has, or why there is none. */
function copied(copy: () => unknown): string {
  try {
    return walk({ copy: copy() });
  } catch (error) {
    return (error as Error).message;
  }
}

function posted(subject: object): unknown {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(subject);
    return receiveMessageOnPort(port2);
  } finally {
    port1.close();
  }
}

function namesIn(subject: object): object {
  const found: Record<string, unknown> = {};
  for (const name in subject) found[name] = (subject as Record<string, unknown>)[name];
  return found;
}

/** Ways that show what the class has printed of its objects, if it says. They may not throw. */
export const printing: Readonly<Record<string, Way>> = {
  inspect: (subject) => inspect(subject),
  'inspect, without limits': (subject) => inspect(subject, everything),
  'inspect, colored': (subject) => inspect(subject, { colors: true }),
  'inspect, with getters': (subject) => inspect(subject, { getters: true }),
  'inspect, with what is hidden': (subject) => inspect(subject, { showHidden: true, depth: 10 }),
  'console.log': (subject) => onConsole((console) => console.log(subject)),
  'console.dir': (subject) => onConsole((console) => console.dir(subject, { depth: null })),
  'console.table': (subject) => onConsole((console) => console.table([subject])),
  'console.log in a map': (subject) =>
    onConsole((console) => console.log(new Map([[subject, [subject]]]))),
  'inspect of an error': (subject) => inspect(Object.assign(new Error('of it'), { subject })),
  '%o': (subject) => format('%o', subject),
  '%O': (subject) => format('%O', subject),
  '%s': (subject) => format('%s', subject),
};

/** Ways that go through an object's fields, or copy it: they may throw, and say why. */
export const walking: Readonly<Record<string, Way>> = {
  // First, as it takes no time even where there is much to see.
  'inspect of the beginning without customInspect': (subject) =>
    inspect(subject, { customInspect: false, depth: 8, maxArrayLength: 60 }),
  'inspect without customInspect': walk,
  spread: (subject) => walk({ ...subject }),
  'for in': (subject) => walk(namesIn(subject)),
  '%j': (subject) => messageOf(() => format('%j', subject)) || format('%j', subject),
  'JSON.stringify': (subject) => copied(() => JSON.stringify({ subject })),
  'assert.deepStrictEqual': (subject) =>
    messageOf(() => assert.deepStrictEqual(subject, { ...subject, other: 1 })),
  'assert.deepEqual': (subject) => messageOf(() => assert.deepEqual({ subject }, {})),
  toEqual: (subject) => messageOf(() => expect({ subject }).toEqual({ other: 1 })),
  // What is equal as JSON is shown by its fields.
  'toEqual of the same JSON': (subject) =>
    messageOf(() => {
      const { toJSON } = subject as { toJSON?: () => object };
      expect(subject).toEqual({ toJSON: () => toJSON?.call(subject) });
    }),
  structuredClone: (subject) => copied(() => structuredClone(subject)),
  postMessage: (subject) => copied(() => posted(subject)),
  'v8.serialize': (subject) => copied(() => v8.serialize(subject).toString('latin1')),
};

/** A search for a text in print: as text, as bytes in hexadecimal or decimal, and as 32-bit words. */
export function searchFor(secret: string): (text: string) => boolean {
  const bytes = Buffer.from(secret);
  // The text repeats itself, so a word is any four bytes of it.
  const words = Array.from(bytes, (_, at) => {
    const word = Buffer.from(secret.repeat(2)).subarray(at, at + 4);
    return String(word.readInt32LE());
  });
  const dense = [bytes.toString('hex'), bytes.join('')];
  return (text) => {
    const together = text.replace(/[\s,]+/g, '').toLowerCase();
    return (
      text.includes(secret) ||
      dense.some((form) => together.includes(form)) ||
      words.some((word) => text.includes(word))
    );
  };
}
