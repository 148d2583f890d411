import type { BaseIssue } from 'valibot';
import { cutText } from './cut-text.ts';

/** What of a document does not fit its schema, for the person who wrote it. */
export interface SchemaIssue {
  /** Keys and indexes from the document's root; empty for the document itself. */
  readonly path: readonly PropertyKey[];
  /** What is wrong there, as the end of a sentence. Cites texts of the document: not for documents that hold secrets. */
  readonly message: string;
}

type Issue = BaseIssue<unknown>;

const CITED_MAX_CHARACTERS = 60;

/** Of a value that may be one of several things, what is wrong with the thing that it comes nearest to. */
export function toSchemaIssue(issue: Issue): SchemaIssue {
  const path = pathOf(issue);
  // To the library a list is an object, of keys 0, 1, 2.
  const last = issue.path?.at(-1);
  if (last?.type === 'object' && Array.isArray(last.input)) return { path: path.slice(0, -1), message: 'expected an object, found a list' };
  // A value that is none of them at all is said as such.
  const near = issue.issues?.reduce((nearest, each) => (pathOf(each).length > pathOf(nearest).length ? each : nearest));
  if (near === undefined || pathOf(near).length === 0) return { path, message: wording(issue) };
  const finer = toSchemaIssue(near);
  return { path: [...path, ...finer.path], message: finer.message };
}

/** `PATH: WHAT IS WRONG`; `document` stands for the root. */
export function issueText(issue: Issue): string {
  const { path, message } = toSchemaIssue(issue);
  return `${path.join('.') || 'document'}: ${message}`;
}

function pathOf({ path }: Issue): PropertyKey[] {
  return (path ?? []).map(({ key }) => key as PropertyKey);
}

function wording({ type, expected, received, message }: Issue): string {
  if (type === 'strict_object' && expected === 'never') return 'there is no such key';
  if (received === 'undefined') return 'it is missing';
  // A schema's own words; the library's begin so.
  if (!message.startsWith('Invalid ')) return message;
  return `expected ${EXPECTED[type]?.(expected ?? '') ?? named(expected ?? type)}, found ${named(cutText(received, CITED_MAX_CHARACTERS))}`;
}

const EXPECTED: Readonly<Record<string, (expected: string) => string>> = {
  min_length: (expected) => `a length ${expected}`,
  max_length: (expected) => `a length ${expected}`,
  regex: (expected) => `a text like ${expected}`,
  safe_integer: () => 'a whole number',
  url: () => 'an address (URL)',
  iso_timestamp: () => 'a time of RFC 3339',
};

const NAMES: Readonly<Record<string, string>> = { Object: 'an object', Array: 'a list', string: 'a text', number: 'a number' };

/** `("a" | "b")` as `one of "a", "b"`, and the library's names of types as a person says them. */
function named(term: string): string {
  const terms = /^\(.* \| .*\)$/.test(term) ? term.slice(1, -1).split(' | ') : [term];
  return (terms.length > 1 ? 'one of ' : '') + terms.map((each) => NAMES[each] ?? each).join(', ');
}
