import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'pnpm-lock.yaml';

describe('pnpm', () => {
  it('reads keys of layout 5: peers behind "_", hosts, scopes, local folders, git', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: 5.4
packages:
  /ms/2.1.3:
    resolution: {integrity: sha512-x==}
  /@scope/a/1.0.0_peer@2.0.0:
    resolution: {integrity: sha512-x==}
  /b/1.0.0_fzn43tb6bdtdxy2s3aqevve2su:
    dev: true
  /old/1.0.0/peer@2.0.0:
    dev: true
  registry.npm.example/c/1.0.0:
    dev: true
  localhost+4873/@scope/d/1.0.0:
    dev: true
  file:../folder:
    resolution: {directory: ../folder, type: directory}
    name: folder
    version: 1.0.0
  git.example/owner/repository/0123456:
    resolution: {commit: 0123456, repo: git@git.example:owner/repository.git, type: git}
    name: '@scope/of-git'
    version: 3.0.0
  '@files.example/e.tgz':
    resolution: {tarball: https://files.example/e.tgz}
    name: e
    version: 1.0.0
  /foo/bar:
    dev: true
`,
    );
    expect(packagesOf(content)).toEqual(['@scope/a@1.0.0', '@scope/d@1.0.0', 'b@1.0.0', 'c@1.0.0', 'ms@2.1.3', 'old@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unsupported @scope/of-git git@git.example:owner/repository.git',
      'unsupported e https://files.example/e.tgz',
      'unresolved foo /foo/bar',
    ]);
  });

  it('cuts the peers of layout 6 before anything is split, and patches with them', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: '6.0'
packages:
  /x@1.0.0(@babel/core@7.24.7)(react@18.2.0):
    dev: true
  /@scope/y@2.0.0(@babel/core@7.24.7(supports-color@5.0.0)):
    dev: true
  /acorn@8.11.3(patch_hash=updblechagntmruccl446lr76a):
    patched: true
  registry.npm.example/z@1.0.0:
    dev: true
`,
    );
    expect(packagesOf(content)).toEqual(['@scope/y@2.0.0', 'acorn@8.11.3', 'x@1.0.0', 'z@1.0.0']);
  });

  it('shows an alias under its real name and finds it declared', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      pad:
        specifier: npm:left-pad@1.3.0
        version: left-pad@1.3.0
      react-dom:
        specifier: ^18
        version: 18.2.0(react@18.2.0)
      lib:
        specifier: workspace:*
        version: link:packages/lib
      gone:
        specifier: ^1
        version: 1.0.0
  packages/lib: {}
packages:
  left-pad@1.3.0:
    resolution: {integrity: sha512-x==}
  react-dom@18.2.0:
    resolution: {integrity: sha512-x==}
snapshots:
  left-pad@1.3.0: {}
`,
    );
    expect(packagesOf(content)).toEqual(['left-pad@1.3.0', 'react-dom@18.2.0']);
    expect(gapsOf(content)).toEqual(['unresolved gone 1.0.0']);
  });

  it('reads every YAML document', async () => {
    const document = (name: string): string =>
      `---\nlockfileVersion: '9.0'\npackages:\n  ${name}@1.0.0:\n    resolution: {integrity: sha512-x}\n`;
    expect(packagesOf(await read(FILE, document('pnpm') + document('ms')))).toEqual(['ms@1.0.0', 'pnpm@1.0.0']);
  });

  it('makes gaps of addresses and runtimes of layout 9, and leaves files out', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'
packages:
  a@https://files.example/a.tgz:
    resolution: {tarball: https://files.example/a.tgz}
    version: 1.0.0
  b@git+https://git.example/b.git#0123456:
    resolution: {commit: 0123456, repo: https://git.example/b.git, type: git}
  c@file:vendor/c.tgz:
    resolution: {tarball: file:vendor/c.tgz}
  node@runtime:24.4.1:
    hasBin: true
    resolution:
      type: variations
      variants:
        - resolution:
            archive: tarball
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported a https://files.example/a.tgz',
      'unsupported b https://git.example/b.git',
      'unsupported node node@runtime:24.4.1',
    ]);
  });

  it('tells a tarball that is not the one that the key names', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'
packages:
  lodash@4.17.21:
    resolution: {integrity: sha512-x, tarball: https://registry.npm.example/evil/-/evil-1.0.0.tgz}
  ms@2.1.3:
    resolution: {integrity: sha512-x, tarball: https://files.example/ms.tgz}
`,
    );
    expect(packagesOf(content)).toEqual(['evil@1.0.0', 'lodash@4.17.21', 'ms@2.1.3']);
    expect(poisoningsOf(content)).toEqual(['other-package lodash@4.17.21']);
    expect(content.warnings).toEqual(['ms@2.1.3 is fetched from https://files.example/ms.tgz, which is no usual registry address']);
  });

  it('tells direct, development and optional ones, lines, hosts and digests: layouts 5 and 6', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: 5.4
specifiers:
  a: ^1
devDependencies:
  a: 1.0.0
packages:
  /a/1.0.0:
    resolution: {integrity: sha512-AA==}
    dev: true
  registry.npm.example+8443/b/1.0.0:
    resolution: {integrity: sha1-BB= sha512-CC==}
    optional: true
    dev: false
`,
    );
    expect(content.packages).toEqual([
      {
        ...{ ecosystem: 'NPM', name: 'a', version: '1.0.0', relationship: 'direct', isDevelopment: true, isOptional: false },
        ...{ line: 7, integrity: 'sha512-AA==' },
      },
      {
        ...{ ecosystem: 'NPM', name: 'b', version: '1.0.0', relationship: 'transitive', isDevelopment: false, isOptional: true },
        ...{ line: 10, integrity: 'sha512-CC==', registryHosts: ['registry.npm.example:8443'] },
      },
    ]);
  });

  it.each([
    ['line by line', ''],
    ['as YAML', '\u0020'],
  ])('tells optional ones of layout 9 by their snapshots, %s', async (_how, space) => {
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'
packages:
  a@1.0.0:
    resolution: {integrity: sha512-AA==}
  '@s/b@1.0.0':
    resolution: {integrity: sha512-AA==}
  c@1.0.0:
    resolution:${space} {integrity: sha512-AA==}
snapshots${space}:
  a@1.0.0:
    optional: true
  '@s/b@1.0.0(peer@1.0.0)':
    optional: true
  '@s/b@1.0.0(peer@2.0.0)':
    dependencies:
      optional: 1.0.0
  c@1.0.0: {}
`,
    );
    expect(content.packages.map(({ name, isOptional }) => `${name} ${isOptional}`)).toEqual(['@s/b false', 'a true', 'c false']);
  });

  it('lists projects of the workspace and what they link to as local, under their names', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      lib:
        specifier: workspace:*
        version: link:packages/lib
  packages/lib: {}
  packages/tool:
    dependencies:
      lib:
        specifier: workspace:*
        version: link:../lib
      packed:
        specifier: file:../../vendor/packed.tgz
        version: file:vendor/packed.tgz
packages:
  packed@file:vendor/packed.tgz:
    resolution: {integrity: sha512-AA==, tarball: file:vendor/packed.tgz}
    version: 1.0.0
`,
    );
    expect(localsOf(content).sort()).toEqual(['. .', 'lib packages/lib', 'packages/tool packages/tool', 'packed file:vendor/packed.tgz']);
    expect(content).toMatchObject({ packages: [], gaps: [] });
  });

  it('compares an address from which pnpm cut the registry', async () => {
    const content = await read(
      FILE,
      `lockfileVersion: 5.3
packages:
  /@s/a/1.0.0:
    resolution: {integrity: sha512-AA==, tarball: /@s/a/-/a-1.0.0.tgz}
  /b/1.0.0:
    resolution: {integrity: sha512-AA==, tarball: '@evil/b/-/b-1.0.0.tgz'}
`,
    );
    expect(packagesOf(content)).toEqual(['@evil/b@1.0.0', '@s/a@1.0.0', 'b@1.0.0']);
    expect(poisoningsOf(content)).toEqual(['other-package b@1.0.0']);
  });

  it('tells a package that another name is resolved to, unless the project asks for an alias', async () => {
    const declared = (name: string, specifier: string, version: string): string =>
      `      ${name}:\n        specifier: ${specifier}\n        version: ${version}\n`;
    const content = await read(
      FILE,
      `lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n${declared('lodash', '^4.17.21', 'evil@1.0.0')}${declared('pad', 'npm:left-pad@^1', 'left-pad@1.3.0')}${declared('cat', "'catalog:'", 'left-pad@1.3.0')}packages:\n  evil@1.0.0: {}\n  left-pad@1.3.0: {}\n`,
    );
    expect(poisoningsOf(content)).toEqual(['other-package evil@1.0.0']);
    expect(content.gaps).toEqual([]);
  });

  it('says when a section has no name that pnpm writes', async () => {
    const content = await read(FILE, "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\npackagez:\n  b@1.0.0: {}\n");
    expect(content.warnings).toEqual(['"packagez" is no section that pnpm writes; what stands in it was not read']);
  });

  it('loses no package in silence when a character changes', async () => {
    const text = `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      kappa:
        specifier: ^1
        version: 1.2.3
      '@mu/nu':
        specifier: ^2
        version: 2.3.4(kappa@1.2.3)

packages:

  '@mu/nu@2.3.4':
    resolution: {integrity: sha512-AA==}
    engines: {node: '>=8'}

  kappa@1.2.3:
    resolution: {integrity: sha512-BB==}

  omicron@5.6.7:
    resolution: {integrity: sha512-CC==, tarball: https://registry.npm.example/omicron/-/omicron-5.6.7.tgz}

snapshots:

  '@mu/nu@2.3.4(kappa@1.2.3)': {}
`;
    await expectNoSilentLoss(FILE, text);
  });

  it('reads keys that are too long for one line with their field', async () => {
    const peers = Array.from({ length: 80 }, (_, index) => `(peer-${index}@1.0.0)`).join('');
    const content = await read(
      FILE,
      `lockfileVersion: '6.0'\npackages:\n  ? /@scope/a@1.0.0${peers}\n  : resolution: {integrity: sha512-x}\n    dev: true\n`,
    );
    expect(packagesOf(content)).toEqual(['@scope/a@1.0.0']);
  });

  it('reads other YAML layouts to the same packages', async () => {
    const wanted = ['@s/b@2.0.0', 'a@1.0.0'];
    expect(
      packagesOf(
        await read(FILE, `{"lockfileVersion": "9.0", "packages": {"a@1.0.0": {}, "@s/b@2.0.0": {"resolution": {"integrity": "x"}}}}`),
      ),
    ).toEqual(wanted);
    expect(
      packagesOf(await read(FILE, `"lockfileVersion": '9.0'\n"packages":\n    "a@1.0.0": {}\n    ? '@s/b@2.0.0'\n    :   {}\n`)),
    ).toEqual(wanted);
    expect(
      packagesOf(await read(FILE, `lockfileVersion: '9.0'\r\npackages:\r\n  a@1.0.0: {}\r\n  '@s/b@2.0.0':\r\n    hasBin: true\r\n`)),
    ).toEqual(wanted);
  });

  it.each([
    ['entries', "      a@1.0.0: {}\n      '@s/b@2.0.0':\n            hasBin: true\n"],
    ['fields', "  a@1.0.0:\n      hasBin: true\n  '@s/b@2.0.0':\n          resolution: {integrity: sha512-x}\n"],
    ['a key', '  a@1.0.0:\n    deprecated: >-\n      of old\n  "@s\\/b@2.0.0":\n    name : b\n'],
  ])('reads packages whose %s are written as pnpm does not', async (_what, lines) => {
    expect(packagesOf(await read(FILE, `lockfileVersion: '9.0'\npackages:\n${lines}`))).toEqual(['@s/b@2.0.0', 'a@1.0.0']);
  });

  it('sees what a stray carriage return hides from a reader of lines', async () => {
    const content = await read(FILE, `lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    deprecated: x\r  evil@6.6.6: {}\n`);
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'evil@6.6.6']);
  });

  it('accepts a workspace of links only', async () => {
    expect(
      await read(
        FILE,
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      lib:\n        specifier: workspace:*\n        version: link:lib\n",
      ),
    ).toMatchObject({
      packages: [],
      gaps: [],
    });
  });

  it.each([
    ['empty', '', /it is empty/],
    ['text', 'hello world\n', /not a mapping/],
    ['a misspelt section', "lockfileVersion: '9.0'\npackagez:\n  a@1.0.0: {}\n", /no packages, but "packagez"/],
    ['snapshots without packages', "lockfileVersion: '9.0'\nsnapshots:\n  a@1.0.0: {}\n", /no packages, but "snapshots"/],
    ['of no version', 'packages:\n  a@1.0.0: {}\n', /no "lockfileVersion"/],
    ['of a layout to come', "lockfileVersion: '10.0'\npackages:\n  a@1.0.0: {}\n", /lockfileVersion 10.0 is not known/],
    ['an alias bomb', "lockfileVersion: '9.0'\na0: &a0 [x, x]\na1: &a1 [*a0, *a0]\npackages:\n  a@1.0.0: {}\n", /not valid YAML/],
    ['packages by an alias', "lockfileVersion: '9.0'\nx: &x {}\npackages:\n  a@1.0.0: *x\n", /not valid YAML/],
    ['doubled', "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\npackages:\n  b@1.0.0: {}\n", /not valid YAML/],
    ['nested in itself', `lockfileVersion: '9.0'\npackages: ${'['.repeat(60_000)}\n`, /not valid YAML/],
    ['packages of another type', "lockfileVersion: '9.0'\npackages:\n  - a@1.0.0\n", /"packages" is no mapping/],
    ['a merge conflict', "lockfileVersion: '9.0'\n<<<<<<< HEAD\npackages: {}\n=======\n>>>>>>> topic\n", /unfinished merge/],
    ['binary', 'lockfileVersion\u0000', /binary/],
    ['large and of another layout', `{${' '.repeat(800_000)}}`, /too large to be read as YAML/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });
});
