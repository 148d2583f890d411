import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { addHexPackage } from '../hex/packages.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseErlangTerms, type Term } from '../syntax/beam-terms.ts';
import { decodeText, whyUnreadable } from '../text.ts';

/** Some 8,000 packages. The terms of a hostile file of this size take up to 100 MB and 1 s (measured). */
const REBAR_LOCK_MAX_BYTES = 2 * 1024 * 1024;

/** Of the layouts with a version; rebar3 3.14 and later write the last one. */
const LAYOUTS = ['1.0.0', '1.1.0', '1.2.0'];
const REVISION_KEYS = ['ref', 'tag', 'branch'];

/**
 * `rebar.lock`: `{"1.2.0", [ENTRY, ...]}.` with digests in a second term, or `[ENTRY, ...].` alone. The name of a Hex package is that
 * in its `pkg` tuple, not the application's before it. Level 0 is what the project itself asks for.
 */
export const rebar: ManifestFormat = {
  name: 'rebar',
  files: ['rebar.lock (to 1.2.0)'],
  ecosystems: ['HEX'],
  lists: 'exact',
  maxBytes: REBAR_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'rebar.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseErlangTerms(decoded.text);
    if ('reason' in parsed) return unreadable(whyUnreadable(decoded.text) ?? `not a rebar.lock: ${parsed.reason}`);
    const [lock, attributes, ...more] = parsed.value;
    const entries = entriesOf(lock);
    if ('reason' in entries) return unreadable(entries.reason);
    checkEntryCount(entries.items.length);
    const reading = new Reading('HEX', decoded);
    if (more.length > 0) reading.addWarning(`${more.length} more terms than rebar3 writes were not read`);
    const digests = digestsOf(attributes, reading);
    for (const entry of entries.items) addEntry(entry, digests, reading);
    return reading.content();
  },
};

function entriesOf(lock: Term | undefined): { readonly items: readonly Term[] } | { readonly reason: string } {
  if (lock?.kind === 'list') return lock;
  const [version, entries, ...more] = lock?.kind === 'tuple' ? lock.items : [];
  if (version?.kind !== 'text' || entries?.kind !== 'list' || more.length > 0) {
    return { reason: 'not a rebar.lock: neither a list of entries nor a version with one' };
  }
  if (!LAYOUTS.includes(version.value)) return { reason: `lock file version ${version.value} is not known; ${LAYOUTS.join(', ')} are` };
  return entries;
}

interface Digests {
  readonly inner: ReadonlyMap<string, string>;
  readonly outer: ReadonlyMap<string, string>;
}

/** `[{pkg_hash, [{APP, DIGEST}, ...]}, {pkg_hash_ext, [...]}]` */
function digestsOf(attributes: Term | undefined, reading: Reading): Digests {
  const inner = new Map<string, string>();
  const outer = new Map<string, string>();
  if (attributes === undefined) return { inner, outer };
  if (attributes.kind !== 'list') {
    reading.addWarning('its second term is no list, and was not read');
    return { inner, outer };
  }
  for (const attribute of attributes.items) {
    const [key, list] = attribute.kind === 'tuple' ? attribute.items : [];
    const name = textOf(key);
    const digests = name === 'pkg_hash' ? inner : name === 'pkg_hash_ext' ? outer : undefined;
    if (!digests || list?.kind !== 'list') {
      reading.addWarning(`its attribute ${name ?? 'without a name'} is not known, and was not read`);
      continue;
    }
    for (const item of list.items) {
      const [app, digest] = item.kind === 'tuple' ? item.items.map(textOf) : [];
      if (app !== undefined && digest !== undefined) digests.set(app, digest);
    }
  }
  return { inner, outer };
}

function addEntry(entry: Term, { inner, outer }: Digests, reading: Reading): void {
  const [app, source, level] = entry.kind === 'tuple' ? entry.items : [];
  const key = textOf(app);
  const [type, second, third] = source?.kind === 'tuple' ? source.items : [];
  const kind = textOf(type);
  const address = textOf(second) ?? '';
  if (key === undefined || kind === undefined) {
    reading.addUnresolved(key ?? 'rebar.lock', '', 'an entry that is not understood');
  } else if (kind === 'pkg') {
    const name = textOf(second);
    const digests = { outer: outer.get(key), inner: inner.get(key) };
    if (name === undefined) reading.addUnresolved(key, textOf(third) ?? '', 'its package has no name');
    else if (level?.kind !== 'number') reading.addUnresolved(name, textOf(third) ?? '', 'its entry has no level');
    else
      addHexPackage(key, { name, version: textOf(third), digests, relationship: level.value === '0' ? 'direct' : 'transitive' }, reading);
  } else if (kind === 'git' || kind === 'git_subdir' || kind === 'hg') {
    const [revisionKind, revision] = third?.kind === 'tuple' ? third.items.map(textOf) : [];
    const isKnown = revision !== undefined && REVISION_KEYS.includes(revisionKind ?? '');
    const what = kind === 'hg' ? 'a Mercurial' : 'a git';
    reading.addUnsupported(key, isKnown ? `${address}#${revision}` : address, `comes from ${what} repository, not from a registry`);
  } else {
    reading.addUnsupported(key, address, `comes from a source "${kind}", not from a registry`);
  }
}

function textOf(term: Term | undefined): string | undefined {
  return term?.kind === 'text' || term?.kind === 'atom' ? term.value : undefined;
}
