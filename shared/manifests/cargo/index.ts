import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { parseToml } from '../parsers.ts';
import { isVersion, Reading, unreadable } from '../reading.ts';
import { decodeText } from '../text.ts';
import { type CargoLock, readLines } from './lines.ts';

/** cargo 1.95 writes 4; a higher one is a layout that nobody has described yet. */
const HIGHEST_VERSION = 4;

const CRATE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/**
 * `Cargo.lock`, layouts 1 to 4. An entry without `source` is our own code (a workspace member, a path, a `[patch]` by folder);
 * `git+` is a gap; any registry counts as one, since the file cannot tell which are private.
 */
export const cargo: ManifestFormat = {
  name: 'cargo',
  ecosystem: 'CARGO',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'Cargo.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const lock = readLines(decoded.text) ?? readToml(decoded.text);
    if ('reason' in lock) return unreadable(lock.reason);
    const { version } = lock;
    if (version !== undefined && !(typeof version === 'number' && version >= 1 && version <= HIGHEST_VERSION)) {
      return unreadable(`lock file version ${String(version)} is not known; 1 to ${HIGHEST_VERSION} are`);
    }
    if (version === undefined && lock.packages.length === 0)
      return unreadable('not a Cargo.lock: neither "version" nor any [[package]] stands in it');
    const reading = new Reading('CARGO', decoded);
    addPackages(lock, reading);
    return reading.content();
  },
};

function addPackages(lock: CargoLock, reading: Reading): void {
  const names = new Set(lock.packages.map(({ name }) => name));
  const registries = new Map<string, { count: number; example: string }>();
  for (const { name, version, source, dependencies } of lock.packages) {
    if (typeof name !== 'string' || typeof version !== 'string' || (source !== undefined && typeof source !== 'string')) {
      reading.addUnresolved(typeof name === 'string' ? name : '[[package]]', '', 'its name, version or source is not text');
    } else if (source === undefined) {
      for (const dependency of dependencies) {
        const required = dependency.split(' ', 1)[0] ?? '';
        if (!names.has(required)) reading.addUnresolved(required, dependency, `declared by ${name}, but the lock file does not resolve it`);
      }
    } else if (source.startsWith('git+')) {
      reading.addUnsupported(name, source, 'comes from a git repository, not from a registry');
    } else if (!source.startsWith('registry+') && !source.startsWith('sparse+')) {
      reading.addUnsupported(name, source, 'comes from a source that is no registry');
    } else if (!CRATE_NAME.test(name) || !isVersion(version)) {
      reading.addUnresolved(name, version, 'not a legal crate name and version');
    } else {
      reading.addPackage(name, version);
      const registry = registries.get(source);
      if (registry) registry.count++;
      else registries.set(source, { count: 1, example: name });
    }
  }
  const [most, ...others] = [...registries].sort(([, a], [, b]) => b.count - a.count);
  for (const [source, { count, example }] of others) {
    reading.addWarning(
      `${count} package${count === 1 ? '' : 's'} of another registry, ${source}, than most (${most?.[0]}), such as ${example}`,
    );
  }
}

const KNOWN_KEYS: ReadonlySet<string> = new Set(['version', 'root', 'package', 'metadata', 'patch']);

/** Any other TOML than cargo writes itself. */
function readToml(text: string): CargoLock | { readonly reason: string } {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed;
  const { version, root, package: entries = [] } = parsed.value;
  const unknown = Object.keys(parsed.value).find((key) => !KNOWN_KEYS.has(key));
  if (unknown !== undefined) return { reason: `not a Cargo.lock: it has a ${JSON.stringify(unknown.slice(0, 40))}` };
  if (!Array.isArray(entries)) return { reason: 'not a Cargo.lock: "package" is no array of tables' };
  const packages = [...entries, ...(root === undefined ? [] : [root])].map((entry: unknown) => {
    const table = typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
    const { name, version: packageVersion, source, dependencies } = table;
    const texts = Array.isArray(dependencies) ? dependencies.filter((dependency) => typeof dependency === 'string') : [];
    return { name, version: packageVersion, source, dependencies: texts };
  });
  return { version, packages };
}
