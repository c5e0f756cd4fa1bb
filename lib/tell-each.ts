// Calls that are made one after the other, each of which may lead to code of the program's: what one of them
// throws is an uncaught exception, and keeps none of the others back.
import { queueMicrotask } from './timers';

/** Calls `tell` for each of the targets that there are now. */
export function tellEach<T>(targets: Iterable<T>, tell: (target: T) => void): void {
  for (const target of [...targets]) {
    try {
      tell(target);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
