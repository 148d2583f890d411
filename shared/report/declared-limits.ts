import { createHash } from 'node:crypto';

/**
 * What SafeDep's schema declares of the messages of a report, in characters or entries (buf.validate options of the official
 * module). A server may enforce them, so nothing that is sent is outside them.
 */
export const SESSION_TEXT_MAX_CHARACTERS = 100;
export const ORIGIN_URL_MAX_CHARACTERS = 200;
export const MANIFEST_NAME_MAX_CHARACTERS = 100;
export const MANIFEST_NAMESPACE_MAX_CHARACTERS = 500;
export const VULNERABILITIES_MAX_COUNT = 100;
export const VULNERABILITY_ID_MAX_CHARACTERS = 100;
export const VULNERABILITY_SUMMARY_MAX_CHARACTERS = 1000;
export const LICENCE_ID_MIN_CHARACTERS = 3;
export const ANALYSIS_ID_MAX_CHARACTERS = 100;
export const RULE_VALUE_MAX_CHARACTERS = 1000;
export const EVIDENCE_MAX_CHARACTERS = 1000;

/** Hex digits that keep shortened names apart. */
const DIGEST_CHARACTERS = 12;

/** Characters as the schema counts them: code points. */
function characters(text: string): string[] {
  return Array.from(text.toWellFormed());
}

export function characterCount(text: string): number {
  return characters(text).length;
}

/** The text, cut at its end where it is too long. Lone surrogates, which no encoding takes, become U+FFFD. */
export function cut(text: string, maxCharacters: number): string {
  return characters(text).slice(0, maxCharacters).join('');
}

/**
 * The text, or where it is too long its beginning and a digest of all of it: the same text always becomes the same name, and two texts
 * practically never the same one.
 */
export function shortenName(text: string, maxCharacters: number): string {
  const all = characters(text);
  if (all.length <= maxCharacters) return all.join('');
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARACTERS);
  return `${all.slice(0, maxCharacters - DIGEST_CHARACTERS - 1).join('')}~${digest}`;
}
