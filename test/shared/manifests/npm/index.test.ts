import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'package-lock.json';
const REGISTRY = 'https://registry.npm.example';

function lock(packages: Readonly<Record<string, unknown>>, more: object = {}): string {
  return JSON.stringify({ name: 'app', lockfileVersion: 3, ...more, packages });
}

function tarball(name: string, version: string, registry = REGISTRY): string {
  return `${registry}/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
}

describe('npm, layouts 2 and 3', () => {
  it('takes the name from the folder, and an alias from "name"', async () => {
    const content = await read(
      FILE,
      lock({
        '': { name: 'app' },
        'node_modules/@scope/a': { version: '1.0.0', resolved: tarball('@scope/a', '1.0.0') },
        'node_modules/pad': { name: 'left-pad', version: '1.3.0', resolved: tarball('left-pad', '1.3.0') },
        'node_modules/pad/node_modules/ms': { version: '2.1.3', resolved: tarball('ms', '2.1.3') },
      }),
    );
    expect(packagesOf(content)).toEqual(['@scope/a@1.0.0', 'left-pad@1.3.0', 'ms@2.1.3']);
    expect(content.warnings).toEqual([]);
  });

  it('counts bundled packages without address or integrity, also under an alias', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/a': { version: '1.0.0', inBundle: true },
        'node_modules/b-cjs': { name: 'b', version: '4.2.3', inBundle: true },
      }),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@4.2.3']);
  });

  it('lists the project, workspaces, links and archives as local, and reads what lies below them', async () => {
    const content = await read(
      FILE,
      lock({
        '': { name: 'app', workspaces: ['libs/*'], dependencies: { lib: '*' } },
        'libs/lib': { dependencies: { ms: '^2' } },
        'node_modules/lib': { resolved: 'libs/lib', link: true },
        'libs/lib/node_modules/ms': { version: '2.0.0' },
        'node_modules/packed': { version: '1.0.0', resolved: 'file:vendor/packed-1.0.0.tgz' },
      }),
    );
    expect(packagesOf(content)).toEqual(['ms@2.0.0']);
    expect(localsOf(content)).toEqual(['app .', 'lib libs/lib', 'packed file:vendor/packed-1.0.0.tgz']);
    expect(content.gaps).toEqual([]);
  });

  it('tells direct from transitive, development and optional ones, hosts and digests', async () => {
    const content = await read(
      FILE,
      lock({
        '': { dependencies: { a: '^1' }, devDependencies: { c: '^1' } },
        'libs/lib': { optionalDependencies: { b: '^1' } },
        'node_modules/lib': { link: true, resolved: 'libs/lib' },
        'node_modules/a': { version: '1.0.0', resolved: tarball('a', '1.0.0'), integrity: 'sha1-AA== sha512-BB== sha256-CC==' },
        'node_modules/a/node_modules/b': { version: '2.0.0' },
        'libs/lib/node_modules/b': { version: '1.0.0', optional: true, integrity: 'no digest' },
        'node_modules/c': { version: '1.0.0', dev: true, resolved: tarball('c', '1.0.0', 'https://NPM.other.example:8443/x') },
      }),
    );
    expect(content.packages).toEqual([
      {
        ...{ ecosystem: 'NPM', name: 'a', version: '1.0.0', relationship: 'direct', isDevelopment: false, isOptional: false },
        ...{ integrity: 'sha512-BB==', registryHosts: ['registry.npm.example'] },
      },
      { ecosystem: 'NPM', name: 'b', version: '1.0.0', relationship: 'direct', isDevelopment: false, isOptional: true },
      { ecosystem: 'NPM', name: 'b', version: '2.0.0', relationship: 'transitive', isDevelopment: false, isOptional: false },
      {
        ...{ ecosystem: 'NPM', name: 'c', version: '1.0.0', relationship: 'direct', isDevelopment: true, isOptional: false },
        registryHosts: ['npm.other.example:8443'],
      },
    ]);
  });

  it('takes addresses of mirrors and of GitHub for those of a registry, a release for none', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/ms': { version: '2.1.3', resolved: 'https://registry.npm.example/ms/download/ms-2.1.3.tgz?cache=0' },
        'node_modules/@s/a': { version: '1.0.0', resolved: 'https://registry.npm.example/@s/a/download/@s/a-1.0.0.tgz' },
        'node_modules/@o/b': { version: '1.0.0', resolved: 'https://npm.forge.example/download/@o/b/1.0.0/0123abc' },
        'node_modules/c': { version: '1.0.0', resolved: 'https://forge.example/o/c/releases/download/v1.0.0/c-1.0.0.tgz' },
        'node_modules/@o/d': { version: '1.0.0', resolved: 'https://npm.forge.example/download/@o/other/1.0.0/0123abc' },
      }),
    );
    expect(packagesOf(content)).toEqual(['@o/b@1.0.0', '@o/d@1.0.0', '@o/other@1.0.0', '@s/a@1.0.0', 'ms@2.1.3']);
    expect(gapsOf(content)).toEqual(['unsupported c https://forge.example/o/c/releases/download/v1.0.0/c-1.0.0.tgz']);
    expect(poisoningsOf(content)).toEqual(['other-package @o/d@1.0.0']);
  });

  it('makes a gap of what is fetched into a folder of our own', async () => {
    const content = await read(
      FILE,
      lock({ 'mode_modules/ms': { version: '2.1.3', resolved: tarball('ms', '2.1.3') }, 'libs/x': { version: '1.0.0' } }),
    );
    expect(packagesOf(content)).toEqual([]);
    expect(gapsOf(content)).toEqual(['unresolved mode_modules/ms 2.1.3']);
    expect(localsOf(content)).toEqual(['x libs/x']);
  });

  it('says when a section has no name that npm writes', async () => {
    const content = await read(
      FILE,
      JSON.stringify({ lockfileVersion: 1, dependenciez: { ms: { version: '2.1.3' } }, packageManager: 'npm' }),
    );
    expect(content.packages).toEqual([]);
    expect(content.warnings).toEqual(['"dependenciez" is no section that npm writes; what stands in it was not read']);
  });

  it('leaves a package-lock.json to the npm-shrinkwrap.json beside it, as npm does', async () => {
    const text = lock({ 'node_modules/ms': { version: '2.1.3' } });
    const beside = await read('app/package-lock.json', text, { 'app/npm-shrinkwrap.json': '{}' });
    expect(beside).toMatchObject({ packages: [], gaps: [], locals: [] });
    expect(beside.warnings).toEqual(['not read: npm takes npm-shrinkwrap.json, which stands beside it, and ignores this file']);
    expect(packagesOf(await read('app/package-lock.json', text, { 'npm-shrinkwrap.json': '{}' }))).toEqual(['ms@2.1.3']);
    expect(packagesOf(await read('app/npm-shrinkwrap.json', text, { 'app/package-lock.json': '{}' }))).toEqual(['ms@2.1.3']);
  });

  it('makes gaps of git, of addresses without "/-/" and of links that lead out', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/ms': { version: '2.1.3', resolved: 'git+ssh://git@git.example/ms.git#1c6264b' },
        'node_modules/zip': { version: '1.0.0', resolved: 'https://user:hunter2@files.example/zip.tgz' },
        'node_modules/far': { link: true, resolved: 'https://files.example/far' },
        'node_modules/odd': { version: '1.0.0', resolved: 'next' },
      }),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported ms git+ssh://git@git.example/ms.git#1c6264b',
      'unsupported zip https://***@files.example/zip.tgz',
      'unsupported far https://files.example/far',
      'unresolved odd next',
    ]);
  });

  it('says what the project or a workspace declares and the lock file does not resolve', async () => {
    const content = await read(
      FILE,
      lock({
        '': {
          dependencies: { ms: '^2', gone: '^1', maybe: '*' },
          devDependencies: { lost: '~3' },
          optionalDependencies: { maybe: '*' },
          peerDependencies: { peer: '*' },
        },
        'packages/a': { dependencies: { ms: '^2', absent: '1' }, devDependencies: { unused: '1' } },
        'node_modules/ms': { version: '2.1.3' },
      }),
    );
    expect(gapsOf(content)).toEqual(['unresolved gone ^1', 'unresolved lost ~3', 'unresolved absent 1']);
  });

  it('tells the layout by "packages", not by lockfileVersion', async () => {
    const nested = { lockfileVersion: 2, dependencies: { ms: { version: '2.1.3' } } };
    expect(packagesOf(await read(FILE, JSON.stringify(nested)))).toEqual(['ms@2.1.3']);
    expect(packagesOf(await read(FILE, lock({}, { ...nested })))).toEqual(['ms@2.1.3']);
    expect(packagesOf(await read(FILE, lock({ 'node_modules/ms': { version: '2.0.0' } }, { ...nested, lockfileVersion: 1 })))).toEqual([
      'ms@2.0.0',
    ]);
  });

  it('reports entries of the wrong type and keeps the rest', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/a': null,
        'node_modules/b': [],
        'node_modules/c': { version: 1 },
        'node_modules/d': { version: '1.0.0', resolved: 7 },
        'node_modules/e': {},
        'node_modules/ms': { version: '2.1.3' },
      }),
    );
    expect(packagesOf(content)).toEqual(['ms@2.1.3']);
    expect(gapsOf(content)).toEqual(['unresolved a', 'unresolved b', 'unresolved c 1', 'unresolved d 7', 'unresolved e']);
  });

  it('makes gaps of names that no registry can hold, without a control character', async () => {
    const names = ['__proto__', '..', '../../etc/passwd', '@scope/../x', '@a/.b', 'a b', 'a\\..\\b', '.bin', '\u001b[31mred', 'x\u202ey'];
    const text = `{"packages":{${names.map((name) => `${JSON.stringify(`node_modules/${name}`)}:{"version":"1.0.0"}`).join(',')},"node_modules/constructor":{"version":"1.0.0"}}}`;
    const content = await read(FILE, text);
    expect(packagesOf(content)).toEqual(['constructor@1.0.0']);
    expect(content.gaps).toHaveLength(names.length);
    expect(content.gaps.map(({ name }) => name).slice(-2)).toEqual(['\\u001b[31mred', 'x\\u202ey']);
  });

  it('accepts a project without dependencies', async () => {
    expect(await read(FILE, lock({ '': { name: 'app' } }))).toMatchObject({ status: 'read', packages: [], gaps: [], warnings: [] });
    expect(await read(FILE, '{"lockfileVersion":1}')).toMatchObject({ packages: [], gaps: [] });
  });

  it('reads a byte order mark and Windows line ends', async () => {
    expect(packagesOf(await read(FILE, `\ufeff${lock({ 'node_modules/ms': { version: '2.1.3' } }).replaceAll(',', ',\r\n')}`))).toEqual([
      'ms@2.1.3',
    ]);
  });
});

describe('npm, layout 1', () => {
  it('walks dependencies of dependencies, with aliases, bundles and folders', async () => {
    const content = await read(
      'npm-shrinkwrap.json',
      JSON.stringify({
        lockfileVersion: 1,
        dependencies: {
          a: {
            version: '1.0.0',
            resolved: tarball('a', '1.0.0'),
            dependencies: { b: { version: '2.0.0', bundled: true, resolved: false } },
          },
          pad: { version: 'npm:left-pad@1.3.0', bundled: true },
          scoped: { version: 'npm:@scope/real@2.0.0' },
          folder: { version: 'file:libs/folder' },
        },
      }),
    );
    expect(packagesOf(content)).toEqual(['@scope/real@2.0.0', 'a@1.0.0', 'b@2.0.0', 'left-pad@1.3.0']);
    expect(content.gaps).toEqual([]);
  });

  it('reads a shrinkwrap of old, without lockfileVersion', async () => {
    expect(packagesOf(await read('npm-shrinkwrap.json', '{"dependencies":{"ms":{"version":"2.1.3","from":"ms@^2"}}}'))).toEqual([
      'ms@2.1.3',
    ]);
  });

  it('says which optional package has no version, and which come from elsewhere', async () => {
    const content = await read(
      FILE,
      JSON.stringify({
        lockfileVersion: 1,
        dependencies: {
          absent: { optional: true },
          git: { version: 'github:owner/git#0123456' },
          web: { version: 'https://files.example/web.tgz' },
          odd: { version: 'a b:c' },
          nested: { version: '1.0.0', dependencies: [] },
        },
      }),
    );
    expect(packagesOf(content)).toEqual(['nested@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved absent',
      'unsupported git github:owner/git#0123456',
      'unsupported web https://files.example/web.tgz',
      'unresolved odd a b:c',
      'unresolved nested',
    ]);
  });

  it('walks 100,000 levels without overflowing the stack', async () => {
    const depth = 100_000;
    const text = `${'{"dependencies":{"a":{"version":"1.0.0"}, "b":'.repeat(depth)}{}${'}}'.repeat(depth)}`;
    expect(packagesOf(await read(FILE, text))).toEqual(['a@1.0.0']);
  });
});

describe('npm, what an address reveals', () => {
  it('tells poisoning by another package or version, and lists what is fetched too', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/lodash': { version: '4.17.21', resolved: tarball('flatmap-stream', '0.1.1') },
        'node_modules/ms': { version: '2.1.3', resolved: tarball('ms', '2.1.2') },
        'node_modules/@s/ok': { version: '1.0.0', resolved: `${REGISTRY}/@s%2fok/-/ok-1.0.0.tgz?cache=0` },
        'node_modules/built': { version: '1.0.0+build.1', resolved: tarball('built', '1.0.0') },
      }),
    );
    expect(packagesOf(content)).toEqual([
      '@s/ok@1.0.0',
      'built@1.0.0+build.1',
      'flatmap-stream@0.1.1',
      'lodash@4.17.21',
      'ms@2.1.2',
      'ms@2.1.3',
    ]);
    expect(content.poisonings.map(({ rule, detail }) => `${rule}: ${detail}`)).toEqual([
      'other-package: lodash@4.17.21 is fetched as flatmap-stream@0.1.1',
      'other-version: ms@2.1.3 is fetched as ms@2.1.2',
    ]);
    expect(content.warnings).toEqual([]);
  });

  it.each([
    ['a scope before the name', `${REGISTRY}/@evil/ms/-/ms-2.1.3.tgz`, 'other-package ms@2.1.3'],
    ['the name behind a question mark', `${REGISTRY}/evil/-/evil-1.0.0.tgz?/ms/-/ms-2.1.3.tgz`, 'other-package ms@2.1.3'],
    ['the name behind a hash sign', `${REGISTRY}/evil/-/evil-1.0.0.tgz#/ms/-/ms-2.1.3.tgz`, 'other-package ms@2.1.3'],
    ['a longer name', `${REGISTRY}/evil-ms/-/ms-2.1.3.tgz`, 'other-package ms@2.1.3'],
    ['a longer version', `${REGISTRY}/ms/-/ms-2.1.3.tgz.tgz`, 'other-version ms@2.1.3'],
  ])('sees %s in an address after usual ones', async (_what, resolved, sign) => {
    const usual = Object.fromEntries(
      ['a', 'b', '@s/c'].map((name) => [`node_modules/${name}`, { version: '1.0.0', resolved: tarball(name, '1.0.0') }]),
    );
    const content = await read(FILE, lock({ ...usual, 'node_modules/ms': { version: '2.1.3', resolved } }));
    expect(poisoningsOf(content)).toEqual([sign]);
  });

  it('tells a package that is installed under the name of another one, unless asked for as an alias', async () => {
    const content = await read(
      FILE,
      lock({
        '': { dependencies: { lodash: '^4.17.21', pad: 'npm:left-pad@^1' } },
        'node_modules/lodash': { name: 'evil', version: '1.0.0' },
        'node_modules/pad': { name: 'left-pad', version: '1.3.0' },
      }),
    );
    expect(content.poisonings.map(({ rule, detail }) => `${rule}: ${detail}`)).toEqual([
      'other-package: lodash@^4.17.21 is asked for, but evil@1.0.0 is installed',
    ]);
  });

  it('believes no host that is written so that others read another one', async () => {
    const resolved = 'https://evil.example\\@registry.npm.example/ms/-/ms-2.1.3.tgz';
    const content = await read(FILE, lock({ 'node_modules/ms': { version: '2.1.3', resolved } }));
    expect(content.registries).toEqual([]);
    expect(content.gaps).toHaveLength(1);
  });

  it('tells plain HTTP, the hosts, and a digest that differs between two entries', async () => {
    const content = await read(
      FILE,
      lock({
        'node_modules/a': { version: '1.0.0', resolved: tarball('a', '1.0.0'), integrity: 'sha512-AA==' },
        'node_modules/b': { version: '1.0.0', resolved: tarball('b', '1.0.0') },
        'node_modules/b/node_modules/a': { version: '1.0.0', resolved: tarball('a', '1.0.0'), integrity: 'sha512-BB==' },
        'node_modules/c': { version: '1.0.0', resolved: tarball('c', '1.0.0', 'http://registry.other.example') },
      }),
    );
    expect(poisoningsOf(content)).toEqual(['plain-http c@1.0.0', 'changed-integrity a@1.0.0', 'unusual-host c@1.0.0']);
    expect(content.registries).toEqual([
      { ecosystem: 'NPM', host: 'registry.npm.example', entryCount: 3 },
      { ecosystem: 'NPM', host: 'registry.other.example', entryCount: 1 },
    ]);
  });
});

