import type { Ecosystem } from '../../model/ecosystem.ts';
import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, type EntryFacts, isVersion, Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { webAddressOf } from '../web-address.ts';

/** Which R, which Bioconductor, which Python; `renv` in the locks of 2019. */
const OTHER_KEYS = new Set(['R', 'Bioconductor', 'Python', 'renv', 'Hash']);
const NAME = /^[A-Za-z][A-Za-z0-9.]*$/;
/** What renv itself goes by, whoever runs the repository: its name anywhere. And how Bioconductor's own are named otherwise. */
const BIOCONDUCTOR = /bioconductor|^bioc(?:soft|ann|exp|workflows|books)?(?:$|[\s-])/i;
/** Sources that are repositories of a version control system. */
const FORGES = new Set(['github', 'gitlab', 'bitbucket', 'git', 'git2r', 'xgit', 'svn']);

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** `renv.lock`. What comes from a repository of R is CRAN's by its label, whichever mirror or other repository it is. */
export const renv: ManifestFormat = {
  name: 'renv',
  files: ['renv.lock'],
  ecosystems: ['CRAN', 'BIOCONDUCTOR'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'renv.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a renv.lock: not a JSON object');
    const records = own(lock, 'Packages');
    // R writes an empty list of names as an array.
    const isEmptyArray = Array.isArray(records) && records.length === 0;
    if (!isObject(records) && !isEmptyArray) return unreadable('not a renv.lock: its "Packages" are no object');
    const reading = new Reading('CRAN', decoded);
    for (const key of Object.keys(lock)) {
      if (key !== 'Packages' && !OTHER_KEYS.has(key)) reading.addWarning(`its "${key}" is not known, and was not read`);
    }
    const hosts = hostsOf(own(lock, 'R'));
    const lines = new LineCursor(decoded.text);
    const keys = isObject(records) ? Object.keys(records) : [];
    checkEntryCount(keys.length);
    for (const key of keys) addRecord(key, isObject(records) ? records[key] : undefined, hosts, lines, reading);
    return reading.content();
  },
};

function addRecord(key: string, record: unknown, hosts: ReadonlyMap<string, string>, lines: LineCursor, reading: Reading): void {
  if (!isObject(record)) {
    reading.addUnresolved(key, shown(record), 'its record is no object');
    return;
  }
  const name = own(record, 'Package') ?? key;
  const version = own(record, 'Version');
  const source = own(record, 'Source');
  const repository = textOf(record, 'Repository');
  const origin = typeof source === 'string' ? source.toLowerCase() : '';
  if (typeof name !== 'string' || !NAME.test(name)) {
    reading.addUnresolved(shown(name) || key, shown(version), 'not a legal package name');
  } else if (origin === 'repository' || origin === 'cran' || origin === 'bioconductor') {
    const ecosystem: Ecosystem = origin === 'bioconductor' || BIOCONDUCTOR.test(repository) ? 'BIOCONDUCTOR' : 'CRAN';
    if (!isVersion(version)) {
      reading.in(ecosystem).addUnresolved(name, shown(version), version === undefined ? 'has no version' : 'not a version');
      return;
    }
    const facts: Facts = {};
    const host = webAddressOf(repository)?.host ?? hosts.get(repository);
    if (host !== undefined) facts.registryHost = host;
    const line = lines.lineOf(`${JSON.stringify(key)}: {`);
    if (line !== undefined) facts.line = line;
    reading.in(ecosystem).addPackage(name, version, facts);
    if (name !== key) reading.addWarning(`the record ${key} is of the package ${name}`);
  } else if (FORGES.has(origin)) {
    reading.addUnsupported(name, placeOf(record), 'comes from a repository of source code, not from a registry');
  } else if (origin === 'url') {
    reading.addUnsupported(name, textOf(record, 'RemoteUrl'), 'comes from an address, not from a registry');
  } else if (origin === 'local' || origin === 'cellar') {
    reading.addLocal(name, textOf(record, 'RemoteUrl') || shown(version), 'a package in a folder');
  } else {
    const reason = source === undefined ? 'its record has no source' : `comes from a source "${shown(source)}", which renv does not know`;
    reading.addUnresolved(name, shown(version), reason);
  }
}

/** `owner/repository@commit`, or the address, as far as the record tells. */
function placeOf(record: JsonObject): string {
  const [user, repository, url] = ['RemoteUsername', 'RemoteRepo', 'RemoteUrl'].map((key) => textOf(record, key));
  const commit = textOf(record, 'RemoteSha') || textOf(record, 'RemoteRef');
  return `${user && repository ? `${user}/${repository}` : url || shown(own(record, 'Version'))}${commit ? `@${commit}` : ''}`;
}

/** The hosts of the repositories that R was given, by their names. */
function hostsOf(r: unknown): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  const repositories = isObject(r) ? own(r, 'Repositories') : undefined;
  if (!Array.isArray(repositories)) return hosts;
  for (const repository of repositories as readonly unknown[]) {
    if (!isObject(repository)) continue;
    const host = webAddressOf(textOf(repository, 'URL'))?.host;
    if (host !== undefined) hosts.set(textOf(repository, 'Name'), host);
  }
  return hosts;
}

function textOf(object: JsonObject, key: string): string {
  const value = own(object, key);
  return typeof value === 'string' ? value : '';
}
