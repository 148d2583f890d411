import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPurl } from '../../../../shared/model/purl.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

type Fields = Readonly<Record<string, unknown>>;

const purlRef = (locator: unknown) => ({ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator });
const entry = (name: string, purl?: string, more: Fields = {}): Fields => ({
  SPDXID: `SPDXRef-${name}`,
  name,
  versionInfo: '1',
  ...(purl === undefined ? {} : { externalRefs: [purlRef(purl)] }),
  ...more,
});

function json(packages: unknown, more: Fields = {}): string {
  return JSON.stringify({ spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'shop', packages, ...more });
}

function tagged(packages: readonly string[], more = ''): string {
  return `SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: shop\n${packages.join('')}${more}`;
}

const taggedEntry = (name: string, purl?: string) =>
  `\n##### Package: ${name}\n\nPackageName: ${name}\nSPDXID: SPDXRef-${name}\nPackageVersion: 1\nPackageDownloadLocation: NOASSERTION\nPackageComment: <text>PackageName: none\nof it</text>\n${purl === undefined ? '' : `ExternalRef: PACKAGE-MANAGER purl ${purl}\n`}`;

const describes = (id: string) => ({ spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: id });

describe('spdx', () => {
  it('reads the packages of purls, of any ecosystem, from JSON and from tags', async () => {
    const expected = ['org.example:lib@2.0', '@s/a@1.0.0'];
    const [npm, maven] = ['pkg:npm/%40s/a@1.0.0', 'pkg:maven/org.example/lib@2.0'] as const;
    expect(packagesOf(await read('a.spdx.json', json([entry('a', npm), entry('lib', maven)])))).toEqual(expected);
    expect(packagesOf(await read('a.spdx', tagged([taggedEntry('a', npm), taggedEntry('lib', maven)])))).toEqual(expected);
  });

  it('takes what the document describes for our own code, and what depends on it as the relationships say', async () => {
    const content = await read(
      'a.spdx.json',
      json([entry('shop', 'pkg:npm/shop@1.0.0'), entry('a', 'pkg:npm/a@1.0.0'), entry('b', 'pkg:npm/b@1.0.0')], {
        relationships: [
          describes('SPDXRef-shop'),
          { spdxElementId: 'SPDXRef-shop', relationshipType: 'DEPENDS_ON', relatedSpdxElement: 'SPDXRef-a' },
          { spdxElementId: 'SPDXRef-b', relationshipType: 'DEV_DEPENDENCY_OF', relatedSpdxElement: 'SPDXRef-shop' },
        ],
      }),
    );
    expect(localsOf(content)).toEqual(['shop 1']);
    expect(content.packages).toMatchObject([
      { name: 'a', relationship: 'direct' },
      { name: 'b', relationship: 'transitive', isDevelopment: true },
    ]);
    const byTags = await read(
      'a.spdx',
      tagged([taggedEntry('shop'), taggedEntry('a', 'pkg:npm/a@1.0.0')], 'Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-shop\n'),
    );
    expect(localsOf(byTags)).toEqual(['shop 1']);
    expect(byTags.packages).toMatchObject([{ name: 'a', line: 17 }]);
  });

  it('takes a document that describes all of its packages for a list of them', async () => {
    const content = await read(
      'a.spdx.json',
      json([entry('a', 'pkg:npm/a@1.0.0'), entry('b', 'pkg:npm/b@1.0.0')], { documentDescribes: ['SPDXRef-a', 'SPDXRef-b'] }),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.0.0']);
  });

  it('says what cannot be asked about, and why', async () => {
    const content = await read(
      'a.spdx.json',
      json([
        entry('curl', 'pkg:deb/debian/curl@7'),
        entry('none', 'pkg:npm/none'),
        entry('bare'),
        entry('disk', undefined, { primaryPackagePurpose: 'OPERATING-SYSTEM' }),
        entry('odd', undefined, { externalRefs: [purlRef(5)] }),
        entry('', 'pkg:npm/nameless@1.0.0'),
        null,
      ]),
    );
    expect(packagesOf(content)).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported curl pkg:deb/debian/curl@7',
      'unresolved none pkg:npm/none',
      'unsupported bare 1',
      'unresolved odd 1',
      'unresolved a package 1',
      'unresolved a package null',
    ]);
    expect(content.warnings).toEqual(['1 are no packages, but files, devices, archives or operating systems']);
  });

  it.each<[string, string, string, RegExp]>([
    ['SPDX 3', 'a.spdx.json', '{"@context":"x","@graph":[]}', /SPDX 3 is not known/],
    ['a later version', 'a.spdx.json', json([], { spdxVersion: 'SPDX-2.9' }), /SPDX-2\.9 is not known/],
    ['another JSON document', 'a.spdx.json', '{}', /has no SPDX version/],
    ['packages that are no list', 'a.spdx.json', json({}), /"packages" are no list/],
    ['an empty file', 'a.spdx', '', /has no SPDXVersion/],
    ['another text', 'a.spdx', 'hello\n', /line 1 is no "Tag: value"/],
    ['a later version in tags', 'a.spdx', tagged([]).replace('2.3', '4.0'), /SPDX-4\.0 is not known/],
    ['a text without an end', 'a.spdx', tagged([], 'DocumentComment: <text>never\n'), /line 5: its <text> never ends/],
    ['nonsense within', 'a.spdx', tagged([taggedEntry('a', 'pkg:npm/a@1.0.0')], '~~~\n'), /line \d+ is no "Tag: value"/],
  ])('refuses %s', async (_, path, text, reason) => {
    expect(await reasonOf(path, text)).toMatch(reason);
  });

  it('reads back what was written, in both syntaxes', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,10}$/);
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9]$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, version), { maxLength: 12, selector: ([each]) => each }), async (entries) => {
        const expected = entries.map(([each, at]) => `${each}@${at}`).sort();
        const purl = (each: string, at: string) => toPurl({ ecosystem: 'NPM', name: each, version: at });
        expect(packagesOf(await read('a.spdx.json', json(entries.map(([each, at]) => entry(each, purl(each, at))))))).toEqual(expected);
        expect(packagesOf(await read('a.spdx', tagged(entries.map(([each, at]) => taggedEntry(each, purl(each, at))))))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('loses nothing in silence', async () => {
    const purls = ['pkg:npm/alpha@1.1.1', 'pkg:pypi/bravo@22.2', 'pkg:npm/charlie@3.3.3'];
    const names = ['alpha', 'bravo', 'charlie'];
    await expectNoSilentLoss('a.spdx.json', json(names.map((each, index) => entry(each, purls[index]))));
    await expectNoSilentLoss('a.spdx', tagged(names.map((each, index) => taggedEntry(each, purls[index]))));
  });
});
