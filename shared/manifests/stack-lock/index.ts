import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { decodeText } from '../text.ts';

/** What is read as YAML of any layout; real ones have some 10 KiB. */
const STACK_LOCK_MAX_BYTES = 768 * 1024;
/** `name-1.2.3@sha256:…,size`; `@rev:1` in what a person wrote. A part of a name has a letter, so that the version is what follows the last. */
const HACKAGE = /^([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)-([0-9]+(?:\.[0-9]+)*)(?:@(?:sha256:[0-9a-f]{64}(?:,[0-9]+)?|rev:[0-9]+))?$/;
const ENTRY_KEYS = new Set(['completed', 'original']);

type YamlMap = ReadonlyMap<unknown, unknown>;

/** `stack.yaml.lock`: the packages besides those of the snapshot, which stand in a document of their own. */
export const stackLock: ManifestFormat = {
  name: 'stack-lock',
  files: ['stack.yaml.lock'],
  ecosystems: ['HACKAGE'],
  lists: 'exact',
  maxBytes: STACK_LOCK_MAX_BYTES,
  matches: (path) => /^stack(?:-.+)?\.ya?ml\.lock$/.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseYaml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const [lock, ...more] = parsed.value;
    if (!isMap(lock) || more.length > 0) return unreadable('not a stack.yaml.lock: not one map');
    const packages = lock.get('packages');
    const snapshots = lock.get('snapshots') ?? [];
    if (!Array.isArray(packages) || !Array.isArray(snapshots))
      return unreadable('not a stack.yaml.lock: its "packages" or "snapshots" are no list');
    checkEntryCount(packages.length + snapshots.length);
    const reading = new Reading('HACKAGE', decoded);
    if (!lock.has('snapshots')) reading.addWarning('it names no snapshot, which Stack always writes');
    const lines = new LineCursor(decoded.text);
    for (const key of lock.keys()) {
      if (key !== 'packages' && key !== 'snapshots') reading.addWarning(`its "${String(key)}" is not known, and was not read`);
    }
    for (const entry of packages as readonly unknown[]) addPackage(entry, lines, reading);
    for (const entry of snapshots as readonly unknown[]) addSnapshot(entry, reading);
    return reading.content();
  },
};

function addPackage(entry: unknown, lines: LineCursor, reading: Reading): void {
  const completed = isMap(entry) ? entry.get('completed') : undefined;
  if (!isMap(entry) || !isMap(completed)) {
    reading.addUnresolved('packages', textOf(entry), 'an entry without what it was completed to');
    return;
  }
  warnOfUnknown(entry, reading);
  const hackage = completed.get('hackage');
  if (typeof hackage === 'string') {
    addHackage(hackage, entry.get('original'), lines, reading);
    return;
  }
  const name = textOf(completed.get('name')) || 'packages';
  const address = textOf(completed.get('git')) || textOf(completed.get('hg')) || textOf(completed.get('url'));
  if (address === '') reading.addUnresolved(name, textOf(completed.get('version')), 'a package from nowhere that is known');
  else {
    const commit = textOf(completed.get('commit'));
    reading.addUnsupported(
      name,
      commit === '' ? address : `${address}@${commit}`,
      'comes from an archive or a repository, not from Hackage',
    );
  }
}

function addHackage(written: string, original: unknown, lines: LineCursor, reading: Reading): void {
  const found = parseHackage(written);
  if (!found) {
    reading.addUnresolved(written, '', 'not a package of Hackage (name-version)');
    return;
  }
  const { name, version } = found;
  const line = lines.lineOf(`hackage: ${written}`);
  reading.addPackage(name, version, line === undefined ? undefined : { line });
  const asked = isMap(original) ? parseHackage(textOf(original.get('hackage'))) : undefined;
  if (asked && asked.name !== name)
    reading.addPoisoning('other-package', name, version, `${asked.name}@${asked.version} is asked for, and ${name}@${version} is locked`);
  else if (asked && asked.version !== version)
    reading.addPoisoning('other-version', name, version, `${asked.name}@${asked.version} is asked for, and ${name}@${version} is locked`);
}

function addSnapshot(entry: unknown, reading: Reading): void {
  const completed = isMap(entry) ? entry.get('completed') : undefined;
  const original = isMap(entry) ? entry.get('original') : undefined;
  if (isMap(entry)) warnOfUnknown(entry, reading);
  const address = isMap(completed) ? textOf(completed.get('url')) : '';
  const asked = isMap(original) ? textOf(original.get('url')) : textOf(original);
  reading.addUnresolved(`snapshot ${asked || address}`.trim(), address, 'its packages stand in another document, which is not fetched');
}

function parseHackage(text: string): { readonly name: string; readonly version: string } | undefined {
  const [, name, version] = HACKAGE.exec(text) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

function warnOfUnknown(entry: YamlMap, reading: Reading): void {
  for (const key of entry.keys()) {
    if (!ENTRY_KEYS.has(String(key))) reading.addWarning(`an entry has a "${String(key)}", which is not known and was not read`);
  }
}

function isMap(value: unknown): value is YamlMap {
  return value instanceof Map;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
