import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../../../shared/manifests/registry.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'pylock.toml';
const HEAD = 'lock-version = "1.0"\ncreated-by = "tool"\nrequires-python = ">=3.10"\n\n';
const INDEX = 'https://pypi.example/simple';

function wheel(name: string, version: string): string {
  return `https://files.example/packages/${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
}

function entry(name: string, version: string, address = wheel(name, version)): string {
  return `[[packages]]\nname = "${name}"\nversion = "${version}"\nindex = "${INDEX}"\nwheels = [\n    { url = "${address}", hashes = { sha256 = "0123" } },\n]\n\n`;
}

describe('pylock.toml', () => {
  it.each([
    ['pylock.toml', 'pylock'],
    ['a/pylock.dev.toml', 'pylock'],
    ['pylock.a.b.toml', undefined],
    ['pylock..toml', undefined],
    ['mypylock.toml', undefined],
  ])('reads %s as %s', (path, format) => {
    expect(formatOf(path)?.name).toBe(format);
  });

  it('lists packages of an index, with the hosts of the index and of the files', async () => {
    const content = await read(FILE, `${HEAD}${entry('a-b', '1.0')}${entry('c', '2.0+local')}`);
    expect(content.packages).toEqual([
      { ecosystem: 'PYPI', name: 'a-b', version: '1.0', line: 5, registryHosts: ['pypi.example', 'files.example'] },
      { ecosystem: 'PYPI', name: 'c', version: '2.0+local', line: 13, registryHosts: ['pypi.example', 'files.example'] },
    ]);
    expect(content).toMatchObject({ gaps: [], locals: [], warnings: [], poisonings: [] });
  });

  it('reads tables of their own for files, and packages in line', async () => {
    const content = await read(
      FILE,
      `${HEAD}[[packages]]\nname = "a"\nversion = "1.0"\n\n[[packages.wheels]]\nname = "a-1.0-py3-none-any.whl"\nurl = "${wheel('a', '1.0')}"\n\n[packages.wheels.hashes]\nsha256 = "01"\n\n[packages.tool.pdm]\ndependencies = []\n\n[tool.pdm]\nhashes = {sha256 = "01"}\n`,
    );
    expect(content).toMatchObject({ packages: [{ name: 'a', version: '1.0', registryHosts: ['files.example'] }], gaps: [], warnings: [] });
    const inline = await read(
      FILE,
      `${HEAD}packages = [{ name = "a", version = "1.0" }, { name = "me", directory = { path = ".", editable = true } }]\n`,
    );
    expect(packagesOf(inline)).toEqual(['a@1.0']);
    expect(localsOf(inline)).toEqual(['me .']);
  });

  it('keeps paths for our own, named or not, and makes gaps of repositories and addresses', async () => {
    const content = await read(
      FILE,
      `${HEAD}[[packages]]\nname = "folder"\ndirectory = { path = "libs/folder" }\n\n[[packages]]\nname = "file"\narchive = { path = "vendor/file-1.0.zip" }\n\n[[packages]]\nname = "fork"\nversion = "1.0"\nvcs = { type = "git", url = "https://git.example/fork.git", commit-id = "0123" }\n\n[[packages]]\nname = "clone"\nvcs = { type = "git", path = "../clone", commit-id = "0123" }\n\n[[packages]]\nname = "address"\narchive = { url = "https://files.example/address-1.0.zip" }\n\n[[packages]]\nname = "nowhere"\ndirectory = {}\n`,
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual(['folder libs/folder', 'file vendor/file-1.0.zip', 'clone ../clone']);
    expect(gapsOf(content)).toEqual([
      'unsupported fork https://git.example/fork.git',
      'unsupported address https://files.example/address-1.0.zip',
      'unresolved nowhere',
    ]);
  });

  it('reports files of another package or version, and those without TLS', async () => {
    const content = await read(
      FILE,
      `${HEAD}${entry('other', '1.0', wheel('evil', '1.0'))}${entry('older', '1.0', wheel('older', '0.9'))}${entry('open', '1.0', wheel('open', '1.0').replace('https', 'http'))}`,
    );
    expect(poisoningsOf(content)).toEqual(['other-package other@1.0', 'other-version older@1.0', 'plain-http open@1.0']);
  });

  it('makes gaps of packages without a legal name or version', async () => {
    const content = await read(
      FILE,
      `${HEAD}[[packages]]\nname = "a"\n\n[[packages]]\nversion = "1.0"\n\n[[packages]]\nname = "b"\nversion = "1.0"\nindex = 1\n`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual(['unresolved a', 'unresolved 1.0', 'unresolved b 1.0']);
  });

  it('accepts a file that locks nothing', async () => {
    expect(await read(FILE, `${HEAD}packages = []\n`)).toMatchObject({ packages: [], gaps: [] });
  });

  it.each([
    ['empty', '', /it has no "lock-version"/],
    ['without packages', HEAD, /it has no "packages"/],
    ['cut off', `${HEAD}[[packages]]\nname = "a`, /not valid TOML/],
    ['a layout to come', 'lock-version = "2.0"\npackages = []\n', /lock-version 2.0 is not known/],
    ['of the wrong type', 'lock-version = 1.0\npackages = []\n', /lock-version 1 is not known/],
    ['another kind of file', `${HEAD}[[package]]\nname = "a"\n`, /it has a "package"/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?$/);
    const version = fc.stringMatching(/^\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?(\+[a-z]{1,3}\d?)?$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, version), { maxLength: 15 }), async (entries) => {
        const content = await read(
          FILE,
          `${HEAD}packages = []\n`.replace('packages = []\n', entries.length > 0 ? '' : 'packages = []\n') +
            entries.map(([n, v]) => entry(n, v)).join(''),
        );
        expect(packagesOf(content).sort()).toEqual([...new Set(entries.map(([n, v]) => `${n}@${v}`))].sort());
        expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `${HEAD}${entry('scikit-learn', '1.6.1')}[[packages]]\nname = "fork"\nvcs = { type = "git", url = "https://git.example/fork.git", commit-id = "0123" }\n\n${entry('packaging', '24.2')}`,
    );
  });
});
