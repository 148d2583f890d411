import { parseYaml } from '../parsers.ts';
import { DEPENDENCY_GROUPS, type PnpmDeclared, type PnpmDocument, type PnpmEntry } from './entries.ts';

/** Reads a pnpm lock file of any YAML layout. Slow, within the YAML parser's limits, and without aliases. */
export function readYaml(text: string): readonly PnpmDocument[] | { readonly reason: string } {
  const parsed = parseYaml(text);
  if ('reason' in parsed) return parsed;
  const documents: PnpmDocument[] = [];
  for (const root of parsed.value) {
    if (root === '' || root === null) continue; // nothing between two separators
    if (!(root instanceof Map)) return { reason: 'not a pnpm lock file: not a mapping' };
    const packages: unknown = root.get('packages');
    if (packages !== undefined && packages !== '' && !(packages instanceof Map))
      return { reason: 'not a pnpm lock file: "packages" is no mapping' };
    documents.push({
      lockfileVersion: textOf(root.get('lockfileVersion')) ?? '',
      keys: new Set([...root.keys()].map(String)),
      entries: packages instanceof Map ? [...packages].map(([key, value]) => toEntry(String(key), value)) : [],
      declared: [
        ...declaredBy('.', root),
        ...[...mapOf(root.get('importers'))].flatMap(([path, importer]) => declaredBy(path, mapOf(importer))),
      ],
    });
  }
  return documents;
}

function toEntry(key: string, value: unknown): PnpmEntry {
  const fields = mapOf(value);
  const entry: PnpmEntry = { key };
  const name = textOf(fields.get('name'));
  const version = textOf(fields.get('version'));
  if (name !== undefined) entry.name = name;
  if (version !== undefined) entry.version = version;
  const resolution = mapOf(fields.get('resolution'));
  entry.resolution = new Map([...resolution].map(([field, text]) => [field, textOf(text) ?? '']));
  return entry;
}

function declaredBy(importer: string, groups: ReadonlyMap<string, unknown>): PnpmDeclared[] {
  const declared: PnpmDeclared[] = [];
  for (const group of DEPENDENCY_GROUPS) {
    for (const [name, value] of mapOf(groups.get(group))) {
      const version = textOf(value) ?? textOf(mapOf(value).get('version'));
      if (version !== undefined && version !== '') declared.push({ importer, name, version });
    }
  }
  return declared;
}

function mapOf(value: unknown): ReadonlyMap<string, unknown> {
  return value instanceof Map ? value : new Map();
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
