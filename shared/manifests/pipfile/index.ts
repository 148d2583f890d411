import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { describe, type PythonFacts, PythonPackages } from '../python/packages.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, type JsonObject, own } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { webAddressOf } from '../web-address.ts';

/** pipenv has written 6 since 2017; a higher one is a layout that nobody has described yet. */
const HIGHEST_SPEC = 6;
const META = '_meta';
/** After so many keys that nobody knows it has been said that the file is odd. */
const MAX_UNKNOWN_KEYS = 20;
const PACKAGE_KEYS: ReadonlySet<string> = new Set([
  ...['version', 'hashes', 'index', 'markers', 'extras', 'editable', 'git', 'hg', 'svn', 'bzr', 'ref', 'subdirectory'],
  ...['path', 'file', 'url', 'uri'],
  ...['sys_platform', 'platform_python_implementation', 'python_version', 'python_full_version', 'platform_machine', 'os_name'],
  ...['platform_system', 'platform_release', 'platform_version', 'implementation_name', 'implementation_version', 'skip_resolver', 'name'],
  ...['dependencies', 'allow_prereleases', 'no_binary'],
]);

/** `Pipfile.lock`: `default`, `develop` and every category that the project has besides. */
export const pipfile: ManifestFormat = {
  name: 'pipfile',
  files: ['Pipfile.lock'],
  ecosystems: ['PYPI'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'Pipfile.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a Pipfile.lock: not a JSON object');
    const meta = own(lock, META);
    if (meta !== undefined && !isObject(meta)) return unreadable('not a Pipfile.lock: "_meta" is not an object');
    if (meta === undefined && !Object.hasOwn(lock, 'default') && !Object.hasOwn(lock, 'develop')) {
      return unreadable('not a Pipfile.lock: neither "_meta" nor "default" nor "develop" stands in it');
    }
    const spec = meta && own(meta, 'pipfile-spec');
    if (spec !== undefined && !(Number.isInteger(spec) && Number(spec) <= HIGHEST_SPEC)) {
      return unreadable(`pipfile-spec ${describe(spec)} is not known; up to ${HIGHEST_SPEC} are`);
    }
    const reading = new Reading('PYPI', decoded);
    const categories = new Categories(indexesOf(meta, reading), reading);
    for (const category of Object.keys(lock)) {
      if (category === META) continue;
      const entries = lock[category];
      if (!isObject(entries)) return unreadable(`not a Pipfile.lock: ${JSON.stringify(category.slice(0, 40))} is not an object`);
      categories.add(category, entries);
    }
    return reading.content();
  },
};

interface Indexes {
  readonly byName: ReadonlyMap<string, string>;
  /** The address of the index that everything is from where no entry says otherwise; unknown with several. */
  readonly only: string | undefined;
}

function indexesOf(meta: JsonObject | undefined, reading: Reading): Indexes {
  const byName = new Map<string, string>();
  const sources = meta && own(meta, 'sources');
  for (const source of Array.isArray(sources) ? sources : []) {
    if (!isObject(source)) continue;
    const name = own(source, 'name');
    const url = own(source, 'url');
    if (typeof url !== 'string') continue;
    byName.set(typeof name === 'string' ? name : url, url);
    if (own(source, 'verify_ssl') === false) {
      reading.addWarning(`the certificate of the index ${webAddressOf(url)?.host ?? url} is not checked`);
    }
  }
  return { byName, only: byName.size === 1 ? [...byName.values()][0] : undefined };
}

class Categories {
  readonly #indexes: Indexes;
  readonly #reading: Reading;
  readonly #packages: PythonPackages;
  readonly #warnedKeys = new Set<string>();
  #entryCount = 0;

  constructor(indexes: Indexes, reading: Reading) {
    this.#indexes = indexes;
    this.#reading = reading;
    this.#packages = new PythonPackages(reading);
  }

  add(category: string, entries: JsonObject): void {
    for (const name of Object.keys(entries)) {
      checkEntryCount(++this.#entryCount);
      const entry = entries[name];
      // The oldest files have nothing but the version.
      if (typeof entry === 'string') this.#addVersion(name, entry, undefined, category);
      else if (isObject(entry)) this.#addEntry(name, entry, category);
      else this.#reading.addUnresolved(name, describe(entry), 'its entry is not an object');
    }
  }

  #addEntry(name: string, entry: JsonObject, category: string): void {
    for (const key in entry) {
      if (PACKAGE_KEYS.has(key) || this.#warnedKeys.has(key) || this.#warnedKeys.size >= MAX_UNKNOWN_KEYS) continue;
      this.#warnedKeys.add(key);
      this.#reading.addWarning(`the entry of ${name} has ${JSON.stringify(key)}, which is not known and not read`);
    }
    const { git, hg, svn, bzr, ref, path, file, url, uri, version, index } = entry;
    const repository = git ?? hg ?? svn ?? bzr;
    const address = file ?? url ?? uri;
    if (repository !== undefined) {
      const place = [describe(repository), describe(ref)].filter(Boolean).join('#');
      this.#reading.addUnsupported(name, place, 'comes from version control, not from a registry');
    } else if (path !== undefined) {
      this.#reading.addLocal(name, describe(path), 'a folder or file of our own');
    } else if (address === undefined) {
      this.#addVersion(name, version, index, category);
    } else if (typeof address === 'string' && !/^[a-z][a-z0-9+.-]*:/i.test(address)) {
      this.#reading.addLocal(name, address, 'a folder or file of our own');
    } else {
      this.#reading.addUnsupported(name, describe(address), 'comes from an address of its own, not from a registry');
    }
  }

  #addVersion(name: string, version: unknown, index: unknown, category: string): void {
    if (typeof version !== 'string' || !version.startsWith('==')) {
      // pipenv writes `*` where no release fits the platform that it locked on.
      const reason = version === undefined ? 'has no version' : 'not one exact version';
      this.#reading.addUnresolved(name, describe(version), reason);
      return;
    }
    const facts: PythonFacts = { isDevelopment: category === 'develop' };
    if (category !== 'default' && category !== 'develop') facts.groups = [category];
    const pin = version.slice(version.startsWith('===') ? 3 : 2).trim();
    this.#packages.add(name, pin, facts, this.#indexOf(name, index));
  }

  #indexOf(name: string, index: unknown): string | undefined {
    if (index === undefined) return this.#indexes.only;
    const url = typeof index === 'string' ? this.#indexes.byName.get(index) : undefined;
    if (url === undefined) this.#reading.addWarning(`${name} is of the index ${describe(index)}, which the file does not describe`);
    return url;
  }
}
