import { strongestDigest } from '../npm/digest.ts';
import { splitNpmSpec } from '../npm/names.ts';
import { originOf } from '../npm/origin.ts';
import { type NpmFacts, RegistryEntries } from '../npm/registry-entries.ts';
import type { Reading } from '../reading.ts';
import { parseSyml } from '../syntax/syml.ts';
import { readLines, unquote, type YarnEntry, type YarnLayout } from './lines.ts';
import type { Resolutions } from './resolutions.ts';
import { type Entries, toEntries } from './whole.ts';

const LAYOUT: YarnLayout = { separator: ' ', specsOf: splitKey, hasWantedDependencies: () => false };
/** What yarn 1 writes at the top, even of a project without dependencies. */
const HEADER = /^# yarn lockfile v1\s*$/m;
const ALIAS = 'npm:';
/** With an offline mirror, `resolved` is the name of a file in it. */
const MIRRORED = /^[^/\\:]+\.tgz(?:#|$)/;
const LOCAL_PATH = /^(?:(?:file|link|portal|workspace):|(?:\.{0,2}\/|~\/|[A-Za-z]:[\\/])(?!.*:\/\/))/;
const SHA1_OF_ADDRESS = /#([0-9a-f]{40})$/;

/** The entries of a file of yarn 1: line by line, or by yarn's own grammar where a line is of no form that yarn writes. */
export function readClassic(text: string): Entries {
  const entries = readLines(text, LAYOUT) ?? readWhole(text);
  if ('reason' in entries) return entries;
  if (entries.length === 0 && !HEADER.test(text)) {
    return { reason: 'not a yarn.lock: it has no entry, and not the first line that yarn writes' };
  }
  // A text with a colon has entries, too.
  const isAnyVersion = entries.length === 0 || entries.some(({ fields }) => fields.version !== undefined);
  return isAnyVersion ? entries : { reason: 'not a yarn.lock: no entry of it has a version' };
}

/** As `readClassic`, by yarn's own grammar. */
export function readWhole(text: string): Entries {
  const parsed = parseSyml(text);
  return 'reason' in parsed ? { reason: `not a yarn.lock: ${parsed.reason}` } : toEntries(parsed.value, (key) => [key]);
}

/**
 * One entry may have several keys, `name@range, name@range`; an alias stands in its key, `alias@npm:name@range`. The key tells the
 * name, for `resolved` may point elsewhere: then both are listed, and a sign of poisoning.
 */
export function addClassic(found: readonly YarnEntry[], resolutions: Resolutions, reading: Reading): void {
  const entries = new RegistryEntries(reading, (name, fetchedName) => resolutions.get(name)?.has(fetchedName) === true);
  const known = new Set<string>();
  const facts: NpmFacts = {};
  for (const entry of found) {
    for (const spec of entry.specs) {
      if (known.has(spec)) reading.addWarning(`${spec} stands in the file twice; yarn takes the last`);
      known.add(spec);
    }
    addEntry(entry, facts, entries, reading);
  }
}

interface Spec {
  readonly name: string;
  readonly range: string;
}

function addEntry({ line, specs: written, fields }: YarnEntry, facts: NpmFacts, entries: RegistryEntries, reading: Reading): void {
  const first = toSpec(written[0] ?? '');
  const specs = written.length === 1 ? [first] : written.map(toSpec);
  const { name } = first;
  if (specs.some((spec) => spec.name !== name)) {
    const names = new Set(specs.map((spec) => spec.name));
    reading.addWarning(`${line === undefined ? 'an entry' : `line ${line}`} resolves several packages as one: ${[...names].join(', ')}`);
  }
  const { version, resolved = '', integrity } = fields;
  if (line !== undefined) facts.line = line;
  if (resolved !== '') {
    facts.integrity = strongestDigest(integrity) ?? sha1Of(resolved);
    if (LOCAL_PATH.test(resolved)) reading.addLocal(name, resolved, 'a file or folder of the repository');
    else entries.add(name, version, MIRRORED.test(resolved) ? '' : resolved, facts);
    return;
  }
  const local = specs.find(({ range }) => LOCAL_PATH.test(range));
  const remote = specs.find(({ range }) => isRemote(range));
  if (local) {
    reading.addLocal(name, local.range, 'a file or folder of the repository');
  } else if (remote) {
    reading.addUnsupported(name, remote.range, 'comes from a git repository or an address of its own, not from a registry');
  } else {
    facts.integrity = strongestDigest(integrity);
    entries.add(name, version, '', facts);
  }
}

/** Before `integrity` there was the digest behind the address. */
function sha1Of(resolved: string): string | undefined {
  const digest = SHA1_OF_ADDRESS.exec(resolved)?.[1];
  return digest === undefined ? undefined : `sha1:${digest}`;
}

/** An address, or `owner/repository` of a forge. */
function isRemote(range: string): boolean {
  return originOf(range).kind !== 'path' || /^[^\s@/]+\/[^\s/]+$/.test(range);
}

/** The packages of a key line as yarn writes it, `a, "b", c`; `undefined` for any other. */
function splitKey(key: string): readonly string[] | undefined {
  if (!key.includes('"')) {
    const specs = key.split(', ');
    return specs.some((spec) => !PLAIN_SPEC.test(spec)) ? undefined : specs;
  }
  if (key.endsWith(', ')) return undefined;
  const specs: string[] = [];
  for (let start = 0; start < key.length; start += ', '.length) {
    const end = endOfSpec(key, start);
    const written = key.slice(start, end);
    const spec = written.startsWith('"') ? unquote(written) : PLAIN_SPEC.test(written) ? written : undefined;
    if (spec === undefined || spec === '' || (end < key.length && !key.startsWith(', ', end))) return undefined;
    specs.push(spec);
    start = end;
  }
  return specs;
}

const PLAIN_SPEC = /^[A-Za-z0-9/][^\s,:"]*$/;

function endOfSpec(key: string, start: number): number {
  if (key.charCodeAt(start) !== 0x22) {
    const comma = key.indexOf(',', start);
    return comma < 0 ? key.length : comma;
  }
  let end = start + 1;
  while (end < key.length && key.charCodeAt(end) !== 0x22) end += key.charCodeAt(end) === 0x5c ? 2 : 1;
  return Math.min(end + 1, key.length);
}

function toSpec(spec: string): Spec {
  const { name, rest } = splitNpmSpec(spec);
  if (!rest.startsWith(ALIAS)) return { name, range: rest };
  const real = splitNpmSpec(rest.slice(ALIAS.length));
  return { name: real.name, range: real.rest };
}
