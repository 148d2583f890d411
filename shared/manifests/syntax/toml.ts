import { parse as parseTomlDocument, TomlError } from 'smol-toml';
import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';

/** A table of a TOML document. It has no prototype: `__proto__` and `constructor` are keys like any other. */
export type TomlTable = Readonly<Record<string, unknown>>;

/** A lock file nests 5 deep: a table in an array in an array of tables. */
const TOML_MAX_DEPTH = 8;
/** TOML of up to this size cannot go beyond the bound below: a character takes 100 bytes of memory at most (measured: 93). */
const UNCOUNTED_MAX_CHARACTERS = 1024 * 1024;
/**
 * What the values of a document may take in memory, by the costs below. A lock file of 8 MiB takes 30 to 40 MB; hostile documents
 * within this bound were read or refused within a heap of 256 MB and 2 s (measured, smol-toml 1.9).
 */
const MAX_ESTIMATED_BYTES = 96 * 1024 * 1024;
/** For each line of a document: an error is placed by splitting it into lines. */
const LINE_COST_BYTES = 60;
/** For each escape in a string: the string is put together from pieces. */
const ESCAPE_COST_BYTES = 100;

/** Bytes of memory for each sign outside of strings and comments, smol-toml's own bookkeeping included (measured). */
const COST_BYTES = new Uint16Array(128);
for (const [sign, bytes] of [
  ['[', 280],
  ['{', 200],
  ['.', 200],
  ['=', 130],
  [',', 50],
  ['-', 75], // two in a date
  [':', 75], // two in a time
  ['_', 60], // in a number: it is taken out again
] as const) {
  COST_BYTES[sign.charCodeAt(0)] = bytes;
}

export function parseToml(text: string): Parsed<TomlTable> {
  if (text.length > UNCOUNTED_MAX_CHARACTERS && estimateBytes(text) > MAX_ESTIMATED_BYTES) {
    return { reason: `its TOML would take more than ${MAX_ESTIMATED_BYTES} bytes of memory, which no lock file does` };
  }
  try {
    return { value: parseTomlDocument(text, { maxDepth: TOML_MAX_DEPTH }) };
  } catch (error) {
    const place = error instanceof TomlError ? ` (line ${error.line}, column ${error.column})` : '';
    return { reason: whyUnreadable(text) ?? `not valid TOML${place}` };
  }
}

export function isTomlTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
}

/**
 * The line, from 1, of each `[[name]]` header that stands at the start of a line. One within a string of several lines counts, too:
 * the caller compares their number with that of the entries.
 */
export function linesOfHeaders(text: string, name: string): number[] {
  const header = `[[${name}]]`;
  const lines: number[] = [];
  let line = 1;
  let lineStart = 0;
  let newline = indexOrEnd(text, '\n', 0);
  for (let found = text.indexOf(header); found >= 0; found = text.indexOf(header, found + header.length)) {
    while (newline < found) {
      line++;
      lineStart = newline + 1;
      newline = indexOrEnd(text, '\n', lineStart);
    }
    if (lineStart === found) lines.push(line);
  }
  return lines;
}

const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;

/** An upper bound of what parsing takes: strings and comments end here where they end for smol-toml, or before. */
function estimateBytes(text: string): number {
  let bytes = LINE_COST_BYTES * count(text, '\n') + ESCAPE_COST_BYTES * count(text, '\\');
  let newline = -1;
  for (let index = 0; index < text.length; index++) {
    const sign = text.charCodeAt(index);
    if (sign === DOUBLE_QUOTE || sign === SINGLE_QUOTE) {
      if (newline < index) newline = indexOrEnd(text, '\n', index);
      index = endOfString(text, index, sign, newline);
    } else if (sign === HASH) {
      index = newline = indexOrEnd(text, '\n', index);
    } else if (sign < COST_BYTES.length) {
      bytes += COST_BYTES[sign] ?? 0;
    }
  }
  return bytes;
}

/** The index of the last sign of the string that begins at `start`; of the newline where one stands before the end. */
function endOfString(text: string, start: number, quote: number, newline: number): number {
  const isMultiline = text.charCodeAt(start + 1) === quote && text.charCodeAt(start + 2) === quote;
  const closing = (quote === DOUBLE_QUOTE ? '"' : "'").repeat(isMultiline ? 3 : 1);
  let end = text.indexOf(closing, start + closing.length);
  if (quote === DOUBLE_QUOTE) {
    while (end >= 0 && (isMultiline || end < newline) && isEscaped(text, end)) end = text.indexOf(closing, end + 1);
  }
  if (!isMultiline) return end < 0 || end > newline ? newline : end;
  if (end < 0) return text.length;
  end += closing.length;
  // One or two quotes more belong to the string.
  if (text.charCodeAt(end) === quote) end++;
  if (text.charCodeAt(end) === quote) end++;
  return end - 1;
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (index - start) % 2 === 1;
}

function count(text: string, sign: string): number {
  let found = 0;
  for (let index = text.indexOf(sign); index >= 0; index = text.indexOf(sign, index + 1)) found++;
  return found;
}

function indexOrEnd(text: string, sign: string, from: number): number {
  const index = text.indexOf(sign, from);
  return index < 0 ? text.length : index;
}
