/** Between two columns. */
const GAP = '  ';
/** What is left of a column at least, in characters, however narrow the terminal is. */
const COLUMN_MIN_CHARACTERS = 8;

/**
 * Lines of a table, the header first, columns aligned. With `width` (characters of a terminal) the widest columns are cut until it
 * fits, or until none can be cut further. Cells must be fit for a terminal.
 */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[], width?: number): string[] {
  const lines = [header, ...rows];
  const widths = fitted(
    header.map((_, column) => Math.max(...lines.map((line) => lengthOf(line[column] ?? '')))),
    width,
  );
  return lines.map((line) =>
    widths
      .map((columnWidth, column) => cell(line[column] ?? '', columnWidth))
      .join(GAP)
      .trimEnd(),
  );
}

function fitted(wanted: readonly number[], width: number | undefined): number[] {
  const widths = [...wanted];
  if (width === undefined) return widths;
  let excess = widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1)) - width;
  for (; excess > 0; excess -= 1) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_MIN_CHARACTERS) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return widths;
}

function cell(text: string, width: number): string {
  const length = lengthOf(text);
  if (length <= width) return text + ' '.repeat(width - length);
  return `${Array.from(text)
    .slice(0, width - 1)
    .join('')}…`;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
