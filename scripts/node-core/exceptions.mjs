// The tests that may fail, and those that are run in spite of their looks, each with its reason:
// test/node-core/exceptions.json.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root } from '../common.mjs';
import { versionOf } from '../runtimes.mjs';
import { internalsOf } from './source.mjs';

export const exceptionsFile = path.join('test', 'node-core', 'exceptions.json');

const keys = { skip: ['reason', 'lines', 'dispatch', 'hangs'], run: ['reason'] };

function checkEntry(kind, name, entry) {
  const problem = (text) => fail(`exceptions, ${kind}, ${name}: ${text}`);
  const unknown = Object.keys(entry).filter((key) => !keys[kind].includes(key));
  if (unknown.length > 0) problem(`${unknown.join(', ')} is not known`);
  if (typeof entry.reason !== 'string' || entry.reason === '') problem('a reason is needed');
  const isLine = (line) => typeof line === 'string' && /^\d+$/.test(line);
  const { lines = [] } = entry;
  if (!Array.isArray(lines) || !lines.every(isLine))
    problem('lines is an array of lines of Node, such as ["20", "22"]');
  if (!['undefined', 'boolean'].includes(typeof entry.hangs)) problem('hangs is true or false');
}

/** No exceptions at all, to see which can go. */
export const noExceptions = { exceptionFor: () => undefined };

/**
 * Reads the file: `skip` has tests that count as skipped when they fail, on all lines of Node and both dispatchers unless
 * it says on which; `run` has those that touch internals and count nevertheless.
 */
export function readExceptions(file, { node, dispatch }) {
  let listed;
  try {
    listed = JSON.parse(readFileSync(path.resolve(root, file), 'utf8'));
  } catch (error) {
    fail(`${file}: ${error.message}`);
  }
  for (const kind of Object.keys(listed)) {
    if (!(kind in keys)) fail(`${file}: ${kind} is neither skip nor run`);
    for (const [name, entry] of Object.entries(listed[kind])) checkEntry(kind, name, entry);
  }
  const { skip = {}, run = {} } = listed;
  const line = versionOf([node]).split('.')[0];
  const applies = (entry) =>
    (entry.lines?.includes(line) ?? true) && (entry.dispatch ?? dispatch) === dispatch;
  return {
    /** Undefined, or { reason, isRun } of a test that counts as skipped: without being run, or when it fails. */
    exceptionFor({ name, source }) {
      if (Object.hasOwn(skip, name) && applies(skip[name])) {
        const { reason, hangs = false } = skip[name];
        return { reason, isRun: !hangs };
      }
      const touched = internalsOf(source);
      if (touched.length === 0 || Object.hasOwn(run, name)) return undefined;
      return { reason: `touches internals: ${touched.join(', ')}`, isRun: false };
    },
  };
}
