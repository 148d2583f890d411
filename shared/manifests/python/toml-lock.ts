import { checkEntryCount, type Reading } from '../reading.ts';
import { isTomlTable, linesOfHeaders, parseToml, type TomlTable } from '../syntax/toml.ts';
import { describe } from './packages.ts';

/** Largest lock files of real projects have some 5 MB. As TOML, one of this size takes up to 40 MB of memory (measured). */
export const TOML_LOCK_MAX_BYTES = 8 * 1024 * 1024;

/** After so many keys that nobody knows it has been said that the file is odd. */
const MAX_UNKNOWN_KEYS = 20;

interface TomlLockLayout {
  /** How to call the file. */
  readonly file: string;
  /** Names that the array of packages has had. */
  readonly arrays: readonly string[];
  /** Every other key at the top that may hold a table or an array. */
  readonly topKeys: ReadonlySet<string>;
  /** Keys of a package's own table. */
  readonly packageKeys: ReadonlySet<string>;
}

interface TomlLock {
  readonly document: TomlTable;
  /** Whether there is an array of packages, be it empty. */
  readonly hasPackages: boolean;
  readonly entries: readonly TomlTable[];
  /** Of each entry, where every one has a header of its own. */
  readonly lines: readonly number[] | undefined;
}

/**
 * Reads a TOML lock file as far as all of them are alike. A table of an unknown name could hold packages, so it is an error; what else
 * is not known is warned of, since one of the known keys may be misspelt.
 */
export function readTomlLock(text: string, layout: TomlLockLayout, reading: Reading): TomlLock | { readonly reason: string } {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed;
  const document = parsed.value;
  const { file, arrays, topKeys, packageKeys } = layout;
  let unknownCount = 0;
  for (const key of Object.keys(document)) {
    if (topKeys.has(key) || arrays.includes(key)) continue;
    const shown = JSON.stringify(key.slice(0, 40));
    if (typeof document[key] === 'object') return { reason: `not a ${file}: it has a ${shown}` };
    if (++unknownCount <= MAX_UNKNOWN_KEYS) reading.addWarning(`the file has ${shown}, which is not known and not read`);
  }
  const [array, another] = arrays.filter((name) => document[name] !== undefined);
  if (another !== undefined) return { reason: `not a ${file}: it has both a "${array}" and a "${another}"` };
  if (array === undefined) return { document, hasPackages: false, entries: [], lines: [] };
  const found = document[array];
  if (!Array.isArray(found) || !found.every(isTomlTable)) return { reason: `not a ${file}: "${array}" is no array of tables` };
  checkEntryCount(found.length);
  warnOfUnknownKeys(found, packageKeys, reading);
  const lines = linesOfHeaders(text, array);
  return { document, hasPackages: true, entries: found, lines: lines.length === found.length ? lines : undefined };
}

interface MetadataLayout {
  readonly file: string;
  /** The key of [metadata] that holds the version of the layout. */
  readonly versionKey: string;
  /** First numbers of the versions that are known. */
  readonly majors: { readonly lowest: number; readonly highest: number };
}

/**
 * The [metadata] of a lock file that has the version of its layout there; files of the first years had neither. Why the file is not
 * read, where the version is unknown or nothing shows that it is such a lock file at all.
 */
export function metadataOf(
  { document, entries }: TomlLock,
  { file, versionKey, majors }: MetadataLayout,
): { readonly metadata: TomlTable | undefined } | { readonly reason: string } {
  const { metadata } = document;
  if (metadata === undefined) {
    return entries.length === 0 ? { reason: `not a ${file}: neither [metadata] nor any [[package]] stands in it` } : { metadata };
  }
  if (!isTomlTable(metadata)) return { reason: `not a ${file}: "metadata" is not a table` };
  const version = metadata[versionKey];
  if (version === undefined) return { metadata };
  const major = typeof version === 'string' ? /^(\d{1,3})(?:\.\d{1,3}){0,2}$/.exec(version)?.[1] : undefined;
  const isKnown = major !== undefined && Number(major) >= majors.lowest && Number(major) <= majors.highest;
  return isKnown ? { metadata } : { reason: `lock file version ${describe(version)} is not known; up to ${majors.highest}.x are` };
}

function warnOfUnknownKeys(entries: readonly TomlTable[], known: ReadonlySet<string>, reading: Reading): void {
  const warned = new Set<string>();
  for (const entry of entries) {
    for (const key in entry) {
      if (known.has(key) || warned.has(key) || warned.size >= MAX_UNKNOWN_KEYS) continue;
      warned.add(key);
      reading.addWarning(`the entry of ${describe(entry['name'])} has ${JSON.stringify(key)}, which is not known and not read`);
    }
  }
}
