import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { LockFilePoisoning, ManifestGap } from '../model/manifest.ts';
import { comparePackageVersions, type PackageVersion, packageKey, whyUnsupported } from '../model/package-version.ts';
import type { SnapshotPackage } from './changed-integrity.ts';

/** Where a lock file's pages stand: which extract wrote them, which of its lock files this was, and how many pages there are. */
export interface ManifestPlace {
  readonly pagesGeneration: number;
  readonly index: number;
  readonly pageCount: number;
}

/** One lock file of a snapshot. Its packages stand in pages of their own. */
export interface SnapshotLockFile extends ManifestPlace {
  readonly path: string;
  readonly format: string;
  readonly status: 'read' | 'error';
  /** Why it could not be read; present when the status is `error`. */
  readonly reason?: string;
  readonly packageCount: number;
  readonly gapCount: number;
  readonly warnings: readonly string[];
  /**
   * Digest of what the reading depended on: reader version, reading settings, each consulted path with its blob. Absent where
   * the bytes could not be fetched: such a reading is never taken over.
   */
  readonly manifestKey?: string;
  /** Every path that was consulted, so that the key can be made again without reading. */
  readonly consulted: readonly string[];
  /** Of a file that could not be read: the pages of its last reading, so that the next one is compared with that. */
  readonly lastRead?: ManifestPlace;
}

/**
 * A lock file that was read for a snapshot which is not there yet. The key stands beside it: a reading that was ended for its time
 * has none in a snapshot, but need not be tried again for this one.
 */
export interface NotedLockFile {
  readonly key: string;
  readonly lockFile: SnapshotLockFile;
}

/** What a manifest's pages hold together. */
export interface ManifestPages {
  readonly packages: readonly SnapshotPackage[];
  readonly gaps: readonly ManifestGap[];
  readonly poisonings: readonly LockFilePoisoning[];
}

/** Entries a page at most: 2,000 packages are some 150 KB, and compress to some 30. */
const PAGE_MAX_PACKAGES = 2_000;
const PAGE_MAX_LOCK_FILES = 1_000;
/**
 * What a page may hold before it is compressed. Random names, as only an attacker's lock file has them, hardly compress: the page
 * must stay below an item's 400 KB as it is.
 */
const PAGE_MAX_BYTES = 350_000;

/** Cuts a manifest into pages; the smallest one still has one page, so that "not written" and "empty" differ. */
export function toManifestPages({ packages, gaps, poisonings }: ManifestPages): ManifestPages[] {
  const nothing: ManifestPages = { packages: [], gaps: [], poisonings: [] };
  return [
    ...cutPages(packages, PAGE_MAX_PACKAGES).map((page) => ({ ...nothing, packages: page })),
    ...(gaps.length > 0 ? cutPages(gaps, PAGE_MAX_PACKAGES).map((page) => ({ ...nothing, gaps: page })) : []),
    ...(poisonings.length > 0 ? cutPages(poisonings, PAGE_MAX_PACKAGES).map((page) => ({ ...nothing, poisonings: page })) : []),
  ];
}

/** Undoes `toManifestPages`. Pages of an earlier version know no poisonings. */
export function joinManifestPages(pages: readonly (Omit<ManifestPages, 'poisonings'> & Partial<ManifestPages>)[]): ManifestPages {
  return {
    packages: pages.flatMap(({ packages }) => packages),
    gaps: pages.flatMap(({ gaps }) => gaps),
    poisonings: pages.flatMap(({ poisonings = [] }) => poisonings),
  };
}

/** Cuts a snapshot's list of lock files into pages; an empty list still has one. */
export function toSnapshotPages<T extends SnapshotLockFile | NotedLockFile>(lockFiles: readonly T[]): T[][] {
  return cutPages(lockFiles, PAGE_MAX_LOCK_FILES);
}

function cutPages<T>(entries: readonly T[], maxEntries: number): T[][] {
  const pages: T[][] = [];
  let page: T[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (page.length > 0 && (page.length === maxEntries || bytes + size > PAGE_MAX_BYTES)) {
      pages.push(page);
      page = [];
      bytes = 0;
    }
    page.push(entry);
    bytes += size;
  }
  return [...pages, page];
}

export function compress(document: unknown): Uint8Array {
  return gzipSync(JSON.stringify(document), { level: 6 });
}

export function decompress<T>(bytes: Uint8Array): T {
  return JSON.parse(gunzipSync(bytes).toString('utf8')) as T;
}

export function manifestKey(readerVersion: number, readingDigest: string, consulted: ReadonlyMap<string, string | undefined>): string {
  const blobs = [...consulted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, sha]) => [path, sha ?? 'absent']);
  return createHash('sha256')
    .update(JSON.stringify([readerVersion, readingDigest, blobs]))
    .digest('hex')
    .slice(0, 32);
}

/** Distinct package versions of several manifests, sorted: what the numbering of a scan's batches rests on. */
export function distinctPackages(manifests: readonly ManifestPages[]): PackageVersion[] {
  const byKey = new Map<string, PackageVersion>();
  for (const manifest of manifests) {
    for (const { ecosystem, name, version } of manifest.packages) {
      const packageVersion = { ecosystem, name, version };
      byKey.set(packageKey(packageVersion), packageVersion);
    }
  }
  return [...byKey.values()].sort(comparePackageVersions);
}

/** Those of them that SafeDep can be asked about: the others are `unsupported` and appear in no batch. */
export function askable(packages: readonly PackageVersion[]): PackageVersion[] {
  return packages.filter((packageVersion) => whyUnsupported(packageVersion) === undefined);
}
