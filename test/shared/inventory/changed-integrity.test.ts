import { describe, expect, it } from 'vitest';
import { findChangedIntegrity, keepPackages, type SnapshotPackage } from '../../../shared/inventory/changed-integrity.ts';
import type { ManifestPackage } from '../../../shared/model/manifest.ts';

const ms = (integrity?: string, version = '2.1.3'): ManifestPackage => ({
  ecosystem: 'NPM',
  name: 'ms',
  version,
  ...(integrity === undefined ? {} : { integrity }),
});

/** Several commits in turn, each kept against the one before; the changed versions after the last. */
function changedAfter(...commits: readonly (readonly ManifestPackage[])[]): string[] {
  let kept: SnapshotPackage[] = [];
  for (const packages of commits) kept = keepPackages(packages, kept);
  return findChangedIntegrity(kept).map(({ packageVersion: { name, version } }) => `${name}@${version}`);
}

describe('a changed digest of the same version', () => {
  it('is a sign of poisoning, and stays one in later commits', () => {
    expect(changedAfter([ms('sha512-a')], [ms('sha512-b')])).toEqual(['ms@2.1.3']);
    expect(changedAfter([ms('sha512-a')], [ms('sha512-b')], [ms('sha512-b')], [ms('sha512-c')])).toEqual(['ms@2.1.3']);
  });

  it('is none once the first digest is back, or the package is gone', () => {
    expect(changedAfter([ms('sha512-a')], [ms('sha512-b')], [ms('sha512-a')])).toEqual([]);
    expect(changedAfter([ms('sha512-a')], [ms('sha512-b')], [], [ms('sha512-b')])).toEqual([]);
  });

  it('is none of another version, of another algorithm, or where one side has no digest', () => {
    expect(changedAfter([ms('sha512-a')], [ms('sha512-b', '2.1.4')])).toEqual([]);
    expect(changedAfter([ms('sha1-a')], [ms('sha512-b')])).toEqual([]);
    expect(changedAfter([ms()], [ms('sha512-b')])).toEqual([]);
    expect(changedAfter([ms('sha512-a')], [ms()])).toEqual([]);
  });

  it('is kept short, whatever stands in the lock file', () => {
    const [kept] = keepPackages([ms(`sha512-${'x'.repeat(10_000)}`)], []);
    expect(JSON.stringify(kept).length).toBeLessThan(100);
  });
});
