/** Largest number of stamps in any half-open window of the given length, and how many stamps stood in a window over the limit. */
export function countWindows(
  stamps: Iterable<number>,
  window: number,
  limit: number,
): { readonly count: number; readonly max: number; readonly over: number } {
  const sorted = Float64Array.from(stamps).sort();
  let max = 0;
  let over = 0;
  let first = 0;
  for (let last = 0; last < sorted.length; last += 1) {
    while ((sorted[last] as number) - (sorted[first] as number) >= window) first += 1;
    const inWindow = last - first + 1;
    if (inWindow > max) max = inWindow;
    if (inWindow > limit) over += 1;
  }
  return { count: sorted.length, max, over };
}

/** The q-quantile of the values; `NaN` of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
