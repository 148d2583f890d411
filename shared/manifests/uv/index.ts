import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { describe, type PythonFacts, PythonPackages } from '../python/packages.ts';
import { readTomlLock, TOML_LOCK_MAX_BYTES } from '../python/toml-lock.ts';
import { Reading, unreadable } from '../reading.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';
import { type Source, sourceOf } from './source.ts';
import { findUse } from './use.ts';

/** uv 0.13 writes 1, in its revisions 1 to 3, which older readers may ignore. */
const VERSION = 1;

const LAYOUT = {
  file: 'uv.lock',
  arrays: ['package', 'distribution'],
  topKeys: new Set([
    ...['version', 'revision', 'requires-python', 'options', 'manifest', 'conflicts'],
    ...['resolution-markers', 'supported-markers', 'required-markers', 'environment-markers'],
    ...['exclude-newer', 'resolution-mode', 'prerelease-mode', 'fork-strategy'],
  ]),
  packageKeys: new Set([
    ...['name', 'version', 'source', 'dependencies', 'optional-dependencies', 'dev-dependencies', 'dependency-groups'],
    ...['sdist', 'wheels', 'wheel', 'metadata', 'resolution-markers', 'fork-markers', 'environment-markers'],
  ]),
};

/**
 * `uv.lock`, version 1, and the lock files of scripts, `NAME.py.lock`. The array of packages was called `distribution` at first, and a
 * source was text.
 */
export const uv: ManifestFormat = {
  name: 'uv',
  files: ['uv.lock', '*.py.lock'],
  ecosystems: ['PYPI'],
  lists: 'exact',
  maxBytes: TOML_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'uv.lock' || (path.endsWith('.py.lock') && baseName(path) !== '.py.lock'),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reading = new Reading('PYPI', decoded);
    const lock = readTomlLock(decoded.text, LAYOUT, reading);
    if ('reason' in lock) return unreadable(lock.reason);
    const { version } = lock.document;
    if (version === undefined) return unreadable('not a uv.lock: it has no "version"');
    if (version !== VERSION) return unreadable(`lock file version ${describe(version)} is not known; ${VERSION} is`);
    const sources = lock.entries.map(sourceOf);
    const useOf = findUse(lock.entries, sources, lock.document['manifest'], reading);
    const packages = new PythonPackages(reading);
    lock.entries.forEach((entry, index) => {
      const source = sources[index];
      if (!source) return;
      const facts = useOf(entry);
      const line = lock.lines?.[index];
      if (line !== undefined) facts.line = line;
      addEntry(entry, source, facts, packages, reading);
    });
    return reading.content();
  },
};

function addEntry(entry: TomlTable, source: Source, facts: PythonFacts, packages: PythonPackages, reading: Reading): void {
  const { name, version, sdist } = entry;
  const shownName = describe(name);
  if (source.kind === 'local') {
    reading.addLocal(shownName, source.place, source.reason);
  } else if (source.kind === 'remote') {
    reading.addUnsupported(shownName, source.address, source.reason);
  } else if (source.kind === 'unknown') {
    reading.addUnresolved(shownName, describe(version), source.reason);
  } else if (packages.add(name, version, facts, source.index)) {
    addFile(sdist, packages);
    const wheels = entry['wheels'] ?? entry['wheel'];
    if (Array.isArray(wheels)) for (const wheel of wheels) addFile(wheel, packages);
  }
}

function addFile(file: unknown, packages: PythonPackages): void {
  if (!isTomlTable(file)) return;
  const { url } = file;
  if (typeof url === 'string') packages.addFile(url);
}
