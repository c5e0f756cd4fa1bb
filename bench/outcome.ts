// Collects what is measured of one driver, round by round, and why it came to an end if it did.
import type { Driver } from './drivers/driver.js';
import { type DriverOutcome, type DriverStatus, metricsOf } from './result.js';

export class Outcome {
  readonly driver: Driver;
  command: readonly string[] = [];
  threads = 0;
  #status: DriverStatus = 'ok';
  #reason: string | undefined;
  readonly #rounds: Record<string, number[]> = {};

  constructor(driver: Driver) {
    this.driver = driver;
  }

  get isOk(): boolean {
    return this.#status === 'ok';
  }

  /** The figures of a round, by metric. */
  add(figures: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(figures)) {
      this.#rounds[name] ??= [];
      this.#rounds[name].push(value);
    }
  }

  /** The first reason is the one that counts: what follows tends to be its consequence. */
  fail(error: unknown, status: 'unavailable' | 'failed' = 'failed'): void {
    if (!this.isOk) return;
    this.#status = status;
    this.#reason = error instanceof Error ? error.message : String(error);
  }

  result(): DriverOutcome {
    const { name, description } = this.driver;
    const reason = this.#reason === undefined ? {} : { reason: this.#reason };
    const { command, threads } = this;
    const metrics = metricsOf(this.#rounds);
    return { name, description, status: this.#status, ...reason, command, threads, metrics };
  }
}
