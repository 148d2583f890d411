// The package's entry brings its shell and a YAML parser, five times the size; the grammar of yarn 1 stands in this file of it.
import { parse as parseGrammar } from '../../../node_modules/@yarnpkg/parsers/lib/grammars/syml.js';
import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';

/** The parser takes up to 200 bytes of memory for each character of a hostile document (measured). */
const SYML_MAX_CHARACTERS = 768 * 1024;
/** Its time grows with the square of a line: 7 ms for one of this length (measured). yarn 1 breaks no line, and merges few ranges. */
const SYML_LINE_MAX_CHARACTERS = 2_048;

/**
 * A `yarn.lock` of yarn 1 in any spelling that yarn's own grammar has. Keys of one entry share its value. Of doubled keys the last
 * one counts.
 */
export function parseSyml(text: string): Parsed<ReadonlyMap<string, unknown>> {
  if (text.length > SYML_MAX_CHARACTERS) {
    return { reason: `too large to be read in any spelling: ${text.length} characters; up to ${SYML_MAX_CHARACTERS} are read` };
  }
  const longLine = findLongLine(text);
  if (longLine !== undefined)
    return { reason: `line ${longLine} is longer than ${SYML_LINE_MAX_CHARACTERS} characters, and not as yarn spells it` };
  try {
    const root = parseGrammar(text.endsWith('\n') ? text : `${text}\n`);
    // The grammar assigns keys to an object: `__proto__` is no entry of it then, but what it inherits from.
    if (Object.getPrototypeOf(root) !== Object.prototype) return { reason: 'a key named "__proto__", which no package has' };
    return { value: new Map(Object.entries(root)) };
  } catch (error) {
    return { reason: whyUnreadable(text) ?? `not the grammar of yarn 1${placeOf(error)}` };
  }
}

/** The number of the first line that is too long. */
function findLongLine(text: string): number | undefined {
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    if (end - start > SYML_LINE_MAX_CHARACTERS) return line;
    start = end + 1;
  }
  return undefined;
}

interface PlacedError {
  readonly location?: { readonly start: { readonly line: number; readonly column: number } };
}

function placeOf(error: unknown): string {
  const start = error instanceof Error ? (error as PlacedError).location?.start : undefined;
  return start ? ` (line ${start.line}, column ${start.column})` : '';
}
