import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { describe, type PythonFacts, PythonPackages } from '../python/packages.ts';
import { metadataOf, readTomlLock, TOML_LOCK_MAX_BYTES } from '../python/toml-lock.ts';
import { Reading, unreadable } from '../reading.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';

/** pdm 2.25 writes 4.5.1; a higher first number is a layout that nobody has described yet. */
const METADATA = { file: 'pdm.lock', versionKey: 'lock_version', majors: { lowest: 0, highest: 4 } };

/** Keys that name where a package comes from, in place of an index. */
const REPOSITORIES = ['git', 'hg', 'svn', 'bzr'] as const;

const LAYOUT = {
  file: 'pdm.lock',
  arrays: ['package'],
  topKeys: new Set(['metadata', 'root']),
  packageKeys: new Set([
    ...['name', 'version', 'extras', 'requires_python', 'summary', 'groups', 'sections', 'marker', 'requires_marker', 'dependencies'],
    ...['files', 'url', 'path', 'editable', 'subdirectory', 'ref', 'revision', 'direct', 'targets', 'metadata', 'index'],
    ...REPOSITORIES,
  ]),
};

/** `pdm.lock`, up to layout 4.5: a package stands there once for each set of its extras, and all are one. */
export const pdm: ManifestFormat = {
  name: 'pdm',
  files: ['pdm.lock (to 4.5)'],
  ecosystems: ['PYPI'],
  lists: 'exact',
  maxBytes: TOML_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'pdm.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reading = new Reading('PYPI', decoded);
    const lock = readTomlLock(decoded.text, LAYOUT, reading);
    if ('reason' in lock) return unreadable(lock.reason);
    const head = metadataOf(lock, METADATA);
    if ('reason' in head) return unreadable(head.reason);
    const packages = new PythonPackages(reading);
    lock.entries.forEach((entry, index) => {
      addEntry(entry, lock.lines?.[index], packages, reading);
    });
    return reading.content();
  },
};

function addEntry(entry: TomlTable, line: number | undefined, packages: PythonPackages, reading: Reading): void {
  const { name, version, url, path, revision, files } = entry;
  const repository = REPOSITORIES.find((kind) => entry[kind] !== undefined);
  if (repository !== undefined) {
    const address = [describe(entry[repository]), describe(revision)].filter(Boolean).join('#');
    reading.addUnsupported(describe(name), address, `comes from a ${repository} repository, not from a registry`);
  } else if (path !== undefined) {
    reading.addLocal(describe(name), describe(path), 'a folder or file of our own');
  } else if (typeof url === 'string' && /^file:/i.test(url)) {
    reading.addLocal(describe(name), url, 'a folder or file of our own');
  } else if (url !== undefined) {
    reading.addUnsupported(describe(name), describe(url), 'comes from an address of its own, not from a registry');
  } else if (packages.add(name, version, factsOf(entry, line)) && Array.isArray(files)) {
    // Addresses stand there with the strategy `static_urls` only.
    for (const file of files) {
      const address: unknown = isTomlTable(file) ? file['url'] : undefined;
      if (typeof address === 'string') packages.addFile(address);
    }
  }
}

/** The groups tell neither what is direct nor, extras and groups for development being named alike, what is for development. */
function factsOf({ groups }: TomlTable, line: number | undefined): PythonFacts {
  const facts: PythonFacts = {};
  if (line !== undefined) facts.line = line;
  if (Array.isArray(groups) && groups.every((group) => typeof group === 'string')) facts.groups = groups;
  return facts;
}
