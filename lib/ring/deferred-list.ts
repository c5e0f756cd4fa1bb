// What is to be run once at the end of a batch, however often it was asked for in it.

/** Something that initiates what it gathered, once before submissions are handed over. */
export interface Deferred {
  runDeferred(): void;
}

export class DeferredList {
  // Kept at its size, with a count: emptying an array costs a runtime call and its storage.
  private readonly targets: (Deferred | null)[] = [];
  private count = 0;
  private next = 0; // to be run

  get isEmpty(): boolean {
    return this.next === this.count;
  }

  add(target: Deferred): void {
    const at = this.count++;
    if (at === this.targets.length) this.targets.push(target);
    else this.targets[at] = target;
  }

  /**
   * Runs all, those included that are added meanwhile, be it by one of them that calls this. After a throw
   * the rest is run next time.
   */
  run(): void {
    const targets = this.targets;
    try {
      while (this.next < this.count) {
        const target = targets[this.next]!;
        targets[this.next++] = null;
        target.runDeferred();
      }
    } finally {
      if (this.next >= this.count) this.next = this.count = 0;
    }
  }
}
