import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LISTED_LOCK_FILES_MAX_BYTES, LISTED_LOCK_FILES_MAX_COUNT, listLockFiles } from '../../../shared/model/finding.ts';

const paths = (count: number) => Array.from({ length: count }, (_, index) => `apps/${String(index).padStart(4, '0')}/package-lock.json`);

describe('listLockFiles', () => {
  it('lists all lock files, sorted, where they are few, and counts nothing', () => {
    expect(listLockFiles(['b', 'a'])).toEqual({ lockFiles: ['a', 'b'] });
    expect(listLockFiles([])).toEqual({ lockFiles: [] });
    expect(listLockFiles(paths(LISTED_LOCK_FILES_MAX_COUNT))).toEqual({ lockFiles: paths(LISTED_LOCK_FILES_MAX_COUNT) });
  });

  it('lists the first of many and says how many there are', () => {
    expect(listLockFiles(paths(2_000).reverse())).toEqual({
      lockFiles: paths(LISTED_LOCK_FILES_MAX_COUNT),
      lockFileCount: 2_000,
    });
  });

  it('passes over a path that is too long to list, counts it, and lists the others', () => {
    const long = `a/${'x'.repeat(LISTED_LOCK_FILES_MAX_BYTES)}/yarn.lock`;
    expect(listLockFiles(['b/yarn.lock', long])).toEqual({ lockFiles: ['b/yarn.lock'], lockFileCount: 2 });
    expect(listLockFiles([long])).toEqual({ lockFiles: [], lockFileCount: 1 });
  });

  it('stays within its bounds as JSON, loses no path from the count, and does not depend on the order', () => {
    const path = fc.oneof(fc.string(), fc.string({ unit: 'binary', minLength: 200, maxLength: 2_000 }), fc.constant('\u0000'.repeat(900)));
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 120 }), (all) => {
        const { lockFiles, lockFileCount = lockFiles.length } = listLockFiles(all);
        expect(lockFileCount).toBe(all.length);
        expect(lockFiles.length).toBeLessThanOrEqual(LISTED_LOCK_FILES_MAX_COUNT);
        expect(Buffer.byteLength(JSON.stringify(lockFiles))).toBeLessThanOrEqual(LISTED_LOCK_FILES_MAX_BYTES);
        expect(listLockFiles([...all].reverse())).toEqual(listLockFiles(all));
      }),
    );
  });
});