describe('npm, damage', () => {
  const entry = (name: string, version: string, more: object = {}): object => ({ version, resolved: tarball(name, version), ...more });

  it('loses no package of layout 3 in silence', async () => {
    const text = lock({
      '': { name: 'app', dependencies: { kappa: '^1', '@mu/nu': '^2' } },
      'libs/xi': { version: '9.9.9' },
      'node_modules/@mu/nu': entry('@mu/nu', '2.3.4'),
      'node_modules/kappa': entry('kappa', '1.2.3', { integrity: 'sha512-AA==' }),
      'node_modules/kappa/node_modules/omicron': entry('omicron', '5.6.7', { dev: true }),
      'node_modules/rho': { name: 'sigma', ...entry('sigma', '8.9.1') },
      'node_modules/xi': { resolved: 'libs/xi', link: true },
    });
    await expectNoSilentLoss(FILE, text);
  });

  it('loses no package of layout 1 in silence', async () => {
    const text = JSON.stringify({
      lockfileVersion: 1,
      requires: true,
      dependencies: {
        kappa: { ...entry('kappa', '1.2.3'), dependencies: { omicron: entry('omicron', '5.6.7') } },
        rho: { version: 'npm:sigma@8.9.1', resolved: tarball('sigma', '8.9.1') },
        tau: { version: '3.2.1', bundled: true },
      },
    });
    await expectNoSilentLoss(FILE, text);
  });
});

