import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, type Reading } from '../reading.ts';
import { type JsonObject, own, shown } from '../syntax/json-object.ts';
import { addReference } from './entry.ts';

/** Each with whether it is needed to build only. */
const LISTS = [
  ['requires', false],
  ['build_requires', true],
  ['python_requires', undefined],
  ['config_requires', undefined],
] as const;
/** Which recipes replace which; what is used in the end stands in the lists. */
const OTHER_KEYS = new Set(['version', 'overrides', 'alias']);

/** Conan 2: lists of references. Gives why the document is none. */
export function addLists(lock: JsonObject, text: string, reading: Reading): string | undefined {
  const lines = new LineCursor(text);
  let listCount = 0;
  for (const [key, isDevelopment] of LISTS) {
    const entries = own(lock, key);
    if (entries === undefined) continue;
    if (!Array.isArray(entries)) return `its "${key}" are no list`;
    listCount++;
    checkEntryCount(entries.length);
    for (const entry of entries) {
      // With binaries locked, too, an entry is a pair: the reference and its packages.
      const reference: unknown = Array.isArray(entry) ? entry[0] : entry;
      if (typeof reference === 'string') addReference(reference, isDevelopment === undefined ? {} : { isDevelopment }, lines, reading);
      else reading.addUnresolved(key, shown(reference), 'an entry that is no reference');
    }
  }
  if (listCount === 0) return 'neither "graph_lock" nor "requires" stand in it';
  for (const key of Object.keys(lock)) {
    if (!OTHER_KEYS.has(key) && !LISTS.some(([known]) => known === key)) reading.addWarning(`its "${key}" is not known, and was not read`);
  }
  return undefined;
}
