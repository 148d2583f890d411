import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { asListed, nugetPackages } from '../nuget/nuget-packages.ts';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'App/packages.config';
const config = (entries: string) => `\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<packages>\r\n${entries}\r\n</packages>`;

describe('nuget-packages-config', () => {
  it('reads every package, those for development as such', async () => {
    const content = await read(
      FILE,
      config(
        '<package id="Acme.Core" version="1.2.3" targetFramework="net48" allowedVersions="[1,2)" /><package id="Acme.Build" version="4.0.0.1" developmentDependency="true"/>',
      ),
    );
    expect(packagesOf(content)).toEqual(['Acme.Build@4.0.0.1', 'Acme.Core@1.2.3']);
    expect(content.packages[0]).toMatchObject({ isDevelopment: true });
    expect(content.packages[1]).not.toHaveProperty('isDevelopment');
  });

  it('takes an empty list for one', async () => {
    expect(await read(FILE, config(''))).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it('says what cannot be looked up', async () => {
    const content = await read(
      FILE,
      config(
        '<package id="A"/><package version="1.0"/><package id="B" version="1.*"/><packages id="C" version="1.0"/><package id="../D" version="1.0"/>',
      ),
    );
    expect(gapsOf(content)).toEqual([
      'unresolved A',
      'unresolved package 1.0',
      'unresolved B 1.*',
      'unresolved C 1.0',
      'unresolved ../D 1.0',
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['another root', '<configuration/>', /its root is <configuration>/],
    ['a document type', '<!DOCTYPE packages [<!ENTITY x "y">]><packages/>', /document type/],
    ['a cut file', config('<package id="A" version="1.0"/>').slice(0, -5), /not well-formed|not XML/],
    ['nothing', '', /./],
  ])('refuses %s', async (_, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    await fc.assert(
      fc.asyncProperty(nugetPackages, async (entries) => {
        const content = await read(FILE, config(entries.map(([id, version]) => `<package id="${id}" version="${version}" />`).join('\n')));
        expect(packagesOf(content)).toEqual(asListed(entries));
      }),
    );
  });

  it('loses nothing in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      '<packages><package id="Alpha" version="1.1.1" /><package id="Bravo" version="22.2.2" /><package id="Charlie" version="333.3.3" /></packages>',
    );
  });
});
