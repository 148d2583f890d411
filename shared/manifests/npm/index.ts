import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, besideOf, JSON_LOCK_MAX_BYTES, type ManifestFormat, type ReadFile } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { readDependencies } from './dependencies.ts';
import { readPackages } from './packages.ts';

/** npm 12 writes 3; a higher one is a layout that nobody has described yet. */
const HIGHEST_LOCKFILE_VERSION = 3;

const PACKAGE_LOCK = 'package-lock.json';
const SHRINKWRAP = 'npm-shrinkwrap.json';

/** What npm writes at the top. A section of another name may be `packages`, misspelt. */
const KNOWN_KEYS: ReadonlySet<string> = new Set(['name', 'version', 'lockfileVersion', 'requires', 'packages', 'dependencies']);

/**
 * `package-lock.json` and `npm-shrinkwrap.json`, layouts 1 to 3. The layout is told by the presence of `packages`, not by
 * `lockfileVersion`, which files get wrong. Of duplicate keys the last one counts, as it does for npm. Where both files stand in
 * one folder, npm reads the shrinkwrap only, and so do we.
 */
export const npm: ManifestFormat = {
  name: 'npm',
  files: ['package-lock.json (1 to 3)', 'npm-shrinkwrap.json'],
  ecosystems: ['NPM'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === PACKAGE_LOCK || baseName(path) === SHRINKWRAP,
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    return (await overruled(path, readSibling)) ?? readLock(bytes);
  },
};

async function overruled(path: string, readSibling: ReadFile): Promise<ManifestContent | undefined> {
  if (baseName(path) !== PACKAGE_LOCK || (await readSibling(besideOf(path, SHRINKWRAP))) === undefined) return undefined;
  const reading = new Reading('NPM', { text: '', damaged: false });
  reading.addWarning(`not read: npm takes ${SHRINKWRAP}, which stands beside it, and ignores this file`);
  return reading.content();
}

function readLock(bytes: Uint8Array): ManifestContent {
  const decoded = decodeText(bytes);
  const parsed = parseJson(bytes, decoded.text);
  if ('reason' in parsed) return unreadable(parsed.reason);
  const lock = parsed.value;
  if (!isObject(lock)) return unreadable('not an npm lock file: not a JSON object');
  const layout = own(lock, 'lockfileVersion');
  if (layout !== undefined && !(Number.isInteger(layout) && Number(layout) >= 1 && Number(layout) <= HIGHEST_LOCKFILE_VERSION)) {
    return unreadable(`lockfileVersion ${shown(layout)} is not known; 1 to ${HIGHEST_LOCKFILE_VERSION} are`);
  }
  const reading = new Reading('NPM', decoded);
  const packages = own(lock, 'packages');
  const dependencies = own(lock, 'dependencies');
  // An empty `packages` beside entries of layout 1 is a damaged file, not one without packages.
  if (packages !== undefined && !(hasKey(dependencies) && isObject(packages) && !hasKey(packages))) {
    if (!isObject(packages)) return unreadable('not an npm lock file: "packages" is not an object');
    readPackages(packages, reading);
  } else if (dependencies !== undefined) {
    if (!isObject(dependencies)) return unreadable('not an npm lock file: "dependencies" is not an object');
    readDependencies(dependencies, reading);
  } else if (layout !== 1) {
    return unreadable('not an npm lock file: neither "packages" nor "dependencies" stand in it');
  }
  for (const key of Object.keys(lock)) {
    if (!KNOWN_KEYS.has(key) && typeof lock[key] === 'object' && lock[key] !== null) {
      reading.addWarning(`${JSON.stringify(key)} is no section that npm writes; what stands in it was not read`);
    }
  }
  return reading.content();
}

function hasKey(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const key in value) if (Object.hasOwn(value, key)) return true;
  return false;
}
