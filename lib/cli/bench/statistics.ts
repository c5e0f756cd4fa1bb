// The few statistics that a comparison needs.

/** The middle value, or the mean of the two middle ones; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * The median of values[i] / references[i]: a machine's speed drifts from round to round more than servers differ, so
 * that only neighbours in time are compared. Undefined where the rounds are not as many.
 */
export function medianOfRatios(
  values: readonly number[],
  references: readonly number[],
): number | undefined {
  if (values.length !== references.length) return undefined;
  return median(values.map((value, round) => value / (references[round] ?? Number.NaN)));
}

const BUCKETS = 1 << 17;

/** Counts latencies by the microsecond; what takes longer than 131 ms counts as that. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  record(ms: number, times: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.round(ms * 1000)));
    this.#counts[bucket]! += times;
    this.#total += times;
  }

  /** In microseconds: as long as `fraction` of all took at the most; undefined of none. */
  percentile(fraction: number): number | undefined {
    let left = Math.ceil(this.#total * fraction);
    if (left === 0) return undefined;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return bucket;
    }
    return BUCKETS - 1;
  }
}
