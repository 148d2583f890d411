import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { asListed, nugetPackages } from '../nuget/nuget-packages.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'src/App/packages.lock.json';
type Entry = Readonly<Record<string, unknown>>;
const direct = (resolved: string, more: Entry = {}): Entry => ({
  type: 'Direct',
  requested: `[${resolved}, )`,
  resolved,
  contentHash: `hash-of-${resolved}==`,
  ...more,
});

function lock(frameworks: unknown, more: Entry = {}): string {
  return JSON.stringify({ version: 1, dependencies: frameworks, ...more });
}

describe('nuget-lock', () => {
  it('reads the packages of all frameworks, each version once, with use and digest', async () => {
    const content = await read(
      FILE,
      lock({
        'net8.0': { 'Acme.Core': direct('1.0.0'), 'Acme.Below': { type: 'Transitive', resolved: '2.0.0-beta.1', contentHash: 'x==' } },
        'net6.0': { 'Acme.Core': direct('1.0.0'), 'Acme.Below': { type: 'CentralTransitive', resolved: '1.9.0' } },
        'net8.0/linux-x64': { 'Acme.Native': { type: 'Transitive', resolved: '4.0.2.5' } },
      }),
    );
    expect(packagesOf(content)).toEqual(['Acme.Below@1.9.0', 'Acme.Below@2.0.0-beta.1', 'Acme.Core@1.0.0', 'Acme.Native@4.0.2.5']);
    expect(content.packages[2]).toMatchObject({ relationship: 'direct', integrity: 'sha512:hash-of-1.0.0==' });
    expect(content.packages[1]).toMatchObject({ relationship: 'transitive', integrity: 'sha512:x==' });
    expect(content.gaps).toEqual([]);
  });

  it('takes projects for our own code', async () => {
    const content = await read(FILE, lock({ 'net8.0': { core: { type: 'Project', dependencies: { 'Acme.Core': '[1.0.0, )' } } } }));
    expect(packagesOf(content)).toEqual([]);
    expect(localsOf(content)).toEqual(['core']);
  });

  it('finds two digests of one version', async () => {
    const content = await read(
      FILE,
      lock({ 'net8.0': { 'Acme.Core': direct('1.0.0') }, 'net6.0': { 'Acme.Core': direct('1.0.0', { contentHash: 'other-hash-of-it' }) } }),
    );
    expect(content.poisonings).toMatchObject([{ rule: 'changed-integrity', packageVersion: { name: 'Acme.Core' } }]);
  });

  it('says what cannot be looked up', async () => {
    const content = await read(
      FILE,
      lock(
        {
          'net8.0': {
            a: { type: 'Direct' },
            b: { type: 'Later', resolved: '1.0.0' },
            c: direct('[1.0, 2.0)'),
            '../d': direct('1.0.0'),
            e: 5,
            f: direct('latest'),
            g: direct('v1.0'),
            __proto__x: { resolved: '1.0.0' },
          },
        },
        { later: 1 },
      ),
    );
    expect(gapsOf(content)).toEqual([
      'unresolved a',
      'unresolved b 1.0.0',
      'unresolved c [1.0, 2.0)',
      'unresolved ../d 1.0.0',
      'unresolved e 5',
      'unresolved f latest',
      'unresolved g v1.0',
      'unresolved __proto__x 1.0.0',
    ]);
    expect(content.warnings).toEqual(['its "later" is not known, and was not read']);
  });

  it('takes a lock of a project without packages for one', async () => {
    expect(await read(FILE, lock({ 'net8.0': {} }))).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"version":1,', /not valid JSON/],
    ['a list', '[]', /not a JSON object/],
    ['a later layout', lock({}, { version: 9 }), /version 9 is not known/],
    ['no version', '{"dependencies":{}}', /version none is not known/],
    ['no dependencies', '{"version":1}', /"dependencies" are no object/],
    ['a framework that is no object', lock({ 'net8.0': [] }), /dependencies of "net8.0" are no object/],
  ])('refuses %s', async (_, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written, and loses nothing in silence', async () => {
    await fc.assert(
      fc.asyncProperty(nugetPackages, async (entries) => {
        const content = await read(FILE, lock({ 'net8.0': Object.fromEntries(entries.map(([each, at]) => [each, direct(at)])) }));
        expect(packagesOf(content)).toEqual(asListed(entries));
      }),
      { numRuns: 60 },
    );
    await expectNoSilentLoss(FILE, lock({ 'net8.0': { Alpha: direct('1.1.1'), Bravo: direct('22.2.2'), Charlie: direct('333.3.3') } }));
  });
});
