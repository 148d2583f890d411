import pLimit from 'p-limit';
import type { LockFilePoisoning } from '../model/manifest.ts';
import { type PackageVersion, packageKey } from '../model/package-version.ts';
import type { RefId } from '../model/repository.ts';
import type { SnapshotFacts } from './ref-item.ts';
import { askable, distinctPackages, type ManifestPages, type SnapshotLockFile } from './snapshot.ts';

/** Manifests that are read at once. */
const READS_AT_ONCE = 8;

export interface SnapshotReader {
  readLockFiles(ref: RefId, snapshot: SnapshotFacts): Promise<SnapshotLockFile[]>;
  readManifest(ref: RefId, lockFile: SnapshotLockFile): Promise<ManifestPages>;
}

export interface LockFileContent {
  readonly lockFile: SnapshotLockFile;
  /** Empty for a lock file that could not be read. */
  readonly content: ManifestPages;
}

const NOTHING: ManifestPages = { packages: [], gaps: [], poisonings: [] };

export function readManifests(inventory: SnapshotReader, ref: RefId, lockFiles: readonly SnapshotLockFile[]): Promise<LockFileContent[]> {
  const limit = pLimit(READS_AT_ONCE);
  return Promise.all(
    lockFiles.map((lockFile) =>
      limit(async () => ({ lockFile, content: lockFile.status === 'read' ? await inventory.readManifest(ref, lockFile) : NOTHING })),
    ),
  );
}

/** A whole snapshot. Throws `SnapshotGoneError` when it is replaced while it is read. */
export async function readSnapshot(inventory: SnapshotReader, ref: RefId, snapshot: SnapshotFacts): Promise<LockFileContent[]> {
  return readManifests(inventory, ref, await inventory.readLockFiles(ref, snapshot));
}

/** What the batches of a scan are cut from: distinct, askable, sorted. The same snapshot always gives the same list. */
export function packagesToAsk(contents: readonly LockFileContent[]): PackageVersion[] {
  return askable(distinctPackages(contents.map(({ content }) => content)));
}

/** One sign of poisoning, with the lock files that show it, in order of path. */
export interface PoisonedEntry extends LockFilePoisoning {
  readonly lockFiles: readonly string[];
}

/** The signs of poisoning of a snapshot by package key, each rule once for each package version. */
export function poisoningsByPackage(contents: readonly LockFileContent[]): Map<string, PoisonedEntry[]> {
  const byKey = new Map<string, PoisonedEntry[]>();
  for (const { lockFile, content } of contents) {
    for (const poisoning of content.poisonings) {
      const key = packageKey(poisoning.packageVersion);
      const entries = byKey.get(key) ?? [];
      byKey.set(key, entries);
      const same = entries.findIndex(({ rule }) => rule === poisoning.rule);
      const entry = entries[same];
      if (entry) entries[same] = { ...entry, lockFiles: [...entry.lockFiles, lockFile.path].sort() };
      else entries.push({ ...poisoning, lockFiles: [lockFile.path] });
    }
  }
  return byKey;
}

/** Each package version with the lock files that resolve to it, by package key. */
export function lockFilesByPackage(contents: readonly LockFileContent[]): Map<string, { packageVersion: PackageVersion; paths: string[] }> {
  const byKey = new Map<string, { packageVersion: PackageVersion; paths: string[] }>();
  for (const { lockFile, content } of contents) {
    for (const { ecosystem, name, version } of content.packages) {
      const packageVersion = { ecosystem, name, version };
      const key = packageKey(packageVersion);
      const entry = byKey.get(key);
      if (entry) entry.paths.push(lockFile.path);
      else byKey.set(key, { packageVersion, paths: [lockFile.path] });
    }
  }
  return byKey;
}
