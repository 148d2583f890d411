import { createScanner } from 'jsonc-parser';
import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';

/** An object of a document: `__proto__` is a key like any other. */
export type JsoncObject = ReadonlyMap<string, unknown>;

export interface JsoncDocument {
  readonly value: unknown;
  /** The line, from 1, on which each array begins. */
  readonly lineOf: (array: readonly unknown[]) => number | undefined;
  /** Keys that stand twice in their object; the last one counts. */
  readonly doubledKeys: readonly string[];
}

/** A bun.lock nests 5 deep. */
const MAX_DEPTH = 32;
/** Objects, arrays and values. A bun.lock of 16 MiB has some 600,000; hostile documents within this bound stay under 200 MB (measured). */
const MAX_VALUES = 900_000;
const MAX_DOUBLED_KEYS = 20;

// The scanner's kinds of tokens; its own names for them exist at compile time of its authors only.
const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const COMMA = 5;
const COLON = 6;
const NULL = 7;
const TRUE = 8;
const FALSE = 9;
const STRING = 10;
const NUMBER = 11;
const END = 17;

/** What may come next: the rest of the grammar beside the open brackets. */
type Expected = 'value' | 'value-or-end' | 'key-or-end' | 'comma-or-end' | 'nothing';

/** JSON with comments and trailing commas, walked without recursion. */
export function parseJsonc(text: string): Parsed<JsoncDocument> {
  const scanner = createScanner(text, true);
  const unexpected = (): { readonly reason: string } => ({
    reason:
      whyUnreadable(text) ??
      `not valid JSON with comments (line ${scanner.getTokenStartLine() + 1}, column ${scanner.getTokenStartCharacter() + 1})`,
  });
  const open: (Map<string, unknown> | unknown[])[] = [];
  const lines = new Map<readonly unknown[], number>();
  const doubledKeys: string[] = [];
  let key = '';
  let root: unknown;
  let expected: Expected = 'value';
  let valueCount = 0;

  const put = (value: unknown): void => {
    const parent = open.at(-1);
    if (parent === undefined) root = value;
    else if (Array.isArray(parent)) parent.push(value);
    else {
      if (parent.has(key) && doubledKeys.length < MAX_DOUBLED_KEYS) doubledKeys.push(key);
      parent.set(key, value);
    }
  };

  let rootEnd = 0;
  for (let token: number = scanner.scan(); ; token = scanner.scan()) {
    if (scanner.getTokenError() !== 0) return unexpected();
    if (expected !== 'nothing') rootEnd = scanner.getPosition();
    if (expected === 'nothing') {
      if (token !== END || hasOpenComment(text, rootEnd)) return unexpected();
      return { value: { value: root, lineOf: (array) => lines.get(array), doubledKeys } };
    }
    if (expected === 'comma-or-end') {
      const isArray = Array.isArray(open.at(-1));
      if (token === COMMA) {
        expected = isArray ? 'value-or-end' : 'key-or-end';
        continue;
      }
      if (token !== (isArray ? CLOSE_BRACKET : CLOSE_BRACE)) return unexpected();
    } else if (expected === 'key-or-end' && token === STRING) {
      key = scanner.getTokenValue();
      if ((scanner.scan() as number) !== COLON) return unexpected();
      expected = 'value';
      continue;
    }
    if (token === CLOSE_BRACE || token === CLOSE_BRACKET) {
      // A comma before it, as bun writes, or nothing at all between the brackets.
      const isArray = Array.isArray(open.at(-1));
      if (expected === 'value' || isArray !== (token === CLOSE_BRACKET)) return unexpected();
      open.pop();
      expected = open.length === 0 ? 'nothing' : 'comma-or-end';
      continue;
    }
    if (expected === 'key-or-end') return unexpected();
    if (++valueCount > MAX_VALUES) return { reason: `more than ${MAX_VALUES} values; files with up to that many are read` };
    if (token === OPEN_BRACE || token === OPEN_BRACKET) {
      if (open.length >= MAX_DEPTH) return { reason: `it nests deeper than ${MAX_DEPTH} levels, which no lock file does` };
      const container = token === OPEN_BRACE ? new Map<string, unknown>() : [];
      if (Array.isArray(container)) lines.set(container, scanner.getTokenStartLine() + 1);
      put(container);
      open.push(container);
      expected = token === OPEN_BRACE ? 'key-or-end' : 'value-or-end';
      continue;
    }
    if (token === STRING) put(scanner.getTokenValue());
    else if (token === NUMBER) put(Number(scanner.getTokenValue()));
    else if (token === TRUE || token === FALSE) put(token === TRUE);
    else if (token === NULL) put(null);
    else return unexpected();
    expected = open.length === 0 ? 'nothing' : 'comma-or-end';
  }
}

/** Whether a comment behind the value never ends: the scanner passes over it as over any other, and whatever it swallowed is lost. */
function hasOpenComment(text: string, from: number): boolean {
  const scanner = createScanner(text, false);
  scanner.setPosition(from);
  for (let token: number = scanner.scan(); token !== END; token = scanner.scan()) if (scanner.getTokenError() !== 0) return true;
  return false;
}

/** Of the maps that stand for objects here. */
export function isJsoncObject(value: unknown): value is JsoncObject {
  return value instanceof Map;
}
