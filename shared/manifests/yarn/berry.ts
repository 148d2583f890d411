import { splitNpmSpec } from '../npm/names.ts';
import type { RegistryEntries } from '../npm/registry-entries.ts';
import { checkEntryCount, type Reading } from '../reading.ts';
import { type Complaint, readEntries, unquote, type YarnEntry, type YarnLayout } from './lines.ts';

const LAYOUT: YarnLayout = { wantedFields: new Set(['version', 'resolution']), separator: ': ' };
/** The first entry of every such file. Its `version` counts up with the internals of yarn, not with the layout, and is not asked. */
const METADATA = '__metadata';
const LOCAL_PROTOCOL = /^(?:workspace|file|link|portal):/;
const NPM_PROTOCOL = 'npm:';
const PATCH_PROTOCOL = 'patch:';
/** Patches of patched packages nest; yarn's own add one. */
const PATCH_MAX_DEPTH = 4;

export function isBerry(text: string): boolean {
  return text.includes(METADATA) && /^__metadata:\s*$/m.test(text);
}

/**
 * yarn 2 and later. The name is that of `resolution`, never of the key, which may be an alias. A patched package stands twice, as
 * `npm:` and as `patch:`, and counts once, as what it patches.
 */
export function readBerry(text: string, entries: RegistryEntries, reading: Reading): Complaint {
  const declared: { readonly owner: string; readonly line: string }[] = [];
  const known = new Set<string>();
  const complaint = readEntries(text, LAYOUT, (entry) => {
    if (entry.key === METADATA) return undefined;
    const key = unquote(entry.key);
    if (key === undefined) return `not a yarn.lock: line ${entry.lineNumber} is no list of packages`;
    for (const spec of key.split(', ')) known.add(splitNpmSpec(spec).name);
    checkEntryCount(known.size);
    const resolution = entry.fields.get('resolution');
    if (resolution === undefined) {
      reading.addUnresolved(splitNpmSpec(key).name, entry.fields.get('version') ?? '', 'its entry has no "resolution"');
      return undefined;
    }
    const { name, rest: reference } = splitNpmSpec(resolution);
    if (reference.startsWith('workspace:')) for (const line of entry.dependencies) declared.push({ owner: name, line });
    checkEntryCount(declared.length);
    addEntry(name, reference, entry, entries, reading);
    return undefined;
  });
  for (const { owner, line } of declared) checkDeclared(owner, line, known, reading);
  return complaint ?? (known.size === 0 ? 'not a yarn.lock: it has no entry, not even of the project itself' : undefined);
}

function addEntry(name: string, reference: string, entry: YarnEntry, entries: RegistryEntries, reading: Reading, depth = 0): void {
  if (LOCAL_PROTOCOL.test(reference)) return;
  if (reference.startsWith(NPM_PROTOCOL)) {
    addRegistryEntry(name, reference.slice(NPM_PROTOCOL.length), entry.fields.get('version'), entries, reading);
  } else if (reference.startsWith(PATCH_PROTOCOL)) {
    const patched = decode(reference.slice(PATCH_PROTOCOL.length).split('#', 1)[0] ?? '');
    const source = splitNpmSpec(patched);
    // A patch upon a patch names the inner one; whatever else is patched stands in the file on its own.
    if (depth > PATCH_MAX_DEPTH) reading.addUnresolved(name, reference, 'patches nest deeper than yarn makes them');
    else if (source.rest.startsWith(PATCH_PROTOCOL)) addEntry(source.name, source.rest, entry, entries, reading, depth + 1);
    else if (source.rest.startsWith(NPM_PROTOCOL))
      addRegistryEntry(source.name, source.rest.slice(NPM_PROTOCOL.length), undefined, entries, reading);
  } else {
    const place = /^(?:git|ssh)|\.git(?:#|$)|#commit[=:]/.test(reference) ? 'a git repository' : 'an address of its own';
    reading.addUnsupported(name, reference, `comes from ${place}, not from a registry`);
  }
}

const ARCHIVE = '__archiveUrl=';

/** `1.0.0`, `1.0.0::__archiveUrl=https%3A%2F%2F...` where the registry keeps its tarballs elsewhere, or `name@1.0.0`. */
function addRegistryEntry(name: string, selector: string, version: string | undefined, entries: RegistryEntries, reading: Reading): void {
  const [reference = '', bindings = ''] = selector.split('::', 2);
  const archive = bindings.split('&').find((binding) => binding.startsWith(ARCHIVE));
  const address = archive === undefined ? '' : decode(archive.slice(ARCHIVE.length));
  const real = splitNpmSpec(reference);
  const [realName, realVersion] = real.rest === '' ? [name, reference] : [real.name, real.rest];
  if (version !== undefined && version !== realVersion) {
    reading.addWarning(`${realName} has version ${version}, but resolves to ${realVersion}: the latter is what yarn fetches`);
  }
  entries.add(realName, realVersion, address, true);
}

/** Resolutions may change the range that a workspace declares, never the name. */
function checkDeclared(owner: string, line: string, known: ReadonlySet<string>, reading: Reading): void {
  const colon = line.indexOf(':', line.startsWith('"') ? line.indexOf('"', 1) : 0);
  const name = unquote(line.slice(0, Math.max(colon, 0)));
  if (name === undefined || name === '' || known.has(name)) return;
  const range = unquote(line.slice(colon + 1).trim()) ?? '';
  reading.addUnresolved(name, range, `declared by ${owner}, but the lock file does not resolve it`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray `%`: what is wrong with it shows when the name and version are checked
  }
}
