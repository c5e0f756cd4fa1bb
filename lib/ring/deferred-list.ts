// What is to be run once at the end of a batch, however often it was asked for in it.

/** Something that initiates what it gathered, once before submissions are handed over. */
export interface Deferred {
  runDeferred(): void;
}

export class DeferredList {
  // Kept at its size, with a count: emptying an array costs a runtime call and its storage.
  private readonly targets: (Deferred | null)[] = [];
  private count = 0;

  add(target: Deferred): void {
    const at = this.count++;
    if (at === this.targets.length) this.targets.push(target);
    else this.targets[at] = target;
  }

  /** Runs all, those included that are added meanwhile. After a throw the rest is run next time. */
  run(): void {
    const targets = this.targets;
    let next = 0;
    try {
      while (next < this.count) {
        const target = targets[next]!;
        targets[next++] = null;
        target.runDeferred();
      }
    } finally {
      if (next < this.count) targets.copyWithin(0, next, this.count);
      this.count -= next;
    }
  }
}
