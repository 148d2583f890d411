import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { addHexPackage, HexRepositories } from '../hex/packages.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseElixirTerm, type Term } from '../syntax/beam-terms.ts';
import { decodeText, whyUnreadable } from '../text.ts';

/** Some 5,000 packages. The terms of a hostile file of this size take up to 100 MB and 1 s (measured). */
const MIX_LOCK_MAX_BYTES = 2 * 1024 * 1024;

/**
 * `mix.lock`: an Elixir map, or a keyword list in the files of Mix's first years. The name of a Hex package is the tuple's second
 * term, not the key, under which the project knows it.
 */
export const mix: ManifestFormat = {
  name: 'mix',
  files: ['mix.lock'],
  ecosystems: ['HEX'],
  lists: 'exact',
  maxBytes: MIX_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'mix.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseElixirTerm(decoded.text);
    if ('reason' in parsed) return unreadable(whyUnreadable(decoded.text) ?? `not a mix.lock: ${parsed.reason}`);
    const lock = parsed.value;
    if (lock.kind !== 'map' && lock.kind !== 'list') return unreadable('not a mix.lock: neither a map nor a keyword list');
    checkEntryCount(lock.items.length);
    const reading = new Reading('HEX', decoded);
    addEntries(lock.items, reading);
    return reading.content();
  },
};

function addEntries(entries: readonly Term[], reading: Reading): void {
  const repositories = new HexRepositories();
  const keys = new Set<string>();
  const required = new Map<string, { readonly requirement: string; readonly by: string }>();
  for (const entry of entries) {
    const key = entry.kind === 'pair' ? textOf(entry.key) : undefined;
    if (entry.kind !== 'pair' || key === undefined) {
      reading.addUnresolved('mix.lock', '', 'an entry without a name');
      continue;
    }
    if (keys.has(key)) reading.addWarning(`${key} stands in it twice; Elixir takes the last one`);
    keys.add(key);
    addEntry(key, entry.value, entry.line, repositories, required, reading);
  }
  for (const [name, { requirement, by }] of required) {
    if (!keys.has(name)) reading.addUnresolved(name, requirement, `declared by ${by}, but the lock file does not resolve it`);
  }
  repositories.warn(reading);
}

function addEntry(
  key: string,
  value: Term,
  line: number,
  repositories: HexRepositories,
  required: Map<string, { readonly requirement: string; readonly by: string }>,
  reading: Reading,
): void {
  const [source, second, third, fourth, , dependencies, repository, last] = value.kind === 'tuple' ? value.items : [];
  const kind = source?.kind === 'atom' ? source.value : undefined;
  const address = textOf(second) ?? '';
  if (kind === 'hex' && second !== undefined) {
    const entry = { name: nameOf(second), version: textOf(third) };
    if (entry.name === undefined) {
      reading.addUnresolved(key, entry.version ?? '', 'its name is neither an atom nor a text');
      return;
    }
    addHexPackage(key, { ...entry, digests: { outer: textOf(last), inner: textOf(fourth) }, line }, reading);
    repositories.note(textOf(repository), entry.name);
    noteRequired(dependencies, key, required);
  } else if (kind === 'package') {
    // Hex before 0.4, in 2014.
    addHexPackage(key, { name: key, version: textOf(second), digests: { outer: undefined, inner: undefined }, line }, reading);
  } else if (kind === 'path') {
    reading.addLocal(key, address, 'a package in a folder');
  } else if (kind === undefined) {
    reading.addUnresolved(key, '', 'its entry is no tuple that begins with an atom');
  } else {
    reading.addUnsupported(
      key,
      address,
      kind === 'git' ? 'comes from a git repository, not from a registry' : `comes from a source "${kind}", not from a registry`,
    );
  }
}

/** `{:app, "~> 1.0", [hex: :name, repo: "hexpm", optional: false]}`, as far as it is not optional. */
function noteRequired(
  dependencies: Term | undefined,
  by: string,
  required: Map<string, { readonly requirement: string; readonly by: string }>,
): void {
  if (dependencies?.kind !== 'list') return;
  for (const dependency of dependencies.items) {
    if (dependency.kind !== 'tuple') continue;
    const [app, requirement, options] = dependency.items;
    const name = app && nameOf(app);
    if (name === undefined || required.has(name) || isOptional(options)) continue;
    required.set(name, { requirement: textOf(requirement) ?? '', by });
  }
}

function isOptional(options: Term | undefined): boolean {
  if (options?.kind !== 'list') return false;
  return options.items.some((item) => item.kind === 'pair' && nameOf(item.key) === 'optional' && nameOf(item.value) === 'true');
}

function textOf(term: Term | undefined): string | undefined {
  return term?.kind === 'text' || (term?.kind === 'atom' && term.value !== 'nil') ? term.value : undefined;
}

function nameOf(term: Term): string | undefined {
  return term.kind === 'atom' || term.kind === 'text' ? term.value : undefined;
}