describe('npm, what is no lock file', () => {
  it.each([
    ['cut off', '{"packages":{"node_modules/ms":{"version":"2.1', /^not valid JSON/],
    ['a merge conflict', '{\n<<<<<<< HEAD\n"a":1\n=======\n"a":2\n>>>>>>> topic\n}', /unfinished merge/],
    ['another document', '{"name":"app"}', /neither "packages" nor "dependencies"/],
    ['a list', '[]', /not a JSON object/],
    ['empty', '', /^not valid JSON/],
    ['a layout to come', '{"lockfileVersion":99,"packages":{}}', /lockfileVersion 99 is not known/],
    ['packages of another type', '{"lockfileVersion":3,"packages":[]}', /"packages" is not an object/],
    ['dependencies of another type', '{"lockfileVersion":1,"dependencies":"none"}', /"dependencies" is not an object/],
    [
      'declares without end',
      `{"packages":{${Array.from({ length: 30 }, (_, index) => `"${'a/'.repeat(30)}${index}":{"dependencies":{${Array.from({ length: 2_500 }, (_, name) => `"d${name}":""`).join(',')}},"optionalDependencies":{${Array.from({ length: 2_500 }, (_, name) => `"d${name}":""`).join(',')}}}`).join(',')}}}`,
      /declare more than any project does/,
    ],
    ['more values than fit', `{"packages":[${'1,'.repeat(1_200_000)}1]}`, /more than 750000 values/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });
});
