import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { findingId } from '../../../shared/model/finding.ts';
import { comparePackageVersions, packageKey, parsePackageKey, whyUnsupported } from '../../../shared/model/package-version.ts';
import { FORGES, parseRefKey, type RefId, refKey } from '../../../shared/model/repository.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((value) => value.isWellFormed());
const packageVersion = fc.record({
  ecosystem: fc.constantFrom(...(Object.keys(ECOSYSTEMS) as Ecosystem[])),
  name: text,
  version: text.filter((version) => !version.includes('@')),
});
const ref: fc.Arbitrary<RefId> = fc.record({ tenant: text, forge: fc.constantFrom(...FORGES), host: text, repositoryId: text, ref: text });

describe('packageKey', () => {
  it('is undone by parsePackageKey, with `@` and `/` anywhere in the name', () => {
    fc.assert(
      fc.property(packageVersion, fc.constantFrom('', '@scope/', 'a/b/', 'x@'), (value, prefix) => {
        const named = { ...value, name: prefix + value.name };
        expect(parsePackageKey(packageKey(named))).toEqual(named);
      }),
    );
  });

  it.each(['', 'NPM', 'NPM/left', 'NPM/@1', 'npm/left@1', 'toString/left@1'])('refuses %j', (key) => {
    expect(() => parsePackageKey(key)).toThrow('not a package key');
  });

  it('orders in one way only, whatever the order was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(packageVersion, { selector: packageKey, maxLength: 12 }), (packages) => {
        const sorted = [...packages].sort(comparePackageVersions);
        expect([...packages].reverse().sort(comparePackageVersions)).toEqual(sorted);
        expect(sorted.map(packageKey)).toEqual(packages.map(packageKey).sort());
      }),
    );
  });
});

describe('whyUnsupported', () => {
  it.each([
    [1, 1, false],
    [255, 100, false],
    [0, 1, true],
    [256, 1, true],
    [1, 0, true],
    [1, 101, true],
  ])('holds a name of %i and a version of %i characters to the limits', (name, version, refused) => {
    expect(whyUnsupported({ ecosystem: 'NPM', name: 'n'.repeat(name), version: '1'.repeat(version) }) !== undefined).toBe(refused);
  });
});

describe('refKey', () => {
  it('is undone by parseRefKey, with `#` anywhere', () => {
    fc.assert(
      fc.property(ref, fc.constantFrom('', '#', 'a#b'), (id, sharp) => {
        const odd = { ...id, host: id.host + sharp, repositoryId: id.repositoryId + sharp, ref: sharp + id.ref };
        expect(parseRefKey(refKey(odd))).toEqual(odd);
      }),
    );
  });

  it('is another for every other ref, and so are the ids of findings', () => {
    const fact = { kind: 'malware', packageVersion: { ecosystem: 'NPM', name: 'a', version: '1' }, primaryId: '' } as const;
    fc.assert(
      fc.property(ref, ref, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(refKey(one)).not.toBe(refKey(other));
        expect(findingId(one, fact)).not.toBe(findingId(other, fact));
      }),
    );
  });

  it.each(['', 'default#github#github.com#1', '#github#h#1#main'])('refuses %j', (key) => {
    expect(() => parseRefKey(key)).toThrow('not a ref key');
  });
});
