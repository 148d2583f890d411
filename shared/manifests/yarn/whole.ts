import { YARN_FIELDS, type YarnEntry, type YarnFields } from './lines.ts';

export type Entries = readonly YarnEntry[] | { readonly reason: string };

/**
 * The entries of a file that a parser has read whole: maps or plain objects. Keys that share a value are one entry.
 * `specsOf` gives the list of one key, or `undefined` where it is none.
 */
export function toEntries(root: ReadonlyMap<unknown, unknown>, specsOf: (key: string) => readonly string[] | undefined): Entries {
  const entries: { specs: string[]; fields: YarnFields; dependencies: string[] }[] = [];
  const byValue = new Map<unknown, (typeof entries)[number]>();
  for (const [key, value] of root) {
    // YAML has maps as keys, too.
    const specs = typeof key === 'string' ? specsOf(key) : undefined;
    const entry = fieldsOf(value);
    const shownKey = JSON.stringify(typeof key === 'string' ? key.slice(0, 80) : 'a collection');
    if (!specs || !entry) return { reason: `not a yarn.lock: ${shownKey} is no entry of packages` };
    const known = byValue.get(value);
    if (known) {
      known.specs.push(...specs);
      continue;
    }
    const fields: YarnFields = {};
    for (const [name, text] of entry) {
      const wanted = typeof name === 'string' && Object.hasOwn(YARN_FIELDS, name) ? YARN_FIELDS[name] : undefined;
      if (wanted === undefined) continue;
      if (typeof text !== 'string') return { reason: `not a yarn.lock: the ${wanted} of ${shownKey} is not text` };
      fields[wanted] = text;
    }
    const dependencies = [...(fieldsOf(entry.get('dependencies')) ?? [])].flatMap(([name, range]) =>
      typeof name === 'string' && typeof range === 'string' ? [name, range] : [],
    );
    const found = { specs: [...specs], fields, dependencies };
    byValue.set(value, found);
    entries.push(found);
  }
  return entries;
}

function fieldsOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;
}
