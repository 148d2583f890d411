import { splitNpmSpec } from '../npm/names.ts';
import { originOf } from '../npm/origin.ts';
import type { RegistryEntries } from '../npm/registry-entries.ts';
import type { Reading } from '../reading.ts';
import { type Complaint, readEntries, unquote, type YarnEntry, type YarnLayout } from './lines.ts';

const LAYOUT: YarnLayout = { wantedFields: new Set(['version', 'resolved']), separator: ' ' };
/** What yarn 1 writes at the top, even of a project without dependencies. */
const HEADER = /^# yarn lockfile v1\s*$/m;
const ALIAS = 'npm:';
/** With an offline mirror, `resolved` is the name of a file in it. */
const MIRRORED = /^[^/\\:]+\.tgz(?:#|$)/;
const LOCAL_PATH = /^(?:file:|link:|portal:|workspace:|\.{0,2}\/|~\/|[A-Za-z]:[\\/])/;

/**
 * yarn 1. One entry may have several keys, `name@range, name@range`; an alias stands in its key, `alias@npm:name@range`. The key
 * tells the name, for `resolved` may point elsewhere: then both are listed, with a warning.
 */
export function readClassic(text: string, entries: RegistryEntries, reading: Reading): Complaint {
  let isEmpty = true;
  const complaint = readEntries(text, LAYOUT, (entry) => {
    isEmpty = false;
    const specs = splitKeys(entry.key);
    if (!specs) return `not a yarn.lock: line ${entry.lineNumber} is no list of packages`;
    addEntry(entry, specs, entries, reading);
    return undefined;
  });
  if (complaint === undefined && isEmpty && !HEADER.test(text))
    return 'not a yarn.lock: it has no entry, and not the first line that yarn writes';
  return complaint;
}

interface Spec {
  readonly name: string;
  readonly range: string;
}

function addEntry(entry: YarnEntry, specs: readonly Spec[], entries: RegistryEntries, reading: Reading): void {
  const names = new Set(specs.map(({ name }) => name));
  const [name = ''] = names;
  if (names.size > 1) reading.addWarning(`line ${entry.lineNumber} resolves several packages as one: ${[...names].join(', ')}`);
  const version = entry.fields.get('version');
  const resolved = entry.fields.get('resolved');
  if (resolved !== undefined) {
    if (!LOCAL_PATH.test(resolved)) entries.add(name, version, MIRRORED.test(resolved) ? '' : resolved);
  } else if (!specs.some(({ range }) => LOCAL_PATH.test(range))) {
    const remote = specs.find(({ range }) => isRemote(range));
    if (remote) reading.addUnsupported(name, remote.range, 'comes from a git repository or an address of its own, not from a registry');
    else entries.add(name, version, '');
  }
}

/** An address, or `owner/repository` of a forge. */
function isRemote(range: string): boolean {
  return originOf(range).kind !== 'path' || /^[^\s@/]+\/[^\s/]+$/.test(range);
}

/** The packages of a key line; `undefined` where it is no list of them. */
function splitKeys(key: string): readonly Spec[] | undefined {
  const specs: Spec[] = [];
  for (const token of key.includes('"') ? (key.match(/"(?:[^"\\]|\\.)*"|[^\s",][^",]*|\S/g) ?? []) : key.split(', ')) {
    if (token === ',') continue;
    const spec = unquote(token);
    if (spec === undefined || spec === '' || (token === spec && /\s/.test(spec))) return undefined;
    specs.push(toSpec(spec));
  }
  return specs.length > 0 ? specs : undefined;
}

function toSpec(spec: string): Spec {
  const { name, rest } = splitNpmSpec(spec);
  if (!rest.startsWith(ALIAS)) return { name, range: rest };
  const real = splitNpmSpec(rest.slice(ALIAS.length));
  return { name: real.name, range: real.rest };
}
