/** One line of a bench: what was measured, the bar that it is held to if there is one, and whether it holds. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly bar?: string;
  readonly passes?: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Times of several runs: their median, and all of them. */
export const runs = (timesMs: readonly number[]): string => `${seconds(median(timesMs))} (${timesMs.map(seconds).join(', ')})`;

/** Prints a bench's table; true where every bar holds. */
export function report(title: string, rows: readonly Row[]): boolean {
  const width = (of: (row: Row) => string) => Math.max(...rows.map((row) => of(row).length));
  const [whatWidth, measuredWidth, barWidth] = [
    width(({ what }) => what),
    width(({ measured }) => measured),
    width(({ bar }) => bar ?? ''),
  ];
  process.stdout.write(`${title}\n`);
  for (const { what, measured, bar = '', passes } of rows) {
    const verdict = passes === undefined ? '' : passes ? 'PASS' : 'MISS';
    process.stdout.write(
      `  ${what.padEnd(whatWidth)}  ${measured.padEnd(measuredWidth)}  ${bar.padEnd(barWidth)}  ${verdict}`.trimEnd().concat('\n'),
    );
  }
  return rows.every(({ passes }) => passes !== false);
}
