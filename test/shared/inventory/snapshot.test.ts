import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compress,
  decompress,
  distinctPackages,
  joinManifestPages,
  manifestKey,
  type SnapshotLockFile,
  toManifestPages,
  toSnapshotPages,
} from '../../../shared/inventory/snapshot.ts';
import type { ManifestGap } from '../../../shared/model/manifest.ts';
import { packageKey } from '../../../shared/model/package-version.ts';

/** DynamoDB's limit of an item is 400 KB, names of attributes included. */
const ITEM_MAX_BYTES = 400 * 1024 - 1_000;

const named = (name: string) => ({ ecosystem: 'NPM', name, version: '1.0.0' }) as const;
const gapOf = (name: string): ManifestGap => ({ ecosystem: 'NPM', name, requirement: '*', state: 'unresolved', reason: 'a range' });
const lockFileOf = (path: string, warnings: readonly string[] = []): SnapshotLockFile => ({
  path,
  format: 'npm',
  status: 'read',
  packageCount: 1,
  gapCount: 0,
  warnings,
  consulted: [path],
  pagesGeneration: 1,
  index: 0,
  pageCount: 1,
});
const noise = (length: number) => randomBytes(length).toString('base64').slice(0, length);
const nothing = { packages: [], gaps: [], poisonings: [] } as const;

describe('toManifestPages', () => {
  it('loses nothing and keeps the order, and has one page for nothing', () => {
    const names = fc.array(fc.string(), { maxLength: 60 });
    fc.assert(
      fc.property(names, names, fc.integer({ min: 1, max: 120 }), (packageNames, gapNames, times) => {
        const packages = Array.from({ length: times }, () => packageNames.map(named)).flat();
        const gaps = gapNames.map(gapOf);
        const pages = toManifestPages({ ...nothing, packages, gaps });
        expect(joinManifestPages(pages)).toEqual({ packages, gaps, poisonings: [] });
        expect(pages.length).toBeGreaterThan(0);
      }),
      { numRuns: 30 },
    );
  });

  it('has few pages for 20,000 packages', () => {
    const packages = Array.from({ length: 20_000 }, (_, index) => named(`@some-scope/package-${index}`));
    expect(toManifestPages({ ...nothing, packages })).toHaveLength(10);
  });

  it("fits into items even where an attacker's names do not compress", () => {
    const packages = Array.from({ length: 4_000 }, () => named(noise(255)));
    const gaps = Array.from({ length: 4_000 }, () => ({ ...gapOf(noise(255)), requirement: noise(200) }));
    const pages = toManifestPages({ ...nothing, packages, gaps });
    for (const page of pages) expect(compress(page).byteLength).toBeLessThan(ITEM_MAX_BYTES);
    expect(pages.flatMap((page) => page.gaps)).toHaveLength(4_000);
  });
});

describe('toSnapshotPages', () => {
  it('loses nothing, has one page for nothing, and fits into items with every warning there can be', () => {
    expect(toSnapshotPages([])).toEqual([[]]);
    const warnings = Array.from({ length: 51 }, () => noise(400));
    const lockFiles = Array.from({ length: 100 }, (_, index) => lockFileOf(`${index}/package-lock.json`, warnings));
    const pages = toSnapshotPages(lockFiles);
    expect(pages.flat()).toEqual(lockFiles);
    for (const page of pages) expect(compress(page).byteLength).toBeLessThan(ITEM_MAX_BYTES);
  });

  it('puts a thousand ordinary lock files on one page', () => {
    expect(toSnapshotPages(Array.from({ length: 1_000 }, (_, index) => lockFileOf(`packages/${index}/package-lock.json`)))).toHaveLength(1);
  });
});

describe('compress', () => {
  it('is undone by decompress', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.stringify(decompress(compress(value)))).toBe(JSON.stringify(value));
      }),
    );
  });
});

describe('manifestKey', () => {
  it('depends on reader, settings and every consulted path with its blob, not on their order', () => {
    const consulted: [string, string | undefined][] = [
      ['a', '1'],
      ['b', undefined],
    ];
    const key = manifestKey(1, 'd', new Map(consulted));
    expect(manifestKey(1, 'd', new Map([...consulted].reverse()))).toBe(key);
    const others = [
      manifestKey(2, 'd', new Map(consulted)),
      manifestKey(1, 'e', new Map(consulted)),
      manifestKey(1, 'd', new Map([['a', '1']])),
      manifestKey(1, 'd', new Map(consulted.map(([path]) => [path, '1']))),
    ];
    expect(new Set([key, ...others]).size).toBe(5);
  });
});

describe('distinctPackages', () => {
  it('is sorted, without doubles, and the same however the manifests are divided', () => {
    const names = fc.array(fc.string({ maxLength: 3 }), { maxLength: 20 });
    fc.assert(
      fc.property(names, names, (one, two) => {
        const apart = distinctPackages([
          { ...nothing, packages: one.map(named) },
          { ...nothing, packages: two.map(named) },
        ]);
        expect(apart).toEqual(distinctPackages([{ ...nothing, packages: [...two, ...one].map(named) }]));
        expect(apart.map(packageKey)).toEqual([...new Set([...one, ...two].map((name) => packageKey(named(name))))].sort());
      }),
    );
  });
});
