// The few statistics that the report needs.

/** The middle value, or the mean of the two middle ones; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * The median of values[i] / references[i]. Rounds are compared pair by pair since a machine's speed drifts from
 * round to round more than the servers differ. Pairs of which one is missing do not count.
 */
export function medianOfRatios(
  values: readonly (number | undefined)[],
  references: readonly (number | undefined)[],
): number | undefined {
  return median(ratiosOfPairs(values, references));
}

/** values[i] / references[i] of every pair that is complete. */
export function ratiosOfPairs(
  values: readonly (number | undefined)[],
  references: readonly (number | undefined)[],
): readonly number[] {
  return values.flatMap((value, round) => {
    const reference = references[round];
    return value === undefined || !reference ? [] : [value / reference];
  });
}

/** The values at a quarter and at three quarters of the order, interpolated; undefined of nothing. */
export function quartiles(
  values: readonly number[],
): { readonly lower: number; readonly upper: number } | undefined {
  const [lower, upper] = [quantile(values, 0.25), quantile(values, 0.75)];
  return lower === undefined || upper === undefined ? undefined : { lower, upper };
}

/** The value that `part` of the others do not exceed, interpolated between neighbours; undefined of nothing. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)];
  if (below === undefined) return undefined;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
