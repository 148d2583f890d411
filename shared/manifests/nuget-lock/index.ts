import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { addResolved } from '../nuget/names.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';

/** 2 came with centrally managed versions, 3 with aliases of frameworks; the entries are the same. */
const HIGHEST_VERSION = 3;
const KNOWN_KEYS: ReadonlySet<string> = new Set(['version', 'dependencies']);

/** `packages.lock.json` of NuGet: for each target framework the packages that a restore takes. Projects are our own code. */
export const nugetLock: ManifestFormat = {
  name: 'nuget-lock',
  files: ['packages.lock.json (1 to 3)', 'packages.*.lock.json'],
  ecosystems: ['NUGET'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => /^packages\.(?:[^/]+\.)?lock\.json$/i.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a packages.lock.json: not a JSON object');
    const version = own(lock, 'version');
    if (!Number.isInteger(version) || Number(version) < 1 || Number(version) > HIGHEST_VERSION)
      return unreadable(`lock file version ${shown(version) || 'none'} is not known; 1 to ${HIGHEST_VERSION} are`);
    const frameworks = own(lock, 'dependencies');
    if (!isObject(frameworks)) return unreadable('not a packages.lock.json: its "dependencies" are no object');
    const reading = new Reading('NUGET', decoded);
    for (const key of Object.keys(lock))
      if (!KNOWN_KEYS.has(key)) reading.addWarning(`its ${JSON.stringify(key)} is not known, and was not read`);
    for (const framework of Object.keys(frameworks)) {
      const entries = frameworks[framework];
      if (!isObject(entries)) return unreadable(`its dependencies of ${JSON.stringify(framework.slice(0, 80))} are no object`);
      for (const id of Object.keys(entries)) addEntry(id, entries[id], reading);
    }
    return reading.content();
  },
};

function addEntry(id: string, entry: unknown, reading: Reading): void {
  if (!isObject(entry)) {
    reading.addUnresolved(id, shown(entry), 'its entry is no object');
    return;
  }
  const [type, resolved, contentHash] = [own(entry, 'type'), own(entry, 'resolved'), own(entry, 'contentHash')];
  switch (type) {
    case 'Project':
      reading.addLocal(id, '', 'a project of the solution');
      return;
    case 'Direct':
    case 'Transitive':
    case 'CentralTransitive':
      addResolved(
        id,
        shown(resolved),
        {
          relationship: type === 'Direct' ? 'direct' : 'transitive',
          ...(typeof contentHash === 'string' && contentHash !== '' ? { integrity: `sha512:${contentHash}` } : {}),
        },
        reading,
      );
      return;
    default:
      reading.addUnresolved(id, shown(resolved), `of the type ${shown(type) || 'none'}, which is not known`);
  }
}
