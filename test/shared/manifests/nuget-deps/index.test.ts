import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { asListed, nugetPackages } from '../nuget/nuget-packages.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'publish/App.deps.json';

function deps(libraries: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ runtimeTarget: { name: '.NETCoreApp,Version=v8.0' }, targets: {}, libraries, ...more });
}

describe('nuget-deps', () => {
  it('reads packages, and takes projects, assemblies and the runtime for what no registry serves', async () => {
    const content = await read(
      FILE,
      deps({
        'App/1.0.0': { type: 'project', serviceable: false },
        'Acme.Core/1.2.3': { type: 'package', serviceable: true, sha512: 'sha512-abc==', path: 'acme.core/1.2.3' },
        'Acme.NoAssets/4.0.0.1': { type: 'package', sha512: '' },
        'System.Plain/4.0.0.0': { type: 'referenceassembly' },
        'runtimepack.Microsoft.NETCore.App.Runtime/8.0.0': { type: 'runtimepack' },
      }),
    );
    expect(packagesOf(content)).toEqual(['Acme.Core@1.2.3', 'Acme.NoAssets@4.0.0.1']);
    expect(content.packages[0]).toMatchObject({ integrity: 'sha512-abc==' });
    expect(localsOf(content)).toEqual(['App 1.0.0', 'System.Plain 4.0.0.0', 'runtimepack.Microsoft.NETCore.App.Runtime 8.0.0']);
    expect(content.gaps).toEqual([]);
  });

  it('says what cannot be looked up', async () => {
    const content = await read(
      FILE,
      deps({ 'A/1.0.0': { type: 'later' }, B: { type: 'package' }, 'C/1.*': { type: 'package' }, 'D/1.0.0': null }, { later: {} }),
    );
    expect(gapsOf(content)).toEqual(['unresolved A 1.0.0', 'unresolved B', 'unresolved C 1.*', 'unresolved D 1.0.0']);
    expect(content.warnings).toEqual(['its "later" is not known, and was not read']);
  });

  it.each<[string, string, RegExp]>([
    ['cut JSON', deps({ 'A/1.0.0': { type: 'package' } }).slice(0, -2), /not valid JSON/],
    ['another document', '{"libraries":{}}', /neither "runtimeTarget" nor "targets"/],
    ['libraries that are a list', deps([]), /"libraries" are no object/],
    ['a list', '[]', /not a JSON object/],
  ])('refuses %s', async (_, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    await fc.assert(
      fc.asyncProperty(nugetPackages, async (entries) => {
        const libraries = entries.map(([id, version]) => [`${id}/${version}`, { type: 'package', serviceable: true }]);
        expect(packagesOf(await read(FILE, deps(Object.fromEntries(libraries))))).toEqual(asListed(entries));
      }),
    );
  });

  it('loses nothing in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      deps({ 'Alpha/1.1.1': { type: 'package' }, 'Bravo/22.2.2': { type: 'package' }, 'Charlie/333.3.3': { type: 'package' } }),
    );
  });
});
