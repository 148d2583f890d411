import { createHash } from 'node:crypto';
import { algorithmOf } from '../model/integrity.ts';
import type { LockFilePoisoning, ManifestPackage } from '../model/manifest.ts';
import { type PackageVersion, packageKey } from '../model/package-version.ts';

/** A package version of a lock file as a snapshot keeps it. */
export interface SnapshotPackage extends PackageVersion {
  /** Short digest of what the lock file says of the fetched code, `ALGORITHM:…`; compared with that of later snapshots only. */
  readonly digest?: string;
  /** The digest that the same version had first, where it has another one now. */
  readonly firstDigest?: string;
}

/** Characters of base64 that a digest is cut to: 66 bits, where 2^33 versions would have to be tried for two alike. */
const DIGEST_CHARACTERS = 11;

/**
 * The packages of a lock file as they are kept, given those of the same lock file in the snapshot before. A registry never changes
 * what a version is, so another digest of the same version and algorithm is a sign of poisoning, until the first one is back.
 */
export function keepPackages(packages: readonly ManifestPackage[], before: readonly SnapshotPackage[]): SnapshotPackage[] {
  const known = new Map(before.map((packageVersion) => [packageKey(packageVersion), packageVersion]));
  return packages.map(({ ecosystem, name, version, integrity }) => {
    const packageVersion = { ecosystem, name, version };
    if (integrity === undefined) return packageVersion;
    const digest = shortDigest(integrity);
    const earlier = known.get(packageKey(packageVersion));
    const first = earlier?.firstDigest ?? earlier?.digest;
    const isChanged = first !== undefined && first !== digest && algorithmOf(first) === algorithmOf(digest);
    return { ...packageVersion, digest, ...(isChanged ? { firstDigest: first } : {}) };
  });
}

/** The signs that `keepPackages` has left. */
export function findChangedIntegrity(packages: readonly SnapshotPackage[]): LockFilePoisoning[] {
  return packages.flatMap(({ ecosystem, name, version, firstDigest }) =>
    firstDigest === undefined
      ? []
      : [
          {
            rule: 'changed-integrity' as const,
            packageVersion: { ecosystem, name, version },
            detail: `the lock file's digest of ${name}@${version} is another than in an earlier commit, though no registry changes a version`,
          },
        ],
  );
}

function shortDigest(integrity: string): string {
  return `${algorithmOf(integrity)}:${createHash('sha256').update(integrity).digest('base64url').slice(0, DIGEST_CHARACTERS)}`;
}
