import { LINE_MAX_CHARACTERS } from '../text.ts';

/** Where Python's `splitlines` ends a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these end lines for pip
const LINE_END = /\r\n|[\n\r\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/;

export interface LogicalLine {
  /** Without comment and outer space; never empty. Cut where it is too long. */
  readonly text: string;
  readonly isTooLong: boolean;
}

/**
 * The lines of a requirements file as pip sees them: a backslash at the end continues a line, a comment ends it, and a comment
 * begins at the start of a line or behind a space.
 */
export function logicalLines(text: string): readonly LogicalLine[] {
  const lines: LogicalLine[] = [];
  let pieces: string[] = [];
  const close = (): void => {
    const joined = pieces.join('');
    pieces = [];
    const isTooLong = joined.length > LINE_MAX_CHARACTERS;
    const line = withoutComment(isTooLong ? joined.slice(0, LINE_MAX_CHARACTERS) : joined).trim();
    if (line !== '') lines.push({ text: line, isTooLong });
  };
  for (const line of text.split(LINE_END)) {
    const isComment = line.trimStart().startsWith('#');
    if (line.endsWith('\\') && !isComment) {
      pieces.push(line.slice(0, -1));
    } else {
      pieces.push(isComment ? ` ${line}` : line);
      close();
    }
  }
  if (pieces.length > 0) close();
  return lines;
}

function withoutComment(line: string): string {
  for (let hash = line.indexOf('#'); hash >= 0; hash = line.indexOf('#', hash + 1)) {
    if (hash === 0 || /\s/.test(line.charAt(hash - 1))) return line.slice(0, hash);
  }
  return line;
}
