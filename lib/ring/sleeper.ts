// Only one ring may sleep in the kernel for an event loop. Native code sees to that for the rings
// of this copy of the package; another copy, of another version say, is told through a property
// that both can see.
const SLEEPER = Symbol.for('proactor.sleeper');
const thisCopy = {};
const shared = globalThis as { [SLEEPER]?: object | undefined };

export function anotherCopySleeps(): boolean {
  return shared[SLEEPER] !== undefined && shared[SLEEPER] !== thisCopy;
}

/** A ring of this copy sleeps, or does no more. */
export function markSleeper(sleeps: boolean): void {
  shared[SLEEPER] = sleeps ? thisCopy : undefined;
}
