// The few statistics the bench uses. Medians, because on a shared machine a mean follows the worst disturbance and a
// best-of the luckiest moment.

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function geometricMean(values) {
  if (values.length === 0) return null;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** How long a repeat takes once compilers have done their work: the median of the last half. */
export function settled(times) {
  return median(times.slice(times.length >> 1));
}

/**
 * The median of the rounds' ratios. What is divided was measured in the same round, one after the other, so that a
 * machine that gets slower meanwhile slows both. Rounds in which either is missing (null) do not count.
 */
export function medianRatio(values, bases) {
  const ratios = [];
  for (const [round, value] of values.entries())
    if (value !== null && (bases[round] ?? null) !== null) ratios.push(value / bases[round]);
  return median(ratios);
}
