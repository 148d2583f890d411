import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { DocumentReader } from './document-reader.ts';
import { readYaml } from './documents.ts';
import type { PnpmDocument } from './entries.ts';
import { readLines } from './lines.ts';

/** pnpm 7 to 11 write 5.4, 6.0 and 9.0; a higher one is a layout that nobody has described yet. */
const HIGHEST_LOCKFILE_VERSION = 9;

/** What may stand at the top. `packages` under another spelling must not pass for none. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...['lockfileVersion', 'settings', 'importers', 'specifiers', 'packages', 'snapshots', 'catalogs', 'overrides', 'patchedDependencies'],
  ...['dependencies', 'devDependencies', 'optionalDependencies', 'dependenciesMeta', 'ignoredOptionalDependencies', 'time'],
  ...['configDependencies', 'packageManagerDependencies', 'neverBuiltDependencies', 'onlyBuiltDependencies', 'allowBuilds'],
  ...['packageExtensionsChecksum', 'pnpmfileChecksum', 'publishDirectory', 'lockfileMinorVersion'],
]);

/** Sections that hold entries only beside `packages`. */
const NOT_ALONE: ReadonlySet<string> = new Set(['snapshots', 'configDependencies', 'packageManagerDependencies']);

/**
 * `pnpm-lock.yaml`, layouts 5, 6 and 9, every YAML document of it (pnpm 11 writes its own dependencies into a first one). A key
 * tells the package whatever registry host stands before it; folders and `file:` are our own code; git and addresses are gaps.
 */
export const pnpm: ManifestFormat = {
  name: 'pnpm',
  files: ['pnpm-lock.yaml (5, 6, 9)'],
  ecosystems: ['NPM'],
  lists: 'exact',
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
    for (const document of documents) {
      const complaint = whyUnknown(document);
      if (complaint !== undefined) return unreadable(complaint);
      for (const key of document.keys) {
        if (!KNOWN_KEYS.has(key))
          reading.addWarning(`${JSON.stringify(key)} is no section that pnpm writes; what stands in it was not read`);
      }
      new DocumentReader(document, reading).read();
    }
    return reading.content();
  },
};

function whyUnknown({ lockfileVersion, entries, keys }: PnpmDocument): string | undefined {
  const layout = /^\d+(?=\.|$)/.exec(lockfileVersion)?.[0];
  if (layout === undefined) return 'not a pnpm lock file: it has no "lockfileVersion"';
  if (Number(layout) > HIGHEST_LOCKFILE_VERSION) {
    return `lockfileVersion ${lockfileVersion} is not known; up to ${HIGHEST_LOCKFILE_VERSION} are`;
  }
  if (entries.length > 0) return undefined;
  const unknown = [...keys].find((key) => !KNOWN_KEYS.has(key) || NOT_ALONE.has(key));
  return unknown === undefined ? undefined : `it has no packages, but ${JSON.stringify(unknown)}: not what pnpm writes`;
}
