import { LINE_MAX_CHARACTERS } from '../text.ts';

/** Where Python's `splitlines` ends a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these end lines for pip
const LINE_END = /\r\n|[\n\r\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/g;

export interface LogicalLine {
  /** Without comment and outer space; never empty. Cut where it is too long. */
  readonly text: string;
  readonly isTooLong: boolean;
  /** Where it begins, from 1. */
  readonly line: number;
}

/**
 * The lines of a requirements file as pip sees them: a backslash at the end continues a line, a comment ends it, and a comment
 * begins at the start of a line or behind a space.
 */
export function* logicalLines(text: string): Generator<LogicalLine> {
  let joined = '';
  let isOpen = false;
  let lineNumber = 0;
  let first = 1;
  for (const line of physicalLines(text)) {
    lineNumber++;
    if (!isOpen) first = lineNumber;
    const isComment = line.trimStart().startsWith('#');
    isOpen = line.endsWith('\\') && !isComment;
    // What is too long already is not made longer: its end cannot make a requirement of it.
    if (joined.length <= LINE_MAX_CHARACTERS) joined += isOpen ? line.slice(0, -1) : isComment ? ` ${line}` : line;
    if (isOpen) continue;
    yield* toLogicalLine(joined, first);
    joined = '';
  }
  if (isOpen) yield* toLogicalLine(joined, first);
}

function* toLogicalLine(joined: string, first: number): Generator<LogicalLine> {
  const isTooLong = joined.length > LINE_MAX_CHARACTERS;
  const line = withoutComment(isTooLong ? joined.slice(0, LINE_MAX_CHARACTERS) : joined).trim();
  if (line !== '') yield { text: line, isTooLong, line: first };
}

function* physicalLines(text: string): Generator<string> {
  let start = 0;
  for (const end of text.matchAll(LINE_END)) {
    yield text.slice(start, end.index);
    start = end.index + end[0].length;
  }
  yield text.slice(start);
}

function withoutComment(line: string): string {
  for (let hash = line.indexOf('#'); hash >= 0; hash = line.indexOf('#', hash + 1)) {
    if (hash === 0 || /\s/.test(line.charAt(hash - 1))) return line.slice(0, hash);
  }
  return line;
}
