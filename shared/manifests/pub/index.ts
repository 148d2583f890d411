import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, type EntryFacts, isVersion, Reading, unreadable } from '../reading.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { decodeText } from '../text.ts';
import { webAddressOf } from '../web-address.ts';

/** What is read as YAML of any layout; some 3,500 packages. */
const PUB_LOCK_MAX_BYTES = 768 * 1024;
/** The name of a Dart package is an identifier. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DIGEST = /^[0-9a-f]{64}$/;
/** Besides the packages: which Dart and Flutter they need. Dart 1 wrote `sdk`. */
const OTHER_KEYS = new Set(['sdks', 'sdk']);

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };
type YamlMap = ReadonlyMap<unknown, unknown>;

/** `pubspec.lock`, as Dart's pub has written it since its beginning (as JSON, then). */
export const pub: ManifestFormat = {
  name: 'pub',
  files: ['pubspec.lock'],
  ecosystems: ['PUB'],
  lists: 'exact',
  maxBytes: PUB_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'pubspec.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseYaml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const [lock, ...more] = parsed.value;
    if (!isMap(lock) || more.length > 0) return unreadable('not a pubspec.lock: not one map');
    const packages = lock.get('packages');
    // An empty value, as a hand may leave it, is no package; an absent one is no lock.
    if (!isMap(packages) && packages !== '') return unreadable('not a pubspec.lock: its "packages" are no map');
    const reading = new Reading('PUB', decoded);
    for (const key of lock.keys()) {
      if (key !== 'packages' && !OTHER_KEYS.has(String(key))) reading.addWarning(`its "${String(key)}" is not known, and was not read`);
    }
    if (isMap(packages)) {
      checkEntryCount(packages.size);
      const lines = new LineCursor(decoded.text);
      for (const [name, entry] of packages) addEntry(String(name), entry, lines, reading);
    }
    return reading.content();
  },
};

function addEntry(key: string, entry: unknown, lines: LineCursor, reading: Reading): void {
  const version = isMap(entry) ? entry.get('version') : undefined;
  const written = textOf(version);
  const description = isMap(entry) ? entry.get('description') : undefined;
  const source = isMap(entry) ? entry.get('source') : undefined;
  const place = (name: string): string => (isMap(description) ? textOf(description.get(name)) : textOf(description));
  if (!isMap(entry)) {
    reading.addUnresolved(key, textOf(entry), 'its entry is no map');
  } else if (source === 'hosted') {
    addHosted(key, entry, description, lines, reading);
  } else if (source === 'git') {
    reading.addUnsupported(key, place('url'), 'comes from a git repository, not from a registry');
  } else if (source === 'path') {
    reading.addLocal(key, place('path'), 'a package in a folder');
  } else if (source === 'sdk') {
    reading.addLocal(key, written, `part of the ${textOf(description) || 'Dart'} SDK`);
  } else if (typeof source !== 'string' || source === '') {
    reading.addUnresolved(key, written, 'its entry has no source');
  } else {
    reading.addUnsupported(key, written, `comes from a source "${source}", not from a registry`);
  }
}

function addHosted(key: string, entry: YamlMap, description: unknown, lines: LineCursor, reading: Reading): void {
  const version = entry.get('version');
  // The first locks had the name alone in place of the description.
  const name = isMap(description) ? (description.get('name') ?? key) : (description ?? key);
  if (typeof name !== 'string' || !NAME.test(name)) {
    reading.addUnresolved(textOf(name) || key, textOf(version), 'not a legal package name');
    return;
  }
  if (!isVersion(version)) {
    reading.addUnresolved(name, textOf(version), version === undefined ? 'has no version' : 'not a version');
    return;
  }
  const url = isMap(description) ? textOf(description.get('url')) : '';
  const digest = isMap(description) ? textOf(description.get('sha256')) : '';
  const dependency = textOf(entry.get('dependency'));
  const address = webAddressOf(url);
  const facts: Facts = { registryHost: address?.host };
  if (DIGEST.test(digest)) facts.integrity = `sha256:${digest}`;
  if (dependency.startsWith('direct')) facts.relationship = 'direct';
  else if (dependency === 'transitive') facts.relationship = 'transitive';
  if (dependency === 'direct main' || dependency === 'direct dev') facts.isDevelopment = dependency === 'direct dev';
  const line = lines.lineOf(`\n  ${key}:`);
  if (line !== undefined) facts.line = line;
  reading.addPackage(name, version, facts);
  if (description === undefined) reading.addWarning(`${name}@${version} has no description, which pub always writes`);
  if (url !== '' && !address) reading.addWarning(`${name}@${version} comes from ${url}, which is no web address`);
  if (address?.isPlainHttp) reading.addPoisoning('plain-http', name, version, `${name}@${version} is fetched over plain HTTP, from ${url}`);
  if (name !== key) reading.addPoisoning('other-package', name, version, `the entry ${key} is fetched as the package ${name}`);
}

function isMap(value: unknown): value is YamlMap {
  return value instanceof Map;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
