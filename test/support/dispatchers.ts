// Every suite runs on both completion dispatchers, and where it is cheap on the loop's other way to be woken, too.
import { describe, expect } from '@jest/globals';
import { channels, Proactor, type ProactorOptions } from 'proactor';
import { atEnd } from './cleanup';

export interface Dispatcher {
  readonly name: string;
  readonly options: ProactorOptions;
  /** A proactor that is disposed of after the test; by then it must have given everything back. */
  open(options?: ProactorOptions): Proactor;
}

function dispatcher(name: string, own: ProactorOptions): Dispatcher {
  return { name, options: own, open: (options) => open({ ...own, ...options }) };
}

const loop = dispatcher('loop', { dispatch: 'loop' });
const thread = dispatcher('thread', { dispatch: 'thread' });
const loopWithEventfd = dispatcher('loop with eventfd', { dispatch: 'loop', eventfd: true });

export const dispatchers: readonly Dispatcher[] = [loop, thread];
const withEventfd: readonly Dispatcher[] = [loop, thread, loopWithEventfd];

type Body = (dispatcher: Dispatcher) => void;

/** The suite on 'loop' and 'thread'. */
export function describeEach(title: string, body: Body): void {
  for (const each of dispatchers) describe(`${title} (${each.name})`, () => body(each));
}

/** The suite on 'loop', 'thread' and 'loop with eventfd'. */
export function describeAll(title: string, body: Body): void {
  for (const each of withEventfd) describe(`${title} (${each.name})`, () => body(each));
}

/** Makes a proactor and disposes of it after the test, which must not have leaked anything. */
export function open(options?: ProactorOptions): Proactor {
  const proactor = new Proactor(options);
  const leaks = leaksOf(proactor);
  atEnd(async () => {
    await proactor.dispose();
    expect(leaks()).toBe(0);
  });
  return proactor;
}

/** How many operations the kernel kept at the proactor's end; undefined before it. */
export function leaksOf(proactor: Proactor): () => number | undefined {
  let leaked: number | undefined;
  const listener = (message: unknown): void => {
    const end = message as { proactor: Proactor; leaked: number };
    if (end.proactor === proactor) leaked = end.leaked;
  };
  channels.dispose.subscribe(listener);
  atEnd(() => channels.dispose.unsubscribe(listener));
  return () => leaked;
}
