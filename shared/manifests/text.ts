import { isUtf8 } from 'node:buffer';
import { cutText } from '../model/cut-text.ts';

export interface DecodedText {
  readonly text: string;
  /** Bytes that are no UTF-8 were replaced by U+FFFD. */
  readonly damaged: boolean;
}

/** UTF-8 with or without a byte order mark, or UTF-16 with one (pip reads that, and PowerShell writes it). */
export function decodeText(bytes: Uint8Array): DecodedText {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return { text: new TextDecoder('utf-16le').decode(bytes), damaged: false };
  if (first === 0xfe && second === 0xff) return { text: new TextDecoder('utf-16be').decode(bytes), damaged: false };
  const start = first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start);
  return { text, damaged: !isUtf8(bytes) };
}

/** A line longer than this stands in no lock file that a package manager wrote; readers by lines refuse it. */
export const LINE_MAX_CHARACTERS = 64 * 1024;

/** Control characters, line and paragraph separators, and those that turn the writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;
const USER_IN_ADDRESS = /(:\/\/)(?!git@)[^/@\s]*@/gi;
const SECRET_IN_QUERY = /([?&][^=&#\s]*(?:token|secret|password|auth|key|sig)[^=&#\s]*=)[^&#\s]+/gi;

/** Nothing to cut out or to spell: printable ASCII without an address. */
const PLAIN = /^[\u0020-\u0039\u003b-\u003e\u0040-\u007e]*$/;

/**
 * Text of a lock file made fit for a log, a key or a chat: credentials in addresses are cut out, invisible characters are
 * spelled as `\u001b`, and what is longer than `maxCharacters` is cut.
 */
export function visibleText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters && PLAIN.test(text)) return text;
  const start = text.length > 4 * maxCharacters ? text.slice(0, 4 * maxCharacters) : text;
  const visible = start
    .replace(USER_IN_ADDRESS, '$1***@')
    .replace(SECRET_IN_QUERY, '$1***')
    .replace(INVISIBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return cutText(visible, maxCharacters);
}

/** Why a text is no lock file at all, whatever its format: binary, or a merge that nobody finished. */
export function whyUnreadable(text: string): string | undefined {
  if (text.includes('\u0000')) return 'a binary file: it holds NUL characters';
  if (text.includes('<<<<<<< ') && /^<{7} /m.test(text) && /^>{7} /m.test(text))
    return 'it holds the markers of an unfinished merge (<<<<<<<)';
  return undefined;
}

/** A carriage return alone ends a line for some parsers and not for others: a way to show each another file. */
export function hasStrayCarriageReturn(text: string): boolean {
  return text.includes('\r') && /\r(?!\n)/.test(text);
}
