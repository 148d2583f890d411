import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, besideOf, LINES_LOCK_MAX_BYTES, type ManifestFormat, type ReadFile } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { shown } from '../syntax/json-object.ts';
import { isJsoncObject, type JsoncDocument, type JsoncObject, parseJsonc } from '../syntax/jsonc.ts';
import { decodeText } from '../text.ts';
import { LockReader } from './lock-reader.ts';

/** bun 1.4 writes 1 to 3, which differ in what it checks and in overrides, not in packages; a higher one nobody has described yet. */
const HIGHEST_LOCKFILE_VERSION = 3;

const TEXT_LOCK = 'bun.lock';
const BINARY_LOCK = 'bun.lockb';

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...['lockfileVersion', 'configVersion', 'workspaces', 'packages', 'trustedDependencies', 'patchedDependencies'],
  ...['overrides', 'catalog', 'catalogs'],
]);

/** `bun.lock`. Its binary predecessor is told from it, and refused where it stands alone. */
export const bun: ManifestFormat = {
  name: 'bun',
  files: ['bun.lock (0 to 3)'],
  ecosystems: ['NPM'],
  lists: 'exact',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === TEXT_LOCK || baseName(path) === BINARY_LOCK,
  read: (path, bytes, readSibling) => (baseName(path) === BINARY_LOCK ? readBinary(path, readSibling) : readText(bytes)),
};

async function readBinary(path: string, readSibling: ReadFile): Promise<ManifestContent> {
  if ((await readSibling(besideOf(path, TEXT_LOCK))) === undefined) {
    return unreadable(`a binary lock file; bun 1.2 and later write ${TEXT_LOCK} instead: bun install --save-text-lockfile`);
  }
  const reading = new Reading('NPM', { text: '', damaged: false });
  reading.addWarning(`not read: bun takes ${TEXT_LOCK}, which stands beside it`);
  return reading.content();
}

function readText(bytes: Uint8Array): ManifestContent {
  const decoded = decodeText(bytes);
  const parsed = parseJsonc(decoded.text);
  if ('reason' in parsed) return unreadable(parsed.reason);
  const document = parsed.value;
  const lock = document.value;
  if (!isJsoncObject(lock)) return unreadable(`not a ${TEXT_LOCK}: not an object`);
  const complaint = whyUnknown(lock);
  if (complaint !== undefined) return unreadable(complaint);
  const reading = new Reading('NPM', decoded);
  for (const key of lock.keys()) {
    if (!KNOWN_KEYS.has(key)) reading.addWarning(`${JSON.stringify(key)} is no section that bun writes; what stands in it was not read`);
  }
  warnOfDoubledKeys(document, reading);
  new LockReader(lock, document.lineOf, reading).read();
  return reading.content();
}

function whyUnknown(lock: JsoncObject): string | undefined {
  const layout = lock.get('lockfileVersion');
  if (layout === undefined) return `not a ${TEXT_LOCK}: it has no "lockfileVersion"`;
  if (!Number.isInteger(layout) || Number(layout) < 0 || Number(layout) > HIGHEST_LOCKFILE_VERSION) {
    return `lockfileVersion ${shown(layout)} is not known; 0 to ${HIGHEST_LOCKFILE_VERSION} are`;
  }
  if (!isJsoncObject(lock.get('workspaces'))) return `not a ${TEXT_LOCK}: it has no "workspaces", not even of the project itself`;
  const packages = lock.get('packages');
  return packages === undefined || isJsoncObject(packages) ? undefined : `not a ${TEXT_LOCK}: "packages" is not an object`;
}

function warnOfDoubledKeys({ doubledKeys }: JsoncDocument, reading: Reading): void {
  for (const key of doubledKeys) reading.addWarning(`${JSON.stringify(key)} stands twice in one object; the last one was read`);
}
