import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../../../shared/manifests/registry.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'uv.lock';
const HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n\n';
const PYPI = '{ registry = "https://pypi.example/simple" }';

function entry(name: string, version: string, source = PYPI, more = ''): string {
  const file = `https://files.example/packages/${name.replaceAll('-', '_')}-${version}`;
  const files =
    source === PYPI
      ? `sdist = { url = "${file}.tar.gz", hash = "sha256:01", size = 1 }\nwheels = [\n    { url = "${file}-py3-none-any.whl", hash = "sha256:02", size = 1, upload-time = "2026-01-01T00:00:00Z" },\n]\n`
      : '';
  return `[[package]]\nname = "${name}"\nversion = "${version}"\nsource = ${source}\n${more}${files}\n`;
}

function list(...names: string[]): string {
  return `[\n${names.map((name) => `    { name = "${name}" },\n`).join('')}]\n`;
}

describe('uv.lock', () => {
  it.each([
    ['a/uv.lock', 'uv'],
    ['scripts/clean.py.lock', 'uv'],
    ['.py.lock', undefined],
    ['py.lock', undefined],
  ])('reads %s as %s', (path, format) => {
    expect(formatOf(path)?.name).toBe(format);
  });

  it('lists packages of registries and every version of a name, with the hosts of index and files', async () => {
    const content = await read(FILE, `${HEAD}${entry('click', '7.1.2')}${entry('click', '8.1.0')}${entry('a-b', '1.0')}`);
    expect(content.packages).toEqual([
      { ecosystem: 'PYPI', name: 'a-b', version: '1.0', line: 23, registryHosts: ['pypi.example', 'files.example'] },
      { ecosystem: 'PYPI', name: 'click', version: '7.1.2', line: 5, registryHosts: ['pypi.example', 'files.example'] },
      { ecosystem: 'PYPI', name: 'click', version: '8.1.0', line: 14, registryHosts: ['pypi.example', 'files.example'] },
    ]);
    expect(content).toMatchObject({ gaps: [], locals: [], warnings: [], poisonings: [] });
  });

  it('tells from several roots what is direct, optional and for development', async () => {
    const content = await read(
      FILE,
      [
        HEAD,
        entry('root', '0.1', '{ virtual = "." }', `dependencies = ${list('direct', 'member')}`),
        `[package.optional-dependencies]\nextra = ${list('optional', 'direct')}\n[package.dev-dependencies]\ndev = ${list('tool')}lint = ${list('tool', 'direct')}\n`,
        entry('member', '0.1', '{ editable = "libs/member" }', `dependencies = ${list('click')}`),
        entry('click', '8.1.0'),
        entry('direct', '1.0', PYPI, `dependencies = ${list('deep')}`),
        entry('deep', '1.0'),
        entry('optional', '1.0', PYPI, `dependencies = ${list('deep', 'deeper')}`),
        entry('deeper', '1.0'),
        entry('tool', '1.0', PYPI, `dependencies = ${list('helper', 'deeper')}`),
        entry('helper', '1.0'),
        entry('stray', '1.0'),
      ].join(''),
    );
    const uses = content.packages.map(({ name, relationship, isDevelopment, isOptional, groups }) =>
      [name, relationship, isDevelopment && 'development', isOptional && 'optional', groups?.join('+')].filter(Boolean).join(' '),
    );
    expect(uses).toEqual([
      'click direct',
      'deep transitive',
      'deeper transitive optional',
      'direct direct extra+lint',
      'helper transitive development',
      'optional direct optional extra',
      'stray transitive',
      'tool direct development dev+lint',
    ]);
    expect(localsOf(content)).toEqual(['root .', 'member libs/member']);
    expect(content.gaps).toEqual([]);
  });

  it('keeps what lies in the repository for our own, and makes gaps of repositories, addresses and what it does not know', async () => {
    const content = await read(
      FILE,
      [
        HEAD,
        entry('virtual', '0.1', '{ virtual = "." }'),
        entry('editable', '0.1', '{ editable = "libs/a" }'),
        entry('directory', '0.1', '{ directory = "libs/b" }'),
        entry('path', '0.1', '{ path = "vendor/path-0.1.tar.gz" }'),
        entry('fork', '1.0', '{ git = "https://git.example/fork?rev=main#0123" }'),
        entry('address', '1.0', '{ url = "https://files.example/address-1.0.zip", subdirectory = "x" }'),
        entry('odd', '1.0', '{ ftp = "ftp://files.example" }'),
        entry('odder', '1.0', '{ registry = 1 }'),
        '[[package]]\nname = "dynamic"\nsource = { editable = "libs/dynamic" }\n\n[[package]]\nname = "sourceless"\nversion = "1.0"\n',
      ].join(''),
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual([
      'virtual .',
      'editable libs/a',
      'directory libs/b',
      'path vendor/path-0.1.tar.gz',
      'dynamic libs/dynamic',
    ]);
    expect(gapsOf(content)).toEqual([
      'unsupported fork https://git.example/fork?rev=main#0123',
      'unsupported address https://files.example/address-1.0.zip',
      'unresolved odd 1.0',
      'unresolved odder 1.0',
      'unresolved sourceless 1.0',
    ]);
  });

  it('reads the first layouts of uv: another name for packages, sources as text', async () => {
    const content = await read(
      FILE,
      'version = 1\nrequires-python = ">=3.12"\n\n[[distribution]]\nname = "anyio"\nversion = "4.3.0"\nsource = "registry+https://pypi.example/simple"\nsdist = { url = "https://files.example/anyio-4.3.0.tar.gz", hash = "sha256:01", size = 1 }\n\n[[distribution.dependencies]]\nname = "idna"\n\n[[distribution.wheel]]\nurl = "https://files.example/evil-4.3.0-py3-none-any.whl"\n\n[[distribution]]\nname = "idna"\nversion = "3.6"\nsource = { registry = "https://pypi.example/simple" }\nsdist = { url = "https://files.example/idna-3.6.tar.gz", hash = "sha256:01", size = 1 }\n\n[[distribution]]\nname = "me"\nversion = "0.1"\nsource = "editable+file:///me"\n\n[[distribution]]\nname = "fork"\nversion = "0.1"\nsource = "git+https://git.example/fork"\n',
    );
    expect(packagesOf(content)).toEqual(['anyio@4.3.0', 'idna@3.6']);
    expect(localsOf(content)).toEqual(['me file:///me']);
    expect(gapsOf(content)).toEqual(['unsupported fork https://git.example/fork']);
    expect(poisoningsOf(content)).toEqual(['other-package anyio@4.3.0']);
  });

  it('reads the lock of a script: what it asks for stands in the manifest', async () => {
    const script = `${HEAD}[manifest]\nrequirements = [\n    { name = "a", specifier = ">=1" },\n    { name = "gone" },\n    { name = "windows-only", marker = "sys_platform == 'win32'" },\n]\n\n${entry('a', '1.0', PYPI, `dependencies = ${list('b')}`)}${entry('b', '1.0')}`;
    const content = await read('clean.py.lock', script);
    expect(content.packages.map(({ name, relationship }) => `${name} ${relationship}`)).toEqual(['a direct', 'b transitive']);
    expect(gapsOf(content)).toEqual(['unresolved gone']);
  });

  it('notices a file that was cut between two packages, by what the rest depends on', async () => {
    const content = await read(FILE, `${HEAD}${entry('a', '1.0', PYPI, `dependencies = ${list('b')}`)}`);
    expect(packagesOf(content)).toEqual(['a@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved b']);
  });

  it('reports files of another package or version, and those without TLS', async () => {
    const other = entry('other', '1.0').replace('other-1.0-py3', 'evil-1.0-py3');
    const older = entry('older', '1.0').replace('older-1.0.tar', 'older-0.9.tar');
    const open = entry('open', '1.0').replace('https://files', 'http://files');
    const content = await read(FILE, `${HEAD}${other}${older}${open}`);
    expect(poisoningsOf(content)).toEqual(['other-package other@1.0', 'other-version older@1.0', 'plain-http open@1.0']);
  });

  it('reports files of a host that hardly any other entry uses', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const moved = entry('moved', '1.0').replaceAll('files.example', 'files.evil.example');
    const content = await read(FILE, `${HEAD}${names.map((name) => entry(name, '1.0')).join('')}${moved}`);
    expect(poisoningsOf(content)).toEqual(['unusual-host moved@1.0']);
  });

  it('lists packages of a folder of wheels: which of them are our own, the file cannot tell', async () => {
    const content = await read(FILE, `${HEAD}${entry('a', '1.0', '{ registry = "../wheels" }')}`);
    expect(content).toMatchObject({ packages: [{ name: 'a', version: '1.0' }], registries: [] });
  });

  it('accepts a workspace without members', async () => {
    expect(await read(FILE, HEAD)).toMatchObject({ packages: [], gaps: [], locals: [] });
  });

  it.each([
    ['empty', '', /it has no "version"/],
    ['cut off', `${HEAD}[[package]]\nname = "a`, /not valid TOML \(line 6/],
    ['a layout to come', 'version = 2\n', /version 2 is not known; 1 is/],
    ['another kind of file', `${HEAD}[[packages]]\nname = "a"\n`, /it has a "packages"/],
    ['of two layouts', `${HEAD}${entry('a', '1')}${entry('a', '1').replaceAll('package', 'distribution')}`, /both a "package" and/],
    ['a merge conflict', '<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('refuses more hosts than any lock file has', async () => {
    const wheels = Array.from({ length: 501 }, (_, index) => `    { url = "https://h${index}.example/a-1.0-py3-none-any.whl" },\n`);
    const text = `${HEAD}[[package]]\nname = "a"\nversion = "1.0"\nsource = ${PYPI}\nwheels = [\n${wheels.join('')}]\n`;
    expect(await reasonOf(FILE, text)).toBe('more than 500 hosts of registries, which no lock file has');
  });

  it('ends soon on names that everything depends on', async () => {
    const dependencies = list(...Array.from({ length: 200 }, () => 'same'));
    const entries = Array.from({ length: 300 }, (_, index) =>
      entry('same', `${index}`, '{ registry = "x" }', `dependencies = ${dependencies}`),
    );
    const root = entry('root', '1', '{ virtual = "." }', `dependencies = ${list('same')}`);
    expect((await read(FILE, `${HEAD}${root}${entries.join('')}`)).packages).toHaveLength(300);
  });

  it('reads back what was written', async () => {
    const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?$/), fc.constantFrom('constructor', 'valueof'));
    const version = fc.stringMatching(/^\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?(\+[a-z]{1,4})?$/);
    const kind = fc.constantFrom(PYPI, PYPI, '{ editable = "x" }', '{ git = "https://git.example/x#0" }');
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, version, kind), { selector: ([n, v]) => `${n}@${v}`, maxLength: 15 }),
        async (entries) => {
          const content = await read(FILE, `${HEAD}${entries.map(([n, v, source]) => entry(n, v, source)).join('')}`);
          const wanted = entries.filter(([, , source]) => source === PYPI).map(([n, v]) => `${n}@${v}`);
          expect(packagesOf(content).sort()).toEqual(wanted.sort());
          expect(content).toMatchObject({ warnings: [], poisonings: [] });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `${HEAD}${entry('project', '0.1', '{ virtual = "." }', `dependencies = ${list('anyio', 'ruff')}`)}${entry('anyio', '4.6.2', PYPI, `dependencies = ${list('idna')}`)}${entry('idna', '3.10')}${entry('ruff', '0.8.1', '{ git = "https://git.example/ruff#0123" }')}`,
    );
  });
});
