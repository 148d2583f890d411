import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { parseJson } from '../parsers.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText } from '../text.ts';
import { splitNpmSpec } from './names.ts';
import { originOf } from './origin.ts';
import { describe, RegistryEntries } from './registry-entries.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** npm 12 writes 3; a higher one is a layout that nobody has described yet. */
const HIGHEST_LOCKFILE_VERSION = 3;

/**
 * `package-lock.json` and `npm-shrinkwrap.json`, layouts 1 to 3. The layout is told by the presence of `packages`, not by
 * `lockfileVersion`, which files get wrong. Of duplicate keys the last one counts, as it does for npm. Both files of one folder
 * are read, although npm then ignores `package-lock.json`: a package too many is better than one too few.
 */
export const npm: ManifestFormat = {
  name: 'npm',
  ecosystem: 'NPM',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'package-lock.json' || baseName(path) === 'npm-shrinkwrap.json',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not an npm lock file: not a JSON object');
    const layout = own(lock, 'lockfileVersion');
    if (layout !== undefined && !(Number.isInteger(layout) && Number(layout) >= 1 && Number(layout) <= HIGHEST_LOCKFILE_VERSION)) {
      return unreadable(`lockfileVersion ${describe(layout)} is not known; 1 to ${HIGHEST_LOCKFILE_VERSION} are`);
    }
    const reading = new Reading('NPM', decoded);
    const packages = own(lock, 'packages');
    const dependencies = own(lock, 'dependencies');
    // An empty `packages` beside entries of layout 1 is a damaged file, not one without packages.
    if (packages !== undefined && !(isEmptyObject(packages) && isObject(dependencies) && !isEmptyObject(dependencies))) {
      if (!isObject(packages)) return unreadable('not an npm lock file: "packages" is not an object');
      readPackages(packages, reading);
    } else if (dependencies !== undefined) {
      if (!isObject(dependencies)) return unreadable('not an npm lock file: "dependencies" is not an object');
      readDependencies(dependencies, reading);
    } else if (layout !== 1) {
      return unreadable('not an npm lock file: neither "packages" nor "dependencies" stand in it');
    }
    return reading.content();
  },
};

const FOLDER = 'node_modules/';

/** Layouts 2 and 3: one entry for each folder. */
function readPackages(packages: JsonObject, reading: Reading): void {
  const entries = new RegistryEntries(reading);
  for (const folder of Object.keys(packages)) {
    const entry = packages[folder];
    const start = folder.lastIndexOf(FOLDER);
    const isInstalled = start === 0 || (start > 0 && folder.charCodeAt(start - 1) === 0x2f);
    const folderName = isInstalled ? folder.slice(start + FOLDER.length) : folder;
    if (!isObject(entry)) {
      reading.addUnresolved(folderName, '', `its entry is ${describe(entry)}, not an object`);
    } else if (!isInstalled) {
      checkDeclared(folder, entry, packages, reading); // the project itself, a workspace, the target of a link: our own code
    } else {
      readEntry(folderName, entry, entries, reading);
    }
  }
  entries.finish();
}

function readEntry(folderName: string, entry: JsonObject, entries: RegistryEntries, reading: Reading): void {
  const { name = folderName, version, resolved, link } = entry;
  const address = addressOf(resolved);
  if (address === undefined || typeof name !== 'string') {
    reading.addUnresolved(folderName, describe(resolved), 'its "resolved" or "name" is not text');
  } else if (link !== true) {
    entries.add(name, version, address);
  } else if (!['local', 'path'].includes(originOf(address).kind)) {
    reading.addUnsupported(name, address, 'a link that leads out of the repository');
  }
}

/** What a folder of our own declares must be resolved in it or above it; optional dependencies and peers may be absent. */
function checkDeclared(folder: string, entry: JsonObject, packages: JsonObject, reading: Reading): void {
  if (folder.startsWith('../')) return;
  const optional = entry['optionalDependencies'];
  for (const group of folder === '' ? ['dependencies', 'devDependencies'] : ['dependencies']) {
    const declared = entry[group];
    if (!isObject(declared)) continue;
    for (const name of Object.keys(declared)) {
      if (isObject(optional) && Object.hasOwn(optional, name)) continue;
      if (!isResolvedFrom(folder, name, packages)) {
        const owner = folder === '' ? 'the project' : folder;
        reading.addUnresolved(name, describe(declared[name]), `declared by ${owner}, but the lock file does not resolve it`);
      }
    }
  }
}

function isResolvedFrom(folder: string, name: string, packages: JsonObject): boolean {
  for (let above = folder; ; above = above.slice(0, Math.max(above.lastIndexOf('/'), 0))) {
    if (Object.hasOwn(packages, above === '' ? `${FOLDER}${name}` : `${above}/${FOLDER}${name}`)) return true;
    if (above === '') return false;
  }
}

const ALIAS = 'npm:';

/** Layout 1: dependencies nested in dependencies. Walked without recursion, however deep. */
function readDependencies(dependencies: JsonObject, reading: Reading): void {
  const entries = new RegistryEntries(reading);
  const open = [dependencies];
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    for (const key of Object.keys(group)) {
      const entry = group[key];
      if (!isObject(entry)) {
        reading.addUnresolved(key, '', `its entry is ${describe(entry)}, not an object`);
        continue;
      }
      readNestedEntry(key, entry, entries, reading);
      const nested = own(entry, 'dependencies');
      if (isObject(nested)) open.push(nested);
      else if (nested !== undefined) reading.addUnresolved(key, '', 'its "dependencies" are not an object');
    }
  }
  entries.finish();
}

function readNestedEntry(key: string, entry: JsonObject, entries: RegistryEntries, reading: Reading): void {
  const { version, resolved } = entry;
  const address = addressOf(resolved);
  if (address === undefined) {
    reading.addUnresolved(key, describe(resolved), 'its "resolved" is not text');
  } else if (typeof version !== 'string') {
    const isOptional = version === undefined && entry['optional'] === true;
    reading.addUnresolved(key, describe(version), isOptional ? 'optional, and was not available to npm' : 'has no version');
  } else if (version.startsWith(ALIAS)) {
    const real = version.slice(ALIAS.length);
    const at = real.lastIndexOf('@');
    entries.add(at > 0 ? real.slice(0, at) : splitNpmSpec(real).name, at > 0 ? real.slice(at + 1) : undefined, address);
  } else if (version.includes(':')) {
    const { kind } = originOf(version);
    if (kind === 'git') reading.addUnsupported(key, version, 'comes from a git repository, not from a registry');
    else if (kind === 'path') reading.addUnresolved(key, version, 'not a version');
    else if (kind !== 'local') reading.addUnsupported(key, version, 'comes from an address of its own, not from a registry');
  } else {
    entries.add(key, version, address);
  }
}

/** npm 5 and 6 wrote `false` for bundled packages; `undefined` for what is no address at all. */
function addressOf(resolved: unknown): string | undefined {
  if (typeof resolved === 'string') return resolved;
  return resolved === undefined || resolved === null || typeof resolved === 'boolean' ? '' : undefined;
}

/** `__proto__` as a key is data: only own properties are ever looked at. */
function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
