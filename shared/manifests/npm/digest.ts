/** Strength of the digests that `integrity` may hold. */
const STRENGTH: ReadonlyMap<string, number> = new Map([
  ['sha512', 5],
  ['sha384', 4],
  ['sha256', 3],
  ['sha1', 2],
  ['md5', 1],
]);
/** Nearly every one, told faster than by all that may stand there. */
const SHA512 = /^sha512-[A-Za-z0-9+/=]+$/;
const ONE_DIGEST = /^(?:sha512|sha1|sha384|sha256|md5)-[A-Za-z0-9+/_-]+={0,2}$/;

/** Whether a text is one digest and nothing else. */
export function isOneDigest(text: string): boolean {
  return SHA512.test(text) || ONE_DIGEST.test(text);
}

const SHA512_CHARACTERS = 'sha512-'.length + 88;

/**
 * One digest of SHA-512, told by its form alone: from JSON, where it is an entry's own text and is only ever compared with another one,
 * to look at each of its characters would take longer than anything else that is done with an entry.
 */
function hasFormOfSha512(text: string): boolean {
  return (
    text.length === SHA512_CHARACTERS && text.startsWith('sha512-') && text.endsWith('==') && !text.includes(' ') && !text.includes('?')
  );
}

/**
 * The digest of an `integrity` as the Subresource Integrity specification writes it, `ALGORITHM-VALUE`; of a list the strongest one
 * (of several equally strong, any of which may be fetched, the first in order). `undefined` for anything else.
 */
export function strongestDigest(integrity: unknown): string | undefined {
  if (typeof integrity !== 'string' || integrity === '') return undefined;
  if (hasFormOfSha512(integrity) || isOneDigest(integrity)) return integrity;
  let strongest: string | undefined;
  let strength = 0;
  for (const written of integrity.split(/\s+/, MAX_DIGESTS)) {
    const digest = written.split('?', 1)[0] ?? '';
    if (!ONE_DIGEST.test(digest)) continue;
    const own = STRENGTH.get(digest.slice(0, digest.indexOf('-'))) ?? 0;
    if (own > strength || (own === strength && strongest !== undefined && digest < strongest)) strongest = digest;
    strength = Math.max(strength, own);
  }
  return strongest;
}

/** A package published in our time has one, an old one two. */
const MAX_DIGESTS = 20;
