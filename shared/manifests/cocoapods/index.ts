import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { decodeText } from '../text.ts';
import { Pods } from './pods.ts';
import { readSpecRepositories } from './spec-repositories.ts';

/** What is read as YAML of any layout; some 27,000 lines. */
const PODFILE_LOCK_MAX_BYTES = 768 * 1024;

const KNOWN_KEYS = new Set([
  'PODS',
  'DEPENDENCIES',
  'SPEC REPOS',
  'EXTERNAL SOURCES',
  'CHECKOUT OPTIONS',
  'SPEC CHECKSUMS',
  'PODFILE CHECKSUM',
  'COCOAPODS',
]);

/**
 * `Podfile.lock`. Subspecs are parts of their root pod, and only that is listed. A pod of a folder or of a podspec beside the project
 * (nearly all pods of a React Native or Flutter app) is our own code to a registry; one of a repository or an address is a gap.
 */
export const cocoapods: ManifestFormat = {
  name: 'cocoapods',
  files: ['Podfile.lock'],
  ecosystems: ['COCOAPODS'],
  lists: 'exact',
  maxBytes: PODFILE_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'Podfile.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseYaml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const [lock, ...more] = parsed.value;
    if (!(lock instanceof Map) || more.length > 0) return unreadable('not a Podfile.lock: not one map');
    // A project without pods has no PODS; the version of CocoaPods is always written.
    if (!lock.has('PODS') && !lock.has('COCOAPODS')) return unreadable('not a Podfile.lock: neither PODS nor COCOAPODS stand in it');
    const entries = lock.get('PODS') ?? [];
    const dependencies = lock.get('DEPENDENCIES') ?? [];
    if (!Array.isArray(entries)) return unreadable('not a Podfile.lock: its PODS are no list');
    if (!Array.isArray(dependencies)) return unreadable('not a Podfile.lock: its DEPENDENCIES are no list');
    checkEntryCount(entries.length + dependencies.length);
    const reading = new Reading('COCOAPODS', decoded);
    for (const key of lock.keys()) {
      if (!KNOWN_KEYS.has(String(key))) reading.addWarning(`its "${String(key)}" is not known, and was not read`);
    }
    const pods = new Pods(reading, {
      externalSources: mapOf(lock, 'EXTERNAL SOURCES', reading),
      checkoutOptions: mapOf(lock, 'CHECKOUT OPTIONS', reading),
      checksums: mapOf(lock, 'SPEC CHECKSUMS', reading),
      repositories: readSpecRepositories(mapOf(lock, 'SPEC REPOS', reading), reading),
    });
    pods.addAll(entries, dependencies, decoded.text);
    return reading.content();
  },
};

const NOTHING: ReadonlyMap<unknown, unknown> = new Map();

function mapOf(lock: ReadonlyMap<unknown, unknown>, key: string, reading: Reading): ReadonlyMap<unknown, unknown> {
  const value = lock.get(key);
  if (value instanceof Map) return value;
  if (value !== undefined && value !== '') reading.addUnresolved(key, '', 'this section is no map, and was not read');
  return NOTHING;
}
