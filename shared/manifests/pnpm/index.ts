import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { RegistryEntries } from '../npm/registry-entries.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { readYaml } from './documents.ts';
import type { PnpmDocument, PnpmEntry } from './entries.ts';
import { hasHost, isLocalKey, registryPackageOf, splitKey, withoutPeers } from './keys.ts';
import { readLines } from './lines.ts';

/** pnpm 7 to 11 write 5.4, 6.0 and 9.0; a higher one is a layout that nobody has described yet. */
const HIGHEST_LOCKFILE_VERSION = 9;

/** What may stand at the top of a file without packages: `packages` under another spelling must not pass for none. */
const KEYS_WITHOUT_PACKAGES: ReadonlySet<string> = new Set([
  ...['lockfileVersion', 'settings', 'importers', 'specifiers', 'packages', 'catalogs', 'overrides', 'patchedDependencies', 'time'],
  ...['dependencies', 'devDependencies', 'optionalDependencies', 'dependenciesMeta', 'ignoredOptionalDependencies'],
  ...['neverBuiltDependencies', 'onlyBuiltDependencies', 'packageExtensionsChecksum', 'pnpmfileChecksum', 'publishDirectory'],
]);

/**
 * `pnpm-lock.yaml`, layouts 5, 6 and 9, every YAML document of it (pnpm 11 writes its own dependencies into a first one). A key
 * tells the package whatever registry host stands before it; folders and `file:` are our own code; git and addresses are gaps.
 */
export const pnpm: ManifestFormat = {
  name: 'pnpm',
  ecosystem: 'NPM',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'pnpm-lock.yaml',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const documents = readLines(decoded.text) ?? readYaml(decoded.text);
    if ('reason' in documents) return unreadable(documents.reason);
    if (documents.length === 0) return unreadable('not a pnpm lock file: it is empty');
    const reading = new Reading('NPM', decoded);
    const entries = new RegistryEntries(reading);
    for (const document of documents) {
      const layout = /^\d+(?=\.|$)/.exec(document.lockfileVersion)?.[0];
      if (layout === undefined) return unreadable('not a pnpm lock file: it has no "lockfileVersion"');
      if (Number(layout) > HIGHEST_LOCKFILE_VERSION) {
        return unreadable(`lockfileVersion ${document.lockfileVersion} is not known; up to ${HIGHEST_LOCKFILE_VERSION} are`);
      }
      const unknown = [...document.keys].find((key) => !KEYS_WITHOUT_PACKAGES.has(key));
      if (document.entries.length === 0 && unknown !== undefined)
        return unreadable(`it has no packages, but ${JSON.stringify(unknown)}: not what pnpm writes`);
      for (const entry of document.entries) addEntry(entry, entries, reading);
      checkDeclared(document, reading);
    }
    entries.finish();
    return reading.content();
  },
};

function addEntry(entry: PnpmEntry, entries: RegistryEntries, reading: Reading): void {
  const { key } = entry;
  const tarball = entry.resolution?.get('tarball') ?? '';
  const type = entry.resolution?.get('type') ?? '';
  if (isLocalKey(key) || type === 'directory' || tarball.startsWith('file:')) return;
  const id = registryPackageOf(key);
  const name = entry.name ?? id?.name ?? splitKey(key)?.name ?? key;
  const repository = entry.resolution?.get('repo');
  if (type === 'git' || repository !== undefined) {
    reading.addUnsupported(name, repository ?? key, 'comes from a git repository, not from a registry');
  } else if (type !== '' && type !== 'tarball') {
    reading.addUnsupported(name, withoutPeers(key), `of the kind ${type}, which no registry serves`);
  } else if (id) {
    entries.add(id.name, id.version, tarball, true);
  } else if (tarball !== '' || key.includes('://') || hasHost(key)) {
    reading.addUnsupported(
      name,
      tarball === '' ? key : tarball,
      'comes from a git repository or an address of its own, not from a registry',
    );
  } else {
    reading.addUnresolved(name, withoutPeers(key), 'its key is not a package name and version');
  }
}

/** What a project declares must stand in `packages:`, unless it is linked from the workspace. */
function checkDeclared(document: PnpmDocument, reading: Reading): void {
  const keys = new Set(document.entries.map(({ key }) => withoutPeers(key)));
  for (const { importer, name, version } of document.declared) {
    const bare = withoutPeers(version);
    if (/^(?:link|file|workspace):/.test(bare)) continue;
    if (![bare, `${name}@${bare}`, `/${name}@${bare}`, `/${name}/${bare}`, `/${bare}`].some((key) => keys.has(key))) {
      reading.addUnresolved(name, version, `declared by ${importer}, but the lock file does not resolve it`);
    }
  }
}
