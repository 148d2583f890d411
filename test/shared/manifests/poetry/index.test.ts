import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'poetry.lock';
const END = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.12"\ncontent-hash = "0123"\n';

function entry(name: string, version: string, more = ''): string {
  return `[[package]]\nname = "${name}"\nversion = "${version}"\ndescription = "what it does"\noptional = false\npython-versions = "*"\nfiles = [\n    {file = "${name}-${version}.tar.gz", hash = "sha256:0123"},\n]\n${more}\n`;
}

function source(type: string, url: string, more = ''): string {
  return `\n[package.source]\ntype = "${type}"\nurl = "${url}"\n${more}`;
}

describe('poetry.lock', () => {
  it('lists packages of layout 2, every version of a name, with their groups', async () => {
    const content = await read(
      FILE,
      `${entry('proto-plus', '1.22.0', 'groups = ["main", "dev"]\nmarkers = "python_version < \\"3.13\\""\n')}${entry('proto-plus', '1.23.0', 'groups = ["dev"]\n')}${END}`,
    );
    expect(content.packages).toEqual([
      {
        ecosystem: 'PYPI',
        name: 'proto-plus',
        version: '1.22.0',
        isDevelopment: false,
        isOptional: false,
        groups: ['dev', 'main'],
        line: 1,
      },
      { ecosystem: 'PYPI', name: 'proto-plus', version: '1.23.0', isDevelopment: true, isOptional: false, groups: ['dev'], line: 13 },
    ]);
    expect(content).toMatchObject({ gaps: [], locals: [], warnings: [], poisonings: [] });
  });

  it('reads layout 1: categories, and the digests at the end', async () => {
    const content = await read(
      FILE,
      `[[package]]\nname = "Django"\nversion = "4.2"\ncategory = "main"\noptional = true\n\n[package.dependencies]\nsqlparse = ">=0.3"\n\n[[package]]\nname = "black"\nversion = "23.1.0"\ncategory = "dev"\noptional = false\n\n[extras]\nweb = ["Django"]\n\n[metadata]\nlock-version = "1.1"\ncontent-hash = "0123"\n\n[metadata.files]\nblack = []\ndjango = [\n    {file = "x", hash = "y"},\n]\n`,
    );
    expect(content.packages).toMatchObject([
      { name: 'Django', isDevelopment: false, isOptional: true },
      { name: 'black', isDevelopment: true, isOptional: false },
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('reads files of Poetry before 1.0, which name no layout', async () => {
    const content = await read(
      FILE,
      '[[package]]\ncategory = "main"\nname = "six"\noptional = false\nplatform = "*"\nversion = "1.11.0"\n\n[metadata]\ncontent-hash = "0"\nplatform = "*"\n\n[metadata.hashes]\nsix = ["00"]\n',
    );
    expect(packagesOf(content)).toEqual(['six@1.11.0']);
    expect(content.warnings).toEqual([]);
  });

  it('names the host of an index of our own, and takes no credentials for it', async () => {
    const content = await read(
      FILE,
      `${entry('inner', '1.0', source('legacy', 'https://me:secret@Pypi.Internal.example:8443/simple', 'reference = "inner"\n'))}${END}`,
    );
    expect(content.packages).toMatchObject([{ name: 'inner', version: '1.0', registryHosts: ['pypi.internal.example:8443'] }]);
    expect(JSON.stringify(content)).not.toContain('secret');
  });

  it('reports an index without TLS', async () => {
    const content = await read(FILE, `${entry('inner', '1.0', source('legacy', 'http://pypi.internal.example/simple'))}${END}`);
    expect(poisoningsOf(content)).toEqual(['plain-http inner@1.0']);
  });

  it('keeps folders and files for our own, and makes gaps of repositories, addresses and what it does not know', async () => {
    const content = await read(
      FILE,
      [
        entry('folder', '1.0', source('directory', 'libs/folder')),
        entry('file', '1.0', source('file', 'vendor/file-1.0.tar.gz')),
        entry('fork', '1.0', source('git', 'https://git.example/fork.git', 'reference = "main"\nresolved_reference = "0123456"\n')),
        entry('address', '1.0', source('url', 'https://files.example/address-1.0.zip')),
        entry('odd', '1.0', source('ftp', 'ftp://files.example')),
        entry('odder', '1.0', 'source = "git"\n'),
        END,
      ].join(''),
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual(['folder libs/folder', 'file vendor/file-1.0.tar.gz']);
    expect(gapsOf(content)).toEqual([
      'unsupported fork https://git.example/fork.git#0123456',
      'unsupported address https://files.example/address-1.0.zip',
      'unresolved odd 1.0',
      'unresolved odder 1.0',
    ]);
  });

  it('makes gaps of entries without a legal name or version', async () => {
    const content = await read(
      FILE,
      `[[package]]\nname = "a"\n\n[[package]]\nversion = "1"\n\n[[package]]\nname = "../b"\nversion = "1"\n\n[[package]]\nname = "c"\nversion = "*"\n\n[[package]]\nname = "d"\nversion = 1.0\n\n[[package]]\nname = "__proto__"\nversion = "1.0"\n\n${END}`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved a',
      'unresolved 1',
      'unresolved ../b 1',
      'unresolved c *',
      'unresolved d 1',
      'unresolved __proto__ 1.0',
    ]);
  });

  it('takes spellings of one name for one package', async () => {
    const content = await read(FILE, `${entry('Zope.Interface', '6.1')}${entry('zope-interface', '6.1')}${END}`);
    expect(packagesOf(content)).toEqual(['Zope.Interface@6.1']);
  });

  it('warns of what may be a known key, misspelt, and of a file that may be cut off', async () => {
    const content = await read(FILE, entry('fork', '1.0', '\n[package.sauce]\ntype = "git"\n'));
    expect(content.warnings).toEqual([
      'the entry of fork has "sauce", which is not known and not read',
      'it has no [metadata], which ends every file that Poetry writes: it may be cut off',
    ]);
    const lost = await read(FILE, `${entry('a', '1')}[metadata]\nlock-version = "1.1"\n\n[metadata.files]\na = []\nb-c = []\n`);
    expect(lost.warnings).toEqual(['b-c has digests in [metadata], but no [[package]]']);
  });

  it('accepts a project without dependencies', async () => {
    expect(await read(FILE, `package = []\n\n${END}`)).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /neither \[metadata\] nor/],
    ['cut off', '[[package]]\nname = "a', /not valid TOML \(line 2/],
    ['a layout to come', '[metadata]\nlock-version = "3.0"\n', /version 3.0 is not known/],
    ['a layout that is none', '[metadata]\nlock-version = 2\n', /version 2 is not known/],
    ['another kind of file', `${END}[[packages]]\nname = "a"\n`, /it has a "packages"/],
    ['of the wrong type', 'package = 1\n', /"package" is no array of tables/],
    ['a list of anything', 'package = [1]\n', /"package" is no array of tables/],
    ['a merge conflict', '<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?$/), fc.constantFrom('constructor', 'valueof'));
    const version = fc.stringMatching(/^(\d!)?\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?(\+[a-z]{1,4})?$/);
    const kind = fc.constantFrom('', source('legacy', 'https://pypi.example/simple'), source('directory', 'x'));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, version, kind), { selector: ([n, v]) => `${n}@${v}`, maxLength: 15 }),
        async (entries) => {
          const content = await read(FILE, `${entries.map(([n, v, more]) => entry(n, v, more)).join('')}${END}`);
          const wanted = entries.filter(([, , more]) => !more.includes('directory')).map(([n, v]) => `${n}@${v}`);
          expect(packagesOf(content).sort()).toEqual(wanted.sort());
          expect(content).toMatchObject({ gaps: [], warnings: [] });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `${entry('asgi', '3.8.1', 'groups = ["main"]\n')}${entry('requests', '2.25.1', source('legacy', 'https://pypi.example/simple'))}${entry('poetry-core', '1.9.0', source('git', 'https://git.example/poetry-core.git', 'resolved_reference = "0123456"\n'))}${END}`,
    );
  });
});
