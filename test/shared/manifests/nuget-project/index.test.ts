import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { asListed, nugetPackages } from '../nuget/nuget-packages.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'src/App/App.csproj';
const project = (items: string, attributes = ' Sdk="Microsoft.NET.Sdk"') =>
  `<Project${attributes}>\n<ItemGroup>\n${items}\n</ItemGroup>\n</Project>\n`;
const reference = (id: string, version?: string) =>
  `<PackageReference Include="${id}"${version === undefined ? '' : ` Version="${version}"`} />`;

describe('nuget-project', () => {
  it('reads exact versions and the lowest of open ones, as attributes and as elements, in any letter case', async () => {
    const content = await read(
      FILE,
      project(
        `${reference('A', '1.0.0')}${reference('B', '[2.0.0]')}<PackageReference Include="C"><Version>3.0.0-rc.1</Version><PrivateAssets>all</PrivateAssets></PackageReference><packagereference include="D; E" version="4.0"/><PackageReference Update="F" Version="5.0"/>`,
      ),
    );
    expect(packagesOf(content)).toEqual(['A@1.0.0', 'B@2.0.0', 'C@3.0.0-rc.1', 'D@4.0', 'E@4.0', 'F@5.0']);
    expect(content.packages[2]).toMatchObject({ relationship: 'direct', isDevelopment: true });
  });

  it('reads every branch of conditions, targets and other ways to bring a package in', async () => {
    const content = await read(
      FILE,
      `<Project><Choose><When Condition="x"><ItemGroup>${reference('A', '1.0')}</ItemGroup></When><Otherwise><ItemGroup Condition="y">${reference('A', '2.0')}</ItemGroup></Otherwise></Choose><Target Name="t"><ItemGroup><PackageDownload Include="B" Version="[1.0];[2.0]"/></ItemGroup></Target><ItemGroup><DotNetCliToolReference Include="C" Version="1.0"/></ItemGroup></Project>`,
    );
    expect(packagesOf(content)).toEqual(['A@1.0', 'A@2.0', 'B@1.0', 'B@2.0', 'C@1.0']);
  });

  it('leaves what is not one version unresolved, each with its reason', async () => {
    const content = await read(
      FILE,
      project(
        ['(1.0,2.0)', '[1.0,2.0)', '[1.0,]', '1.*', '*', '$(Version)'].map((version, index) => reference(`P${index}`, version)).join('') +
          reference('None'),
      ),
    );
    expect(packagesOf(content)).toEqual([]);
    expect(content.gaps.map(({ requirement, reason }) => `${requirement}: ${reason}`)).toEqual([
      '(1.0,2.0): a range of versions, not one version',
      '[1.0,2.0): a range of versions, not one version',
      '[1.0,]: a range of versions, not one version',
      '1.*: a floating version, not one version',
      '*: a floating version, not one version',
      '$(Version): its version is a property of MSBuild, which may be set elsewhere',
      ': no version is given, neither here nor centrally',
    ]);
  });

  it('takes central versions from the nearest file at or above the project', async () => {
    const central = (version: string) =>
      `<Project><ItemGroup><PackageVersion Include="Acme.Core" Version="${version}"/></ItemGroup></Project>`;
    const text = project(`${reference('acme.core')}<PackageReference Include="Other" VersionOverride="9.0"/>`);
    const above = { 'Directory.Packages.props': central('1.0'), 'src/Directory.Packages.props': central('2.0') };
    expect(packagesOf(await read(FILE, text, above))).toEqual(['Other@9.0', 'acme.core@2.0']);
    expect(packagesOf(await read(FILE, text, { 'Directory.Packages.props': central('1.0') }))).toEqual(['Other@9.0', 'acme.core@1.0']);
    expect(gapsOf(await read(FILE, text))).toEqual(['unresolved acme.core']);
    const broken = await read(FILE, text, { 'src/App/Directory.Packages.props': '<Project>' });
    expect(gapsOf(broken)).toEqual(['unresolved acme.core']);
    expect(broken.warnings.join()).toContain('the central versions in src/App/Directory.Packages.props were not read');
  });

  it('takes every central version that conditions give one package', async () => {
    const central = project(
      '<PackageVersion Include="A" Version="6.0.1" Condition="x"/><PackageVersion Include="A" Version="8.0.2"/><PackageVersion Update="A"/>',
      '',
    );
    const content = await read(FILE, project(reference('A')), { 'Directory.Packages.props': central });
    expect(packagesOf(content)).toEqual(['A@6.0.1', 'A@8.0.2']);
    expect(content.gaps).toEqual([]);
  });

  it('asks no version of what only adds to a reference of the same file', async () => {
    const update = (id: string) => `<PackageReference Update="${id}" PrivateAssets="all"/>`;
    const content = await read(FILE, project(`${reference('A', '1.0')}${update('a')}${update('Elsewhere')}`));
    expect(packagesOf(content)).toEqual(['A@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved Elsewhere']);
  });

  it.each([
    ['packages times versions', `<PackageDownload Include="${'a;'.repeat(5000)}" Version="${'[1.0];'.repeat(5000)}"/>`],
    ['projects in one list', `<ProjectReference Include="${'p;'.repeat(300_000)}"/>`],
  ])('refuses more items than any project has: %s', async (_, item) => {
    expect(await reasonOf(FILE, project(item))).toMatch(/more than 100000 items/);
  });

  it('reads a central file of its own', async () => {
    const content = await read(
      'Directory.Packages.props',
      project(
        '<PackageVersion Include="A" Version="1.0"/><GlobalPackageReference Include="B" Version="[2.0]"/><PackageVersion Include="C" Version="[1.0,2.0)"/>',
        '',
      ),
    );
    expect(packagesOf(content)).toEqual(['A@1.0', 'B@2.0']);
    expect(gapsOf(content)).toEqual(['unresolved C [1.0,2.0)']);
  });

  it('adds nothing where a lock file lies beside the project, and says so', async () => {
    const content = await read(FILE, project(reference('A', '1.0')), { 'src/App/packages.lock.json': '{}' });
    expect(content).toMatchObject({ packages: [], gaps: [] });
    expect(content.warnings).toEqual(['packages.lock.json lies beside it: NuGet takes what that says, and this file adds nothing']);
  });

  it('takes referenced projects for our own code, and warns of what may be a package', async () => {
    const content = await read(
      FILE,
      project(
        '<ProjectReference Include="..\\Core\\Core.csproj" /><Reference Include="System.Web, Version=4.0.0.0" /><PackageRefrence Include="Typo" Version="1.0"/>',
        ' Sdk="Acme.Sdk/3.0.0"',
      ),
    );
    expect(localsOf(content)).toEqual(['..\\Core\\Core.csproj']);
    expect(content.warnings).toEqual(['the item <PackageRefrence> of Typo has a version, and is not known to be a package']);
    expect(gapsOf(content)).toEqual(['unresolved Acme.Sdk 3.0.0']);
  });

  it.each<[string, string, RegExp]>([
    ['another root', '<project/>', /its root is <project>/],
    ['a document type', `<!DOCTYPE Project>${project('')}`, /document type/],
    ['a cut file', project(reference('A', '1.0')).slice(0, -5), /./],
    ['nothing', '', /./],
  ])('refuses %s', async (_, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written, with versions here or central ones', async () => {
    await fc.assert(
      fc.asyncProperty(nugetPackages, fc.boolean(), async (entries, isCentral) => {
        const central = entries.map(([id, version]) => `<PackageVersion Include="${id}" Version="${version}" />`).join('\n');
        const here = entries.map(([id, version]) => reference(id, isCentral ? undefined : version)).join('\n');
        const siblings = isCentral ? { 'Directory.Packages.props': project(central, '') } : {};
        expect(packagesOf(await read(FILE, project(here), siblings))).toEqual(asListed(entries));
      }),
    );
  });

  it('loses nothing in silence', async () => {
    const items = ['Alpha', 'Bravo', 'Charlie'].map((id, index) => reference(id, `${index + 1}${index}.0.0`)).join('\n');
    await expectNoSilentLoss('Directory.Packages.props', project(items, ''), { numRuns: 500 });
  });
});
