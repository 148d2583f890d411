import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { type EntryFacts, Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { webAddressOf } from '../web-address.ts';
import { findMismatch } from './mismatch.ts';

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** Vendor and project; PEAR's old packages have a host as vendor. Without the `u` flag, `i` takes ASCII letters only. */
const NAME = /^[a-z0-9][a-z0-9._-]*\/[a-z0-9_][a-z0-9._-]*$/i;
/** A version, or the name of a branch (`dev-feature/x`, `1.x-dev`). */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+_~!/#-]*$/;
/** Versions that stay what they are; those of branches move on. */
const IS_BRANCH = /^dev-|-dev$/i;
const COMMIT = /^[0-9a-f]{40}$/;

/** What Composer writes besides the packages, in any of its versions. */
const OTHER_KEYS = new Set([
  '_readme',
  'aliases',
  'content-hash',
  'hash',
  'minimum-stability',
  'platform',
  'platform-dev',
  'platform-overrides',
  'plugin-api-version',
  'prefer-lowest',
  'prefer-stable',
  'stability-flags',
]);

/**
 * `composer.lock`. Names are folded to lower case, as Packagist folds them. A package of a folder (`path`) is our own code; one of
 * a private repository looks like any other, one of a version control system has neither archive nor registry.
 */
export const composer: ManifestFormat = {
  name: 'composer',
  files: ['composer.lock'],
  ecosystems: ['PACKAGIST'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'composer.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a composer.lock: not a JSON object');
    if (!Array.isArray(own(lock, 'packages'))) return unreadable('not a composer.lock: its "packages" are no list');
    const reading = new Reading('PACKAGIST', decoded);
    const lines = new LineCursor(decoded.text);
    // Composer writes `packages` first; a file of another order has no line for some entries.
    for (const group of ['packages', 'packages-dev']) {
      const entries = own(lock, group);
      // Composer 1 in its first years wrote null for "not resolved, because of --no-dev".
      if (entries === undefined || entries === null) {
        if (entries === null) reading.addWarning(`"${group}" is null: Composer did not resolve them`);
      } else if (Array.isArray(entries)) {
        for (const entry of entries) addEntry(entry, group === 'packages-dev', lines, reading);
      } else {
        return unreadable(`not a composer.lock: its "${group}" are no list`);
      }
    }
    for (const key of Object.keys(lock)) {
      if (key !== 'packages' && key !== 'packages-dev' && !OTHER_KEYS.has(key))
        reading.addWarning(`its "${key}" is not known, and was not read`);
    }
    return reading.content();
  },
};

function addEntry(entry: unknown, isDevelopment: boolean, lines: LineCursor, reading: Reading): void {
  if (!isObject(entry)) {
    reading.addUnresolved('packages', shown(entry), 'an entry that is no object');
    return;
  }
  // Composer wrote `package` before 2012.
  const written = own(entry, 'name') ?? own(entry, 'package');
  const version = own(entry, 'version');
  if (typeof written !== 'string' || !NAME.test(written)) {
    reading.addUnresolved(typeof written === 'string' ? written : 'packages', shown(version), 'not a legal package name');
    return;
  }
  const name = written.toLowerCase();
  const dist = own(entry, 'dist') ?? undefined;
  const source = own(entry, 'source') ?? undefined;
  if ((dist !== undefined && !isObject(dist)) || (source !== undefined && !isObject(source))) {
    reading.addUnresolved(name, shown(version), 'its "dist" or "source" is no object');
    return;
  }
  const address = textOf(dist, 'url');
  if (textOf(dist, 'type') === 'path' || textOf(source, 'type') === 'path') {
    reading.addLocal(name, address || textOf(source, 'url'), 'a package in a folder');
  } else if (dist === undefined && textOf(source, 'url') !== '' && textOf(entry, 'notification-url') === '') {
    // A registry offers archives and wants to be told of installations; a repository of a version control system does neither.
    reading.addUnsupported(
      name,
      textOf(source, 'url'),
      `comes from a ${textOf(source, 'type') || 'version control'} repository, not from a registry`,
    );
  } else if (typeof version !== 'string' || !VERSION.test(version)) {
    reading.addUnresolved(name, shown(version), version === undefined ? 'has no version' : 'not a version');
  } else {
    const registryHost = webAddressOf(textOf(entry, 'notification-url'))?.host;
    const facts: Facts = { isDevelopment, registryHost, integrity: integrityOf(version, dist, source) };
    const line = lines.lineOf(`"name": "${written}"`);
    if (line !== undefined) facts.line = line;
    reading.addPackage(name, version, facts);
    checkAddress(name, version, address, dist, source, reading);
  }
}

function checkAddress(
  name: string,
  version: string,
  address: string,
  dist: JsonObject | undefined,
  source: JsonObject | undefined,
  reading: Reading,
): void {
  for (const url of [address, textOf(source, 'url')]) {
    if (startsPlain(url)) {
      reading.addPoisoning('plain-http', name, version, `${name}@${version} is fetched without encryption, from ${url}`);
      break;
    }
  }
  const mismatch = findMismatch({ address, reference: textOf(dist, 'reference'), repository: textOf(source, 'url') });
  if (mismatch) reading.addPoisoning(mismatch.rule, name, version, `${name}@${version} ${mismatch.detail}`);
}

function startsPlain(url: string): boolean {
  return url.startsWith('http://') || url.startsWith('git://');
}

/** The archive's digest; most have none, and are told by their commit. A branch's commit changes with good reason. */
function integrityOf(version: string, dist: JsonObject | undefined, source: JsonObject | undefined): string | undefined {
  const digest = textOf(dist, 'shasum');
  if (digest !== '') return `sha1:${digest}`;
  const commit = textOf(dist, 'reference') || textOf(source, 'reference');
  return COMMIT.test(commit) && !IS_BRANCH.test(version) ? `git:${commit}` : undefined;
}

function textOf(object: JsonObject | undefined, key: string): string {
  const value = object && own(object, key);
  return typeof value === 'string' ? value : '';
}
