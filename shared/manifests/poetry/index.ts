import type { ManifestContent } from '../../model/manifest.ts';
import { foldPythonName } from '../../model/python-name.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { describe, type PythonFacts, PythonPackages } from '../python/packages.ts';
import { metadataOf, readTomlLock, TOML_LOCK_MAX_BYTES } from '../python/toml-lock.ts';
import { Reading, unreadable } from '../reading.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';

/** Poetry 2.5 writes 2.1, Poetry 1 wrote 1.0 to 2.0, those before none. A higher first number is a layout that nobody has described yet. */
const METADATA = { file: 'poetry.lock', versionKey: 'lock-version', majors: { lowest: 1, highest: 2 } };

/** So many digests without a package are named. */
const MAX_MISSING = 20;

const LAYOUT = {
  file: 'poetry.lock',
  arrays: ['package'],
  topKeys: new Set(['metadata', 'extras']),
  packageKeys: new Set([
    ...['name', 'version', 'description', 'category', 'optional', 'python-versions', 'groups', 'markers', 'marker', 'files', 'develop'],
    ...['dependencies', 'extras', 'source', 'platform', 'checksum', 'hashes', 'requirements'],
  ]),
};

/** `poetry.lock`, before 1.0 to 2.1: packages of the index, whatever their platform, extra or group. */
export const poetry: ManifestFormat = {
  name: 'poetry',
  files: ['poetry.lock (1 and 2)'],
  ecosystems: ['PYPI'],
  lists: 'exact',
  maxBytes: TOML_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'poetry.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reading = new Reading('PYPI', decoded);
    const lock = readTomlLock(decoded.text, LAYOUT, reading);
    if ('reason' in lock) return unreadable(lock.reason);
    const head = metadataOf(lock, METADATA);
    if ('reason' in head) return unreadable(head.reason);
    const { metadata } = head;
    if (metadata === undefined) reading.addWarning('it has no [metadata], which ends every file that Poetry writes: it may be cut off');
    else warnOfMissing(metadata['files'] ?? metadata['hashes'], lock.entries, reading);
    const packages = new PythonPackages(reading);
    lock.entries.forEach((entry, index) => {
      addEntry(entry, lock.lines?.[index], packages, reading);
    });
    return reading.content();
  },
};

/** Up to Poetry 1.2 the digests of all packages stood at the end, by name: one without its package has lost it. */
function warnOfMissing(digests: unknown, entries: readonly TomlTable[], reading: Reading): void {
  if (!isTomlTable(digests)) return;
  const names = new Set(entries.map(({ name }) => foldPythonName(describe(name))));
  let missingCount = 0;
  for (const name of Object.keys(digests)) {
    if (!names.has(foldPythonName(name)) && ++missingCount <= MAX_MISSING)
      reading.addWarning(`${name} has digests in [metadata], but no [[package]]`);
  }
}

function addEntry(entry: TomlTable, line: number | undefined, packages: PythonPackages, reading: Reading): void {
  const { name, version, source } = entry;
  if (source === undefined) {
    packages.add(name, version, factsOf(entry, line));
    return;
  }
  const { type, url, resolved_reference: revision } = isTomlTable(source) ? source : ({} as TomlTable);
  const address = [describe(url), describe(revision)].filter(Boolean).join('#');
  switch (type) {
    case 'legacy':
      // An index that the project names; its address ends in `/simple`.
      packages.add(name, version, factsOf(entry, line), describe(url));
      return;
    case 'directory':
      reading.addLocal(describe(name), describe(url), 'a folder');
      return;
    case 'file':
      reading.addLocal(describe(name), describe(url), 'a file in a folder');
      return;
    case 'git':
    case 'hg':
    case 'svn':
    case 'bzr':
      reading.addUnsupported(describe(name), address, `comes from a ${type} repository, not from a registry`);
      return;
    case 'url':
      reading.addUnsupported(describe(name), address, 'comes from an address of its own, not from a registry');
      return;
    default:
      reading.addUnresolved(describe(name), describe(version), `its source is not known: ${describe(type ?? source)}`);
  }
}

/** Up to 1.4 a `category`; since 2.1 the `groups`, of which all but `main` are for development. Neither says what is direct. */
function factsOf({ category, groups, optional }: TomlTable, line: number | undefined): PythonFacts {
  const facts: PythonFacts = {};
  if (line !== undefined) facts.line = line;
  if (typeof optional === 'boolean') facts.isOptional = optional;
  if (Array.isArray(groups) && groups.every((group) => typeof group === 'string')) {
    facts.isDevelopment = !groups.includes('main');
    facts.groups = groups;
  } else if (typeof category === 'string') {
    facts.isDevelopment = category !== 'main';
  }
  return facts;
}
