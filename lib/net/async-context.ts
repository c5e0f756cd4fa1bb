// In which asynchronous context what runs: AsyncLocalStorage and async_hooks see there what they see with node:net.
import { AsyncResource, executionAsyncId } from 'node:async_hooks';
import { internals, type JsStreamClass } from './node-internals';

const INT32_MAX = 0x7fffffff;

/** The asynchronous context of the program itself: that in which it imports the module. */
export const outside = new AsyncResource('PROACTOR');

/** As AsyncResource.bind(), which gives each function properties of its own: 5 KB of garbage. */
export function inThisContext<A extends unknown[]>(
  type: string,
  run: (...args: A) => void,
): (...args: A) => void {
  const scope = new AsyncResource(type);
  return (...args) => scope.runInAsyncScope(run, undefined, ...args);
}

/**
 * Lets `AsyncResource.prototype.runInAsyncScope` be called on a handle: it is then itself the resource that its
 * events run in, as Node's own handles are, and nothing else has to be kept for that.
 */
export function becomeResource(handle: InstanceType<JsStreamClass>): void {
  const scope = handle as unknown as Record<symbol, unknown>;
  const { asyncId, triggerAsyncId, contextFrame } = internals;
  scope[asyncId] = handle.getAsyncId();
  const trigger = executionAsyncId();
  scope[triggerAsyncId] = trigger <= INT32_MAX ? trigger | 0 : trigger; // else V8 may box it: 16 bytes
  if (contextFrame === undefined) return;
  const current = new AsyncResource('PROACTOR') as unknown as Record<symbol, unknown>;
  scope[contextFrame] = current[contextFrame];
}
