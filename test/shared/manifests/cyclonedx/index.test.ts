import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPurl } from '../../../../shared/model/purl.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

interface Component {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly version?: unknown;
  readonly purl?: unknown;
  readonly components?: unknown;
  readonly [more: string]: unknown;
}

const library = (purl: string, more: Component = {}): Component => ({
  type: 'library',
  name: 'named',
  version: '1',
  purl,
  'bom-ref': purl,
  ...more,
});

function json(components: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components, ...more });
}

function xml(components: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1">${more}<components>${components}</components></bom>`;
}

const xmlLibrary = (purl: string, nested = '') =>
  `<component type="library" bom-ref="${purl.replace(/&/g, '&amp;')}"><name>named</name><version>1</version><purl>${purl.replace(/&/g, '&amp;')}</purl>${nested}</component>`;

const PURLS = [
  'pkg:npm/%40scope/a@1.0.0',
  'pkg:maven/org.example/lib@2.0?type=jar&classifier=x',
  'pkg:pypi/b@3.0',
  'pkg:golang/example.com/m/v2@v2.1.0',
];
const READ = ['example.com/m/v2@v2.1.0', 'org.example:lib@2.0', '@scope/a@1.0.0', 'b@3.0'];

describe('cyclonedx', () => {
  it('reads the packages of purls, of any ecosystem, from JSON and from XML', async () => {
    expect(packagesOf(await read('bom.json', json(PURLS.map((purl) => library(purl)))))).toEqual(READ);
    expect(packagesOf(await read('bom.xml', xml(PURLS.map((purl) => xmlLibrary(purl)).join(''))))).toEqual(READ);
  });

  it('reads nested components, however deep', async () => {
    let nested: Component = library('pkg:npm/deepest@1.0.0');
    let nestedXml = xmlLibrary('pkg:npm/deepest@1.0.0');
    for (let depth = 0; depth < 40; depth++) {
      nested = library(`pkg:npm/level-${depth}@1.0.0`, { components: [nested] });
      nestedXml = xmlLibrary(`pkg:npm/level-${depth}@1.0.0`, `<components>${nestedXml}</components>`);
    }
    expect((await read('bom.json', json([nested]))).packages).toHaveLength(41);
    expect((await read('bom.xml', xml(nestedXml))).packages).toHaveLength(41);
  });

  it('takes what the document is about for our own code', async () => {
    const subject = {
      type: 'application',
      name: 'shop',
      version: '1.0.0',
      purl: 'pkg:npm/shop@1.0.0',
      components: [library('pkg:npm/module@1.0.0', { name: 'module' })],
    };
    const content = await read('bom.json', json([library('pkg:npm/a@1.0.0')], { metadata: { component: subject } }));
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(localsOf(content)).toEqual(['shop 1.0.0', 'module 1']);
  });

  it('tells how a package is used where the document does', async () => {
    const content = await read(
      'bom.json',
      json(
        [
          library('pkg:npm/direct@1.0.0'),
          library('pkg:npm/below@1.0.0', { scope: 'optional' }),
          library('pkg:npm/dev@1.0.0', { properties: [{ name: 'cdx:npm:package:development', value: 'true' }] }),
        ],
        {
          metadata: { component: { type: 'application', name: 'shop', 'bom-ref': 'root' } },
          dependencies: [
            { ref: 'root', dependsOn: ['pkg:npm/direct@1.0.0'] },
            { ref: 'pkg:npm/direct@1.0.0', dependsOn: ['pkg:npm/below@1.0.0'] },
          ],
        },
      ),
    );
    expect(content.packages).toMatchObject([
      { name: 'below', relationship: 'transitive', isOptional: true },
      { name: 'dev', isDevelopment: true },
      { name: 'direct', relationship: 'direct' },
    ]);
  });

  it('says what cannot be asked about, and why', async () => {
    const content = await read(
      'bom.json',
      json([
        library('pkg:deb/debian/curl@7.50.3-1?arch=i386', { name: 'curl' }),
        library('pkg:npm/no-version', { name: 'no-version' }),
        library('not a purl', { name: 'wrong' }),
        library('pkg:npm/..%2Fup@1.0.0'),
        { type: 'library', name: 'bare', version: '2.0' },
        { type: 'application', name: 'package-lock.json' },
        { type: 'file', name: '/usr/bin/x' },
        { type: 'file', name: '/usr/bin/y' },
      ]),
    );
    expect(gapsOf(content)).toEqual([
      'unsupported curl pkg:deb/debian/curl@7.50.3-1?arch=i386',
      'unresolved no-version pkg:npm/no-version',
      'unresolved wrong not a purl',
      'unresolved ../up 1.0.0',
      'unsupported bare 2.0',
    ]);
    expect(localsOf(content)).toEqual(['package-lock.json']);
    expect(content.warnings).toEqual(['2 of the kind file, which are no packages']);
  });

  it.each<[string, string, string, RegExp]>([
    ['another JSON document', 'bom.json', '{"components":[]}', /its "bomFormat" is not "CycloneDX"/],
    ['a later version', 'bom.json', json([]).replace('1.6', '2.0'), /CycloneDX 2\.0 is not known/],
    ['components that are no list', 'bom.json', json({}), /"components" are no list/],
    ['cut JSON', 'bom.json', json([library('pkg:npm/a@1.0.0')]).slice(0, -4), /not valid JSON/],
    ['another XML document', 'bom.xml', '<project><components/></project>', /no <bom> of a CycloneDX namespace/],
    ['a later version in XML', 'bom.xml', xml('').replace('bom/1.5', 'bom/3.0'), /CycloneDX 3\.0 is not known/],
    ['a document type', 'bom.xml', `<!DOCTYPE bom>${xml('')}`, /document type/],
    ['nothing', 'bom.xml', '', /not well-formed/],
  ])('refuses %s', async (_, path, text, reason) => {
    expect(await reasonOf(path, text)).toMatch(reason);
  });

  it('reports components of wrong types and keeps the others', async () => {
    const content = await read(
      'bom.json',
      json([
        1,
        null,
        library('pkg:npm/a@1.0.0'),
        { name: 'x' },
        { type: 'library', name: {}, purl: 5 },
        library('pkg:npm/b@1.0.0', { components: {} }),
      ]),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(content.gaps).toHaveLength(5);
    expect((await read('bom.xml', xml(`<thing/>${xmlLibrary('pkg:npm/a@1.0.0')}`))).gaps).toMatchObject([
      { reason: '<thing> stands in place of a component' },
    ]);
  });

  it('reads back what was written, in both syntaxes', async () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9._-]{0,10}$/),
      fc.stringMatching(/^@[a-z]{1,5}\/[a-z][a-z0-9._-]{0,8}$/),
      fc.constantFrom('constructor', 'valueOf'),
    );
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, version), { maxLength: 12, selector: ([each]) => each }), async (entries) => {
        const purls = entries.map(([each, at]) => toPurl({ ecosystem: 'NPM', name: each, version: at }));
        const expected = entries.map(([each, at]) => `${each}@${at}`).sort();
        expect(packagesOf(await read('a.cdx.json', json(purls.map((purl) => library(purl)))))).toEqual(expected);
        expect(packagesOf(await read('a.cdx.xml', xml(purls.map((purl) => xmlLibrary(purl)).join(''))))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('loses nothing in silence', async () => {
    await expectNoSilentLoss(
      'bom.json',
      json([library('pkg:npm/alpha@1.1.1'), library('pkg:pypi/bravo@22.2', { components: [library('pkg:npm/charlie@3.3.3')] })]),
    );
    await expectNoSilentLoss('bom.xml', xml(`${xmlLibrary('pkg:npm/alpha@1.1.1')}${xmlLibrary('pkg:pypi/bravo@22.2')}`));
  });
});
