import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, type EntryFacts, isVersion, Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { webAddressOf } from '../web-address.ts';
import { repositoryOf } from './repository.ts';

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** SwiftPM 6 writes 3; a higher one is a layout that nobody has described yet. */
const HIGHEST_VERSION = 3;
const KNOWN_KEYS = new Set(['object', 'originHash', 'pins', 'version']);
/** `scope.name`, of a package registry. */
const REGISTRY_IDENTITY = /^[A-Za-z0-9][A-Za-z0-9-]*\.[A-Za-z0-9][A-Za-z0-9_-]*$/;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * `Package.resolved`, layouts 1 to 3. A package is its repository: the name is host and path of that, without `.git`. A pin on a
 * branch or a revision is a gap, a repository on this machine is our own code. A package of a registry has its identity as its name.
 */
export const swift: ManifestFormat = {
  name: 'swift',
  files: ['Package.resolved (1 to 3)'],
  ecosystems: ['SWIFT'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'Package.resolved',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a Package.resolved: not a JSON object');
    const version = own(lock, 'version');
    if (!Number.isInteger(version) || Number(version) < 1 || Number(version) > HIGHEST_VERSION) {
      return unreadable(`its version is ${shown(version) || 'absent'}; 1 to ${HIGHEST_VERSION} are known`);
    }
    // By what stands in it, not by what the version says: layout 1 has the pins one level deeper.
    const inner = own(lock, 'object');
    const pins = own(lock, 'pins') ?? (isObject(inner) ? own(inner, 'pins') : undefined);
    if (!Array.isArray(pins)) return unreadable('not a Package.resolved: its "pins" are no list');
    checkEntryCount(pins.length);
    const reading = new Reading('SWIFT', decoded);
    for (const key of Object.keys(lock)) {
      if (!KNOWN_KEYS.has(key)) reading.addWarning(`its "${key}" is not known, and was not read`);
    }
    const lines = new LineCursor(decoded.text);
    for (const pin of pins) {
      if (isObject(pin)) addPin(pin, lines, reading);
      else reading.addUnresolved('pins', shown(pin), 'a pin that is no object');
    }
    return reading.content();
  },
};

function addPin(pin: JsonObject, lines: LineCursor, reading: Reading): void {
  const identity = own(pin, 'identity') ?? own(pin, 'package');
  const location = own(pin, 'location') ?? own(pin, 'repositoryURL');
  const kind = own(pin, 'kind') ?? kindOf(location);
  const state = own(pin, 'state');
  const called = typeof identity === 'string' ? identity : typeof location === 'string' ? location : 'pins';
  if (!isObject(state)) {
    reading.addUnresolved(called, shown(location), 'its "state" is no object');
  } else if (kind === 'registry') {
    addRegistryPin(called, location, state, lines, reading);
  } else if (typeof location !== 'string' || location === '') {
    reading.addUnresolved(called, '', 'names no repository');
  } else if (kind === 'localSourceControl' || kind === 'fileSystem') {
    reading.addLocal(called, location, 'a package in a folder');
  } else if (kind !== 'remoteSourceControl') {
    reading.addUnsupported(called, location, `a pin of a kind that is not known, ${shown(kind)}`);
  } else {
    addRepositoryPin(called, own(pin, 'identity'), location, state, lines, reading);
  }
}

/** Layout 1 has no kinds: a path or a file address is a repository on this machine. */
function kindOf(location: unknown): string {
  return typeof location === 'string' && /^(?:file:|[./~])/.test(location) ? 'localSourceControl' : 'remoteSourceControl';
}

function addRegistryPin(identity: string, location: unknown, state: JsonObject, lines: LineCursor, reading: Reading): void {
  const version = own(state, 'version');
  if (!REGISTRY_IDENTITY.test(identity)) reading.addUnresolved(identity, shown(version), 'not a legal identity in a registry');
  else if (!isVersion(version)) reading.addUnresolved(identity, shown(version), version === undefined ? 'has no version' : 'not a version');
  else {
    const address = typeof location === 'string' ? webAddressOf(location) : undefined;
    const facts: Facts = { registryHost: address?.host };
    const line = lines.lineOf(`"${identity}"`);
    if (line !== undefined) facts.line = line;
    reading.addPackage(identity, version, facts);
    if (address?.isPlainHttp) {
      reading.addPoisoning('plain-http', identity, version, `${identity}@${version} is fetched over plain HTTP, from ${String(location)}`);
    }
  }
}

function addRepositoryPin(
  called: string,
  identity: unknown,
  location: string,
  state: JsonObject,
  lines: LineCursor,
  reading: Reading,
): void {
  const repository = repositoryOf(location);
  const version = own(state, 'version') ?? undefined;
  const revision = own(state, 'revision');
  if (!repository) {
    reading.addUnsupported(called, location, 'not the address of a repository');
  } else if (version === undefined) {
    const pinned = shown(own(state, 'branch') ?? revision ?? undefined);
    if (pinned === '') reading.addUnresolved(repository.name, '', 'has neither version nor revision');
    else reading.addUnsupported(repository.name, pinned, 'pinned to a branch or a revision, not to a version');
  } else if (!isVersion(version)) {
    reading.addUnresolved(repository.name, shown(version), 'not a version');
  } else {
    const { name, isPlain } = repository;
    const facts: Facts = {};
    if (typeof revision === 'string' && COMMIT.test(revision)) facts.integrity = `git:${revision}`;
    const line = lines.lineOf(JSON.stringify(location));
    if (line !== undefined) facts.line = line;
    reading.addPackage(name, version, facts);
    if (isPlain) reading.addPoisoning('plain-http', name, version, `${name}@${version} is fetched without encryption, from ${location}`);
    // SwiftPM makes the identity of layouts 2 and 3 of the address, so they can only differ by another hand.
    const last = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
    if (identity !== undefined && identity !== last) {
      reading.addPoisoning('other-package', name, version, `the pin ${shown(identity)} is fetched from ${location}, which is ${last}`);
    }
  }
}
