import pLimit from 'p-limit';
import { findChangedIntegrity, keepPackages } from '../../shared/inventory/changed-integrity.ts';
import type { SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import {
  type ManifestPlace,
  manifestKey,
  type NotedLockFile,
  type SnapshotLockFile,
  toManifestPages,
} from '../../shared/inventory/snapshot.ts';
import { type LockFilePath, READER_VERSION, whyTooLarge } from '../../shared/manifests/format.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { readingDigest, type Settings } from '../../shared/model/settings/settings.ts';
import { SourceError, type TreeEntry } from '../../shared/scm/source.ts';
import type { AttemptPorts, RefState } from './take-snapshot.ts';

/** Lock files that are fetched and read at once. */
const LOCK_FILES_AT_ONCE = 8;
/**
 * Packages of one lock file that are scanned. Ours: 100,000 take an API key seven minutes of its whole limit; a file with more is
 * said to be unread, so that nobody can hide a package behind many others.
 */
const LOCK_FILE_MAX_PACKAGES = 100_000;
/** Lock files after which it is noted that they were read: what a killed extract has to fetch again. */
const NOTED_TOGETHER = 100;
/** A reading that took this long is noted also where it came to its end. */
const NOTED_AFTER_MS = 10_000;

/** What every reading here depends on besides the files: another one has all of them read again. */
export function readingOf(settings: Settings): string {
  return `${READER_VERSION} ${readingDigest(settings)}`;
}

export interface Attempt {
  readonly generation: number;
  /** The snapshot that is to be replaced. */
  readonly base: SnapshotFacts | undefined;
  readonly state: Pick<RefState, 'entries' | 'keepsBase'>;
}

/**
 * Reads the lock files whose key is new, writes their pages, and takes over the others: from the snapshot, and from earlier attempts to
 * replace it that were interrupted. In order of path. Throws a `SourceError` where the source may answer later.
 */
export async function readLockFiles(
  ref: RefId,
  { generation, base, state }: Attempt,
  settings: Settings,
  ports: AttemptPorts,
): Promise<SnapshotLockFile[] | 'out-of-time'> {
  const { inventory } = ports;
  const baseLockFiles = base ? await inventory.readLockFiles(ref, base) : [];
  const inBase = new Map(baseLockFiles.map((lockFile) => [lockFile.path, lockFile]));
  const blobs = new Map(state.entries.map((entry) => [entry.path, entry]));
  const keyOf = (consulted: readonly string[]): string =>
    manifestKey(READER_VERSION, readingDigest(settings), new Map(consulted.map((path) => [path, blobs.get(path)?.sha])));
  const isCurrent = ({ manifestKey: key, consulted }: SnapshotLockFile): boolean => key !== undefined && key === keyOf(consulted);

  const paths = await ports.reader.find([...blobs.keys()].sort(), settings.reading);
  const isUnchanged = ({ path }: LockFilePath): boolean => {
    const known = inBase.get(path);
    return known !== undefined && isCurrent(known);
  };
  const changed = new Set(paths.filter((path) => !isUnchanged(path)));
  // Few have an attempt that was interrupted, and the query for it costs as little as one page.
  const noted = changed.size > 0 ? await inventory.readNotedLockFiles(ref, base?.generation ?? 0) : [];
  const readBefore = new Map(
    noted.filter(({ key, lockFile }) => key === keyOf(lockFile.consulted)).map(({ lockFile }) => [lockFile.path, lockFile]),
  );

  const notes = new Notes((sequence, some) => inventory.noteLockFiles(ref, generation, sequence, base?.generation ?? 0, some));
  const read = async (path: LockFilePath, index: number): Promise<SnapshotLockFile> => {
    const { lockFile, key } = await readLockFile(
      ref,
      { ...path, generation, index },
      inBase.get(path.path),
      { blobs, keyOf },
      settings,
      ports,
    );
    if (key !== undefined) await notes.add({ key, lockFile });
    return lockFile;
  };

  const startedAtMs = ports.nowMs();
  let isAnyStarted = false;
  const limit = pLimit(LOCK_FILES_AT_ONCE);
  let stop: { readonly because: unknown } | undefined;
  const results = await Promise.all(
    paths.map((path, index) => {
      const known = changed.has(path) ? readBefore.get(path.path) : inBase.get(path.path);
      if (known) return known;
      return limit(async () => {
        // One at least, however late it is: who never reads any never ends.
        if (isAnyStarted && ports.nowMs() >= ports.readUntilMs) stop ??= { because: 'out-of-time' };
        if (stop) return undefined;
        isAnyStarted = true;
        return read(path, index).catch((error: unknown) => {
          stop ??= { because: error };
          return undefined;
        });
      });
    }),
  );
  const seen = results.filter((lockFile) => lockFile !== undefined);
  if (stop) {
    if (stop.because === 'out-of-time' || stop.because instanceof SourceError) await notes.flush();
    if (stop.because === 'out-of-time') return 'out-of-time';
    throw stop.because;
  }
  // What took long is not to be lost should the rest of this extract be killed.
  if (ports.nowMs() - startedAtMs > NOTED_AFTER_MS) await notes.flush();
  const kept = state.keepsBase ? baseLockFiles.filter(({ path }) => !blobs.has(path)) : [];
  return [...seen, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Collects what was read, so that an attempt that comes to nothing leaves it for the next one. */
class Notes {
  readonly #write: (sequence: number, some: readonly NotedLockFile[]) => Promise<void>;
  #some: NotedLockFile[] = [];
  #sequence = 0;

  constructor(write: (sequence: number, some: readonly NotedLockFile[]) => Promise<void>) {
    this.#write = write;
  }

  async add(noted: NotedLockFile): Promise<void> {
    this.#some.push(noted);
    if (this.#some.length >= NOTED_TOGETHER) await this.flush();
  }

  async flush(): Promise<void> {
    const some = this.#some;
    this.#some = [];
    if (some.length > 0) await this.#write(this.#sequence++, some);
  }
}

interface Readable {
  /** By path. */
  readonly blobs: ReadonlyMap<string, TreeEntry>;
  /** The key of a reading that has consulted these paths. */
  keyOf(consulted: readonly string[]): string;
}

async function readLockFile(
  ref: RefId,
  { path, format, maxBytes, generation, index }: LockFilePath & { readonly generation: number; readonly index: number },
  known: SnapshotLockFile | undefined,
  { blobs, keyOf }: Readable,
  settings: Settings,
  ports: AttemptPorts,
): Promise<{ readonly lockFile: SnapshotLockFile; readonly key?: string }> {
  const place = { path, pagesGeneration: generation, index };
  const lastRead = known && lastReadingOf(known);
  const unread = (reason: string): SnapshotLockFile => ({
    ...place,
    format,
    status: 'error',
    reason,
    packageCount: 0,
    gapCount: 0,
    warnings: [],
    consulted: [path],
    pageCount: 0,
    ...(lastRead ? { lastRead } : {}),
  });
  const tooLarge = whyTooLarge({ format, maxBytes }, blobs.get(path)?.sizeBytes ?? 0);
  if (tooLarge !== undefined) return { lockFile: unread(tooLarge) };
  const fetchBlob = async (wanted: string): Promise<Uint8Array | undefined> => {
    const sha = blobs.get(wanted)?.sha;
    return sha === undefined ? undefined : ports.source.blob(sha);
  };
  try {
    const { content, consulted, wasEnded } = await ports.reader.read(path, fetchBlob, settings.reading);
    const key = keyOf(consulted);
    if (content.status === 'error') {
      return { key, lockFile: { ...unread(content.reason), ...(wasEnded ? {} : { manifestKey: key }), consulted } };
    }
    const packageCount = content.packages.length;
    if (packageCount > LOCK_FILE_MAX_PACKAGES) {
      const reason = `too many packages: ${packageCount}; lock files with up to ${LOCK_FILE_MAX_PACKAGES} are scanned`;
      return { key, lockFile: { ...unread(reason), manifestKey: key, consulted } };
    }
    const before = lastRead ? (await ports.inventory.readManifest(ref, { path, ...lastRead })).packages : [];
    const packages = keepPackages(content.packages, before);
    const poisonings = [...content.poisonings, ...findChangedIntegrity(packages)];
    const pages = toManifestPages({ packages, gaps: content.gaps, poisonings });
    await ports.inventory.writeManifest(ref, place, pages);
    const counts = { packageCount, gapCount: content.gaps.length, pageCount: pages.length };
    return { key, lockFile: { ...place, format, status: 'read', ...counts, warnings: content.warnings, manifestKey: key, consulted } };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    ports.patience.meet(error.message, error.retryable);
    return { lockFile: unread(error.message) };
  }
}

/** Where the packages of a lock file stand as they were read last, also where the file has become unreadable since. */
function lastReadingOf({ status, pagesGeneration, index, pageCount, lastRead }: SnapshotLockFile): ManifestPlace | undefined {
  return status === 'read' ? { pagesGeneration, index, pageCount } : lastRead;
}
