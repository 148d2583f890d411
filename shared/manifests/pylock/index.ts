import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { describe, PythonPackages } from '../python/packages.ts';
import { readTomlLock, TOML_LOCK_MAX_BYTES } from '../python/toml-lock.ts';
import { Reading, unreadable } from '../reading.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';

/** The first number of the only version that the specification describes, 1.0. */
const MAJOR = '1';

const LAYOUT = {
  file: 'pylock.toml',
  arrays: ['packages'],
  topKeys: new Set([
    ...['lock-version', 'created-by', 'requires-python', 'environments', 'extras', 'dependency-groups', 'default-groups'],
    ...['tool', 'metadata'],
  ]),
  packageKeys: new Set([
    ...['name', 'version', 'marker', 'requires-python', 'dependencies', 'index', 'attestation-identities', 'tool'],
    ...['vcs', 'directory', 'archive', 'sdist', 'wheels'],
  ]),
};

const NAME = /^pylock\.(?:[^.]+\.)?toml$/;

/** `pylock.toml` and `pylock.NAME.toml`, version 1.0. The file does not tell the address of the index where it is the usual one. */
export const pylock: ManifestFormat = {
  name: 'pylock',
  files: ['pylock.toml', 'pylock.*.toml'],
  ecosystems: ['PYPI'],
  lists: 'exact',
  maxBytes: TOML_LOCK_MAX_BYTES,
  matches: (path) => NAME.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reading = new Reading('PYPI', decoded);
    const lock = readTomlLock(decoded.text, LAYOUT, reading);
    if ('reason' in lock) return unreadable(lock.reason);
    const version = lock.document['lock-version'];
    if (version === undefined) return unreadable('not a pylock.toml: it has no "lock-version"');
    if (typeof version !== 'string' || version.split('.', 1)[0] !== MAJOR) {
      return unreadable(`lock-version ${describe(version)} is not known; ${MAJOR}.x is`);
    }
    if (!lock.hasPackages) return unreadable('not a pylock.toml: it has no "packages"');
    const packages = new PythonPackages(reading);
    lock.entries.forEach((entry, index) => {
      addEntry(entry, lock.lines?.[index], packages, reading);
    });
    return reading.content();
  },
};

function addEntry(entry: TomlTable, line: number | undefined, packages: PythonPackages, reading: Reading): void {
  const { name, version, vcs, directory, archive, index, sdist, wheels } = entry;
  if (vcs !== undefined) {
    addElsewhere(describe(name), vcs, 'a repository', 'comes from version control, not from a registry', reading);
  } else if (directory !== undefined) {
    addElsewhere(describe(name), directory, 'a folder', 'a folder without a path', reading);
  } else if (archive !== undefined) {
    addElsewhere(describe(name), archive, 'a file in a folder', 'comes from an address of its own, not from a registry', reading);
  } else if (index !== undefined && typeof index !== 'string') {
    reading.addUnresolved(describe(name), describe(version), 'its index is not text');
  } else if (packages.add(name, version, line === undefined ? {} : { line }, index)) {
    for (const file of Array.isArray(wheels) ? [sdist, ...wheels] : [sdist]) {
      const address: unknown = isTomlTable(file) ? file['url'] : undefined;
      if (typeof address === 'string') packages.addFile(address);
    }
  }
}

/** Each of these tables may name a path, which is in the repository, or an address. */
function addElsewhere(name: string, place: unknown, localReason: string, remoteReason: string, reading: Reading): void {
  const { path, url } = isTomlTable(place) ? place : ({} as TomlTable);
  if (typeof url === 'string') reading.addUnsupported(name, url, remoteReason);
  else if (typeof path === 'string') reading.addLocal(name, path, localReason);
  else reading.addUnresolved(name, '', 'its source names neither a path nor an address');
}
