import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'renv.lock';
const R = {
  Version: '4.3.1',
  Repositories: [
    { Name: 'CRAN', URL: 'https://cran.example/latest' },
    { Name: 'ACME', URL: 'https://r.acme.example' },
  ],
};

function lock(packages: unknown, more: object = {}): string {
  return JSON.stringify({ R, ...more, Packages: packages }, undefined, 2);
}

const PACKAGES = {
  acmeMarkdown: {
    Package: 'acmeMarkdown',
    Version: '1.0',
    Source: 'Repository',
    Repository: 'CRAN',
    Hash: '4584a57f',
    Requirements: ['acme.mime'],
  },
  'acme.mime': { Package: 'acme.mime', Version: '0.12-3.1', Source: 'Repository', Repository: 'ACME' },
  AnnoAcme: { Package: 'AnnoAcme', Version: '1.62.2', Source: 'Bioconductor', git_url: 'https://git.example/AnnoAcme' },
};

describe('renv.lock', () => {
  it('reads packages of CRAN, of other repositories and of Bioconductor', async () => {
    const text = lock(PACKAGES, { Bioconductor: { Version: '3.17' }, Python: { Version: '3.11' } });
    const lineOf = (name: string) => text.split('\n').indexOf(`    "${name}": {`) + 1;
    const content = await read(PATH, text);
    expect(content.packages).toEqual([
      { ecosystem: 'BIOCONDUCTOR', name: 'AnnoAcme', version: '1.62.2', line: lineOf('AnnoAcme') },
      { ecosystem: 'CRAN', name: 'acme.mime', version: '0.12-3.1', line: lineOf('acme.mime'), registryHosts: ['r.acme.example'] },
      { ecosystem: 'CRAN', name: 'acmeMarkdown', version: '1.0', line: lineOf('acmeMarkdown'), registryHosts: ['cran.example'] },
    ]);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it.each([
    ['Bioconductor 3.20', 'BIOCONDUCTOR'],
    ['BioCsoft', 'BIOCONDUCTOR'],
    ['RSPM', 'CRAN'],
    ['https://acme.r-universe.example', 'CRAN'],
    ['biocomputing', 'CRAN'],
  ])('takes a package of the repository %s for one of %s', async (repository, ecosystem) => {
    const content = await read(PATH, lock({ acme: { Package: 'acme', Version: '1.0', Source: 'Repository', Repository: repository } }));
    expect(content.packages).toMatchObject([{ ecosystem, name: 'acme' }]);
  });

  it.each(['BioconductorAnnotation', 'acme-bioconductor', 'https://mirror.example/bioconductor/3.19/bioc'])(
    'takes the repository %s for one of Bioconductor',
    async (repository) => {
      const record = { Package: 'AnnoAcme', Version: '1.62.2', Source: 'Repository', Repository: repository };
      expect((await read(PATH, lock({ AnnoAcme: record }))).packages).toMatchObject([{ ecosystem: 'BIOCONDUCTOR', name: 'AnnoAcme' }]);
    },
  );

  it('reads the records of the first layouts', async () => {
    expect(
      packagesOf(await read(PATH, lock({ acme: { Package: 'acme', Version: '1.0', Source: 'CRAN' } }, { renv: { Version: '0.8' } }))),
    ).toEqual(['acme@1.0']);
  });

  it('lists what comes from elsewhere as what it is', async () => {
    const at = (Source: unknown, more: object = {}) => ({ Package: 'acme', Version: '1.0', Source, ...more });
    const content = await read(
      PATH,
      lock({
        a: { ...at('GitHub', { RemoteUsername: 'acme', RemoteRepo: 'mime', RemoteSha: '1763e0dc' }), Package: 'a' },
        b: { ...at('Git', { RemoteUrl: 'https://git.example/b.git', RemoteRef: 'main' }), Package: 'b' },
        c: { ...at('URL', { RemoteUrl: 'https://a.example/c.tar.gz' }), Package: 'c' },
        d: { ...at('Local', { RemoteUrl: '../d' }), Package: 'd' },
        e: { ...at('unknown'), Package: 'e' },
        f: { Package: 'f', Version: '0.1.0' },
        g: { ...at(7), Package: 'g' },
      }),
    );
    expect(gapsOf(content)).toEqual([
      'unsupported a acme/mime@1763e0dc',
      'unsupported b https://git.example/b.git@main',
      'unsupported c https://a.example/c.tar.gz',
      'unresolved e 1.0',
      'unresolved f 0.1.0',
      'unresolved g 1.0',
    ]);
    expect(localsOf(content)).toEqual(['d ../d']);
    expect(content.packages).toEqual([]);
  });

  it.each([
    [{ Package: 'acme', Source: 'Repository' }, 'unresolved acme'],
    [{ Package: 'acme', Version: 1, Source: 'Repository' }, 'unresolved acme 1'],
    [{ Package: 'acme', Version: '>= 1', Source: 'Bioconductor' }, 'unresolved acme >= 1'],
    [{ Package: '../acme', Version: '1', Source: 'Repository' }, 'unresolved ../acme 1'],
    [{ Package: ['acme'], Version: '1', Source: 'Repository' }, 'unresolved a list 1'],
    [{ Package: 'ac\u001bme', Version: '1', Source: 'Repository' }, 'unresolved ac\\u001bme 1'],
    [null, 'unresolved acme null'],
    ['1.0', 'unresolved acme 1.0'],
  ])('makes a gap of %j', async (record, gap) => {
    const content = await read(PATH, lock({ acme: record }));
    expect(gapsOf(content)).toEqual([gap]);
    expect(content.packages).toEqual([]);
  });

  it('warns of keys that renv does not write, and of a record under another name', async () => {
    const content = await read(
      PATH,
      `{"R":{},"Packages":{"acme":{"Package":"other","Version":"1","Source":"Repository"}},"__proto__":{"Packages":{}}}`,
    );
    expect(packagesOf(content)).toEqual(['other@1']);
    expect(content.warnings).toEqual(['its "__proto__" is not known, and was not read', 'the record acme is of the package other']);
  });

  it.each([
    ['', 'not valid JSON'],
    ['null', 'not a JSON object'],
    ['{"R":{}}', 'its "Packages" are no object'],
    ['{"Packages":[1]}', 'its "Packages" are no object'],
    ['{"Packages":{"a":{"Package":"a"', 'not valid JSON'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('reads a project without packages', async () => {
    for (const packages of [{}, []]) expect(await read(PATH, lock(packages))).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it('reads back what was written', async () => {
    const record = fc.record({
      name: fc.stringMatching(/^[A-Za-z][A-Za-z0-9.]{1,15}$/),
      version: fc.stringMatching(/^[0-9]{1,2}(?:[.-][0-9]{1,3}){1,3}$/),
      source: fc.constantFrom('Repository', 'Bioconductor'),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(record, { maxLength: 20, selector: ({ name }) => name }), async (records) => {
        const packages = records.map(({ name, version, source }) => [
          name,
          { Package: name, Version: version, Source: source, Repository: 'CRAN' },
        ]);
        const content = await read(PATH, lock(Object.fromEntries(packages)));
        const key = ({ ecosystem, name, version }: { ecosystem: string; name: string; version: string }) =>
          `${ecosystem} ${name}@${version}`;
        expect(content.packages.map(key).sort()).toEqual(
          records
            .map(({ name, version, source }) => key({ ecosystem: source === 'Bioconductor' ? 'BIOCONDUCTOR' : 'CRAN', name, version }))
            .sort(),
        );
        expect([content.gaps, content.warnings]).toEqual([[], []]);
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(PATH, lock(PACKAGES), { numRuns: 300 });
  });
});
