import { describe } from '../python/packages.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';

/** Where uv has a package from. */
export type Source =
  | { readonly kind: 'registry'; readonly index: string }
  | { readonly kind: 'local'; readonly place: string; readonly reason: string }
  | { readonly kind: 'remote'; readonly address: string; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

const LOCAL_REASONS: ReadonlyMap<string, string> = new Map([
  ['virtual', 'our own project, which is not built'],
  ['editable', 'our own code, installed in place'],
  ['directory', 'a folder'],
  ['path', 'a file in a folder'],
]);
const REMOTE_REASONS: ReadonlyMap<string, string> = new Map([
  ['git', 'comes from a git repository, not from a registry'],
  ['url', 'comes from an address of its own, not from a registry'],
  ['direct', 'comes from an address of its own, not from a registry'],
]);

/** A table with one key that names the kind, and options; in the first files of uv text, `registry+https://...`. */
export function sourceOf({ source }: TomlTable): Source {
  if (typeof source === 'string') {
    const plus = source.indexOf('+');
    return toSource(source.slice(0, Math.max(plus, 0)), source.slice(plus + 1)) ?? unknown(source);
  }
  if (source === undefined) return { kind: 'unknown', reason: 'its entry has no source' };
  if (!isTomlTable(source)) return unknown(describe(source));
  for (const key in source) {
    const place = source[key];
    const known = typeof place === 'string' ? toSource(key, place) : undefined;
    if (known) return known;
  }
  return unknown(Object.keys(source).join(', '));
}

/** `registry` may be a folder of wheels as well: which of them are our own, the file cannot tell. */
function toSource(kind: string, place: string): Source | undefined {
  if (kind === 'registry') return { kind, index: place };
  const local = LOCAL_REASONS.get(kind);
  if (local !== undefined) return { kind: 'local', place, reason: local };
  const remote = REMOTE_REASONS.get(kind);
  return remote === undefined ? undefined : { kind: 'remote', address: place, reason: remote };
}

function unknown(source: string): Source {
  return { kind: 'unknown', reason: `its source is not known: ${source}` };
}
