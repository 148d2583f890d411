import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { checkEntryCount, type EntryFacts, isVersion, Reading, unreadable } from '../reading.ts';
import { decodeText } from '../text.ts';
import { type CargoLock, type CargoPackage, readLines } from './lines.ts';
import { Registries } from './registries.ts';
import { readToml } from './toml.ts';

/** cargo 1.95 writes 4; a higher one is a layout that nobody has described yet. */
const HIGHEST_VERSION = 4;

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

const CRATE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * `Cargo.lock`, layouts 1 to 4. An entry without `source` is our own code (a workspace member, a path, a `[patch]` by folder);
 * `git+` is a gap; any registry counts as one, since the file cannot tell which are private.
 */
export const cargo: ManifestFormat = {
  name: 'cargo',
  files: ['Cargo.lock (1 to 4)'],
  ecosystems: ['CARGO'],
  lists: 'exact',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'Cargo.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reading = new Reading('CARGO', decoded);
    const lock = readLines(decoded.text) ?? readToml(decoded.text, reading);
    if ('reason' in lock) return unreadable(lock.reason);
    const { version, packages } = lock;
    if (version !== undefined && !(typeof version === 'number' && version >= 1 && version <= HIGHEST_VERSION)) {
      return unreadable(`lock file version ${String(version)} is not known; 1 to ${HIGHEST_VERSION} are`);
    }
    if (version === undefined && packages.length === 0)
      return unreadable('not a Cargo.lock: neither "version" nor any [[package]] stands in it');
    checkEntryCount(packages.length);
    addPackages(lock, reading);
    return reading.content();
  },
};

function addPackages({ packages, checksums }: CargoLock, reading: Reading): void {
  const registries = new Registries(reading);
  const wanted = noteDependencies(packages, reading);
  for (const { name, version, source, checksum, line } of packages) {
    if (typeof name !== 'string' || typeof version !== 'string' || (source !== undefined && typeof source !== 'string')) {
      reading.addUnresolved(typeof name === 'string' ? name : '[[package]]', '', 'its name, version or source is not text');
    } else if (source === undefined) {
      reading.addLocal(name, version, 'our own code: no registry and no repository is named');
    } else if (source.startsWith('git+')) {
      reading.addUnsupported(name, source, 'comes from a git repository, not from a registry');
    } else if (!source.startsWith('registry+') && !source.startsWith('sparse+')) {
      reading.addUnsupported(name, source, 'comes from a source that is no registry');
    } else if (!CRATE_NAME.test(name) || !isVersion(version)) {
      reading.addUnresolved(name, version, 'not a legal crate name and version');
    } else {
      const digest = checksum ?? (checksums.size > 0 ? checksums.get(`checksum ${name} ${version} (${source})`) : undefined);
      const facts: Facts = {};
      if (wanted) facts.relationship = wanted.has(name) || wanted.has(`${name} ${version}`) ? 'direct' : 'transitive';
      if (typeof digest === 'string' && DIGEST.test(digest)) facts.integrity = `sha256:${digest}`;
      if (line !== undefined) facts.line = line;
      const registryHost = registries.hostOf(source, name, version);
      if (registryHost !== undefined) facts.registryHost = registryHost;
      reading.addPackage(name, version, facts);
    }
  }
  registries.finish();
}

/**
 * What our own packages ask for, as `name` or `name version`; `undefined` where there are none of them. cargo resolves whatever any
 * package depends on, for every platform: what is missing becomes a gap, so that a file which was cut between two packages is not
 * taken for whole.
 */
function noteDependencies(packages: readonly CargoPackage[], reading: Reading): ReadonlySet<string> | undefined {
  const known = new Set<string>();
  for (const { name, version } of packages) {
    if (typeof name !== 'string' || typeof version !== 'string') continue;
    known.add(name);
    known.add(`${name} ${version}`);
  }
  const wanted = new Set<string>();
  let hasOwn = false;
  for (const { name, source, dependencies } of packages) {
    if (source === undefined) hasOwn = true;
    for (const dependency of dependencies) {
      const bracket = dependency.indexOf(' (');
      const required = bracket < 0 ? dependency : dependency.slice(0, bracket);
      if (source === undefined) wanted.add(required);
      if (known.has(required)) continue;
      const space = required.indexOf(' ');
      reading.addUnresolved(
        space < 0 ? required : required.slice(0, space),
        dependency,
        `declared by ${typeof name === 'string' ? name : 'an entry'}, but the lock file does not resolve it`,
      );
    }
  }
  return hasOwn ? wanted : undefined;
}
