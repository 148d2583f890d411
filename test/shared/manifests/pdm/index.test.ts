import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'pdm.lock';
const HEAD =
  '[metadata]\ngroups = ["default", "test"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.1"\ncontent_hash = "sha256:01"\n\n';

function entry(name: string, version: string, more = 'groups = ["default"]\n'): string {
  return `[[package]]\nname = "${name}"\nversion = "${version}"\nrequires_python = ">=3.8"\nsummary = "what it does"\n${more}files = [\n    {file = "${name}-${version}.tar.gz", hash = "sha256:0123"},\n]\n\n`;
}

describe('pdm.lock', () => {
  it('lists packages once, however often their extras repeat them, with all groups', async () => {
    const content = await read(
      FILE,
      `${HEAD}${entry('requests', '2.26.0')}${entry('requests', '2.26.0', 'extras = ["security"]\ngroups = ["test"]\ndependencies = [\n    "requests==2.26.0",\n]\n')}${entry('idna', '3.3', 'marker = "python_version >= \\"3\\""\n')}`,
    );
    expect(content.packages).toEqual([
      { ecosystem: 'PYPI', name: 'idna', version: '3.3', line: 31 },
      { ecosystem: 'PYPI', name: 'requests', version: '2.26.0', groups: ['default', 'test'], line: 7 },
    ]);
    expect(content).toMatchObject({ gaps: [], locals: [], warnings: [] });
  });

  it('reads the layout of pdm 1', async () => {
    const content = await read(
      FILE,
      '[[package]]\nname = "six"\nsections = ["default"]\nversion = "1.16.0"\nsummary = ""\n\n[metadata]\nlock_version = "3.1"\ncontent_hash = "sha256:01"\n\n[metadata.files]\n"six 1.16.0" = [\n    {file = "six-1.16.0.tar.gz", hash = "sha256:01"},\n]\n',
    );
    expect(packagesOf(content)).toEqual(['six@1.16.0']);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('keeps folders and files for our own, and makes gaps of repositories and addresses', async () => {
    const content = await read(
      FILE,
      `${HEAD}${entry('inner', '0.1', 'path = "./libs/inner"\neditable = true\n')}${entry('wheel', '0.1', 'path = "./vendor/wheel-0.1-py3-none-any.whl"\n')}${entry('root', '0.1', `url = "file:///\${PROJECT_ROOT}/libs/root"\n`)}${entry('fork', '1.0', 'git = "https://git.example/fork.git"\nref = "main"\nrevision = "0123456"\n')}${entry('hg', '1.0', 'hg = "https://hg.example/hg"\n')}${entry('address', '1.0', 'url = "https://files.example/address-1.0.zip"\n')}`,
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual([
      'inner ./libs/inner',
      'wheel ./vendor/wheel-0.1-py3-none-any.whl',
      `root file:///\${PROJECT_ROOT}/libs/root`,
    ]);
    expect(gapsOf(content)).toEqual([
      'unsupported fork https://git.example/fork.git#0123456',
      'unsupported hg https://hg.example/hg',
      'unsupported address https://files.example/address-1.0.zip',
    ]);
  });

  it('compares the addresses of files, where they are kept, with the package', async () => {
    const files = (name: string, address: string): string =>
      `[[package]]\nname = "${name}"\nversion = "1.0"\nfiles = [\n    {url = "${address}", hash = "sha256:01"},\n]\n\n`;
    const content = await read(
      FILE,
      `${HEAD}${files('good', 'https://files.example/good-1.0.tar.gz')}${files('other', 'https://files.example/evil-1.0.tar.gz')}${files('older', 'https://files.example/older-0.9.tar.gz')}${files('open', 'http://files.example/open-1.0.tar.gz')}`,
    );
    expect(poisoningsOf(content)).toEqual(['other-package other@1.0', 'other-version older@1.0', 'plain-http open@1.0']);
    expect(content.registries).toEqual([{ ecosystem: 'PYPI', host: 'files.example', entryCount: 4 }]);
  });

  it('makes gaps of entries without a legal name or version, and warns of unknown keys', async () => {
    const content = await read(FILE, `${HEAD}[[package]]\nname = "a"\n\n[[package]]\nname = "b"\nversion = ">=1"\ngitt = "x"\n`);
    expect(gapsOf(content)).toEqual(['unresolved a', 'unresolved b >=1']);
    expect(content.warnings).toEqual(['the entry of b has "gitt", which is not known and not read']);
  });

  it('accepts a project without dependencies', async () => {
    expect(await read(FILE, HEAD)).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /neither \[metadata\] nor/],
    ['cut off', `${HEAD}[[package]]\nname = "a`, /not valid TOML \(line 8/],
    ['a layout to come', '[metadata]\nlock_version = "5.0"\n', /version 5.0 is not known/],
    ['another kind of file', `${HEAD}[[packages]]\nname = "a"\n`, /it has a "packages"/],
    ['a merge conflict', '<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?$/);
    const version = fc.stringMatching(/^\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, version), { maxLength: 15 }), async (entries) => {
        const content = await read(FILE, `${HEAD}${entries.map(([n, v]) => entry(n, v)).join('')}`);
        expect(packagesOf(content).sort()).toEqual([...new Set(entries.map(([n, v]) => `${n}@${v}`))].sort());
        expect(content).toMatchObject({ gaps: [], warnings: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `${HEAD}${entry('requests', '2.26.0')}${entry('toml', '0.10.2', 'git = "https://git.example/toml.git"\nrevision = "0123"\n')}${entry('anyio', '4.13.0')}`,
    );
  });
});
