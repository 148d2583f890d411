import { parseYaml } from '../syntax/yaml.ts';
import { DEPENDENCY_GROUPS, type PnpmDeclared, type PnpmDocument, type PnpmEntry } from './entries.ts';
import { optionalKeys, setResolution } from './entry-lines.ts';
import { withoutPeers } from './keys.ts';

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
      importers: [...mapOf(root.get('importers')).keys()].map(String),
      declared: [
        ...declaredBy('.', root),
        ...[...mapOf(root.get('importers'))].flatMap(([path, importer]) => declaredBy(path, mapOf(importer))),
      ],
      optional: optionalOf(mapOf(root.get('snapshots'))),
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
  if (fields.get('dev') === 'true') entry.isDevelopment = true;
  if (fields.get('optional') === 'true') entry.isOptional = true;
  const resolution = [...mapOf(fields.get('resolution'))];
  if (resolution.length > 0) setResolution(entry, new Map(resolution.map(([field, text]) => [field, textOf(text) ?? ''])));
  return entry;
}

function declaredBy(importer: string, groups: ReadonlyMap<string, unknown>): PnpmDeclared[] {
  const declared: PnpmDeclared[] = [];
  for (const group of DEPENDENCY_GROUPS) {
    for (const [name, value] of mapOf(groups.get(group))) {
      const version = textOf(value) ?? textOf(mapOf(value).get('version'));
      const specifier = textOf(mapOf(value).get('specifier'));
      if (version === undefined || version === '') continue;
      declared.push(specifier === undefined ? { importer, name, version } : { importer, name, specifier, version });
    }
  }
  return declared;
}

function optionalOf(snapshots: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  const uses = [...snapshots.values()].map(mapOf);
  const indexes = uses.flatMap((use, index) => (use.get('optional') === 'true' ? [index] : []));
  return optionalKeys(
    [...snapshots.keys()].map((key) => withoutPeers(String(key))),
    new Set(indexes),
  );
}

function mapOf(value: unknown): ReadonlyMap<string, unknown> {
  return value instanceof Map ? value : new Map();
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
