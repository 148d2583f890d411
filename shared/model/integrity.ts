const ALGORITHM = /^([A-Za-z0-9]+)[-:]/;

/**
 * The algorithm of a lock file's digest, `ALGORITHM:VALUE` or `ALGORITHM-VALUE`; of one that names none, how long it is. Digests of
 * two algorithms cannot be compared: npm replaced `sha1-` by `sha512-` in many a file.
 */
export function algorithmOf(integrity: string): string {
  return ALGORITHM.exec(integrity)?.[1] ?? String(integrity.length);
}
