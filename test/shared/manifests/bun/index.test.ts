import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'bun.lock';

/** As bun writes it, entry by entry on a line of its own. */
function lock(workspaces: object, entries: Readonly<Record<string, unknown>>, more = '', version = 1): string {
  const lines = Object.entries(entries).map(([key, entry]) => `    ${JSON.stringify(key)}: ${JSON.stringify(entry)},\n`);
  return `{\n  "lockfileVersion": ${version},\n  "workspaces": ${JSON.stringify(workspaces)},\n${more}  "packages": {\n${lines.join('\n')}  }\n}\n`;
}

function npm(ident: string, registry = '', info: object = {}, integrity = 'sha512-AA=='): unknown[] {
  return [ident, registry, info, integrity];
}

describe('bun', () => {
  it('takes the name from the entry: nested keys, aliases, several versions', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app', dependencies: { 'supports-color': '^7.0.0', old: 'npm:supports-color@^6.0.0' } } },
        {
          'has-flag': npm('has-flag@4.0.0'),
          old: npm('supports-color@6.1.0', '', { dependencies: { 'has-flag': '^3.0.0' } }),
          'old/has-flag': npm('has-flag@3.0.0'),
          'supports-color': npm('supports-color@7.2.0'),
          '@s/a': npm('@s/a@1.0.0-rc.1+build.2'),
        },
      ),
    );
    expect(packagesOf(content)).toEqual([
      '@s/a@1.0.0-rc.1+build.2',
      'has-flag@3.0.0',
      'has-flag@4.0.0',
      'supports-color@6.1.0',
      'supports-color@7.2.0',
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
  });

  it('tells direct from transitive ones, lines and digests', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app', devDependencies: { a: '^1' } }, 'packages/lib': { name: 'lib', dependencies: { b: '^2' } } },
        { a: npm('a@1.0.0'), b: npm('b@1.0.0', '', {}, ''), lib: ['lib@workspace:packages/lib'], 'lib/b': npm('b@2.0.0') },
      ),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'NPM', name: 'a', version: '1.0.0', relationship: 'direct', line: 5, integrity: 'sha512-AA==' },
      { ecosystem: 'NPM', name: 'b', version: '1.0.0', relationship: 'transitive', line: 7 },
      { ecosystem: 'NPM', name: 'b', version: '2.0.0', relationship: 'direct', line: 11, integrity: 'sha512-AA==' },
    ]);
  });

  it('lists workspaces, links, folders and archives as local', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app' }, 'packages/lib': { name: '@s/lib', version: '1.0.0' } },
        {
          '@s/lib': ['@s/lib@workspace:packages/lib'],
          app: ['@root:', { bin: 'x.js' }],
          folder: ['folder@file:deps/folder', {}],
          linked: ['linked@link:linked', {}],
          packed: ['packed@vendor/packed-1.0.0.tgz', {}, 'sha512-AA=='],
          lost: ['lost@workspace:packages/lost'],
        },
      ),
    );
    expect(localsOf(content)).toEqual([
      'app .',
      '@s/lib packages/lib',
      '. .',
      'folder file:deps/folder',
      'linked link:linked',
      'packed vendor/packed-1.0.0.tgz',
    ]);
    expect(gapsOf(content)).toEqual(['unresolved lost workspace:packages/lost']);
    expect(content.packages).toEqual([]);
  });

  it('makes gaps of git, of forges and of addresses', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app' } },
        {
          a: ['a@github:owner/a#0123456', {}, 'owner-a-0123456'],
          b: ['b@git+ssh://git@git.example/b.git#0123456', { dependencies: {} }, '0123456'],
          c: ['c@https://files.example/c.tgz', {}, 'sha512-AA=='],
        },
      ),
    );
    expect(content.packages).toEqual([]);
    expect(content.gaps.map(({ state, name, reason }) => `${state} ${name} ${reason}`)).toEqual([
      'unsupported a comes from a git repository, not from a registry',
      'unsupported b comes from a git repository, not from a registry',
      'unsupported c comes from an address of its own, not from a registry',
    ]);
  });

  it('takes a registry or an address of one from the second place', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app' } },
        {
          a: npm('a@1.0.0', 'https://registry.npm.example/a/-/a-1.0.0.tgz'),
          b: npm('b@1.0.0', 'https://npm.other.example:4873/'),
          c: npm('c@1.0.0', 'http://registry.npm.example/'),
          d: npm('d@1.0.0', 'https://registry.npm.example/evil/-/evil-2.0.0.tgz'),
          e: npm('e@1.0.0', 'nowhere'),
        },
      ),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.0.0', 'c@1.0.0', 'd@1.0.0', 'evil@2.0.0']);
    expect(content.packages.map(({ registryHosts }) => registryHosts?.[0])).toEqual([
      'registry.npm.example',
      'npm.other.example:4873',
      'registry.npm.example',
      'registry.npm.example',
      undefined,
    ]);
    expect(poisoningsOf(content)).toEqual(['plain-http c@1.0.0', 'other-package d@1.0.0', 'unusual-host b@1.0.0']);
    expect(gapsOf(content)).toEqual(['unsupported e nowhere']);
  });

  it('keeps the good entries beside malformed ones', async () => {
    const content = await read(
      FILE,
      lock(
        { '': { name: 'app' }, odd: 7 },
        {
          number: [123, '', {}, 'sha512-AA=='],
          object: [{}, '', {}, 'sha512-AA=='],
          empty: [],
          text: 'text@1.0.0',
          'no-version': npm('no-version'),
          range: npm('range@^1.0.0'),
          registry: ['registry@1.0.0', 7, {}, ''],
          info: ['info@1.0.0', '', [], ''],
          more: ['more@1.0.0', '', {}, '', 'x'],
          '..': npm('../../x@1.0.0'),
          good: npm('good@1.0.0'),
          short: ['short@1.0.0', ''],
        },
      ),
    );
    expect(packagesOf(content)).toEqual(['good@1.0.0', 'short@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved odd',
      'unresolved number 123',
      'unresolved object an object',
      'unresolved empty',
      'unresolved text',
      'unresolved no-version',
      'unresolved range ^1.0.0',
      'unresolved registry 1.0.0',
      'unresolved info 1.0.0',
      'unresolved more 1.0.0',
      'unresolved ../../x 1.0.0',
    ]);
  });

  it('says what a workspace declares and nothing resolves; optional ones and peers may be absent', async () => {
    const content = await read(
      FILE,
      lock(
        {
          '': { name: 'app', dependencies: { a: '^1', gone: '^1' }, devDependencies: { lost: '^2' }, peerDependencies: { peer: '*' } },
          'packages/lib': { name: 'lib', optionalDependencies: { maybe: '*' }, dependencies: { maybe: '*', far: '1' } },
        },
        { a: npm('a@1.0.0') },
      ),
    );
    expect(gapsOf(content)).toEqual(['unresolved gone ^1', 'unresolved lost ^2', 'unresolved far 1']);
    const bare = await read(FILE, '{"lockfileVersion": 1, "workspaces": {"": {"dependencies": {"ms": "^2"}}}}');
    expect(gapsOf(bare)).toEqual(['unresolved ms ^2']);
  });

  it('tells a package that another name is resolved to, unless asked for as an alias or by an override', async () => {
    const entries = { lodash: npm('evil@1.0.0'), pad: npm('left-pad@1.3.0'), ms: npm('millis@1.0.0'), cat: npm('kitty@1.0.0') };
    const dependencies = { lodash: '^4', pad: 'npm:left-pad@^1', ms: '^2', cat: 'catalog:' };
    const content = await read(
      FILE,
      lock({ '': { name: 'app', dependencies } }, entries, '  "overrides": { "ms": "npm:millis@1.0.0" },\n  "catalog": {},\n'),
    );
    expect(poisoningsOf(content)).toEqual(['other-package evil@1.0.0']);
    expect(content.poisonings[0]?.detail).toBe('lodash@^4, which app asks for, resolves to evil@1.0.0');
  });

  it('reads comments, layouts 0 to 3, and a project without dependencies', async () => {
    expect(await read(FILE, '// said\n{"lockfileVersion": 0, "workspaces": {"": {}}, "packages": {},}')).toMatchObject({
      packages: [],
      gaps: [],
      warnings: [],
    });
    for (const version of [0, 2, 3]) {
      expect(packagesOf(await read(FILE, lock({ '': {} }, { a: npm('a@1.0.0') }, '', version)))).toEqual(['a@1.0.0']);
    }
  });

  it('says when a section has no name that bun writes, and when a key stands twice', async () => {
    const text =
      '{"lockfileVersion": 1, "workspaces": {"": {}}, "packagez": {}, "packages": {"a": ["a@1.0.0", "", {}, ""], "a": ["b@1.0.0", "", {}, ""]}}';
    const content = await read(FILE, text);
    expect(packagesOf(content)).toEqual(['b@1.0.0']);
    expect(content.warnings).toEqual([
      '"packagez" is no section that bun writes; what stands in it was not read',
      '"a" stands twice in one object; the last one was read',
    ]);
  });

  it('leaves a binary lock file to the text beside it, and refuses it alone', async () => {
    const beside = await read('app/bun.lockb', 'bun-lockfile-format-v0\n\u0000', { 'app/bun.lock': '{}' });
    expect(beside).toMatchObject({ packages: [], warnings: ['not read: bun takes bun.lock, which stands beside it'] });
    expect(await reasonOf('app/bun.lockb', 'bun-lockfile-format-v0\n\u0000')).toMatch(/^a binary lock file; .*--save-text-lockfile$/);
  });

  it.each([
    ['empty', '', /not valid JSON with comments \(line 1, column 1\)/],
    ['a list', '[]', /not an object/],
    ['cut off', lock({ '': {} }, { a: npm('a@1.0.0') }).slice(0, -20), /not valid JSON with comments \(line \d/],
    ['of no version', '{"workspaces": {"": {}}, "packages": {}}', /no "lockfileVersion"/],
    ['of a layout to come', '{"lockfileVersion": 4, "workspaces": {}}', /lockfileVersion 4 is not known; 0 to 3 are/],
    ['of a version that is no number', '{"lockfileVersion": "1", "workspaces": {}}', /lockfileVersion 1 is not known/],
    ['without workspaces', '{"lockfileVersion": 1, "packages": {}}', /no "workspaces"/],
    ['packages of another type', '{"lockfileVersion": 1, "workspaces": {}, "packages": []}', /"packages" is not an object/],
    ['a merge conflict', '{\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n}', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('loses no package in silence when a character changes', async () => {
    const text = lock(
      { '': { name: 'app', dependencies: { kappa: '^1', '@mu/nu': '^2' } } },
      {
        '@mu/nu': npm('@mu/nu@2.3.4'),
        kappa: npm('kappa@1.2.3', '', { dependencies: { omicron: '^5' } }),
        'kappa/omicron': npm('omicron@5.6.7', 'https://registry.npm.example/omicron/-/omicron-5.6.7.tgz'),
        rho: npm('sigma@8.9.1'),
      },
    );
    await expectNoSilentLoss(FILE, text);
  });
});
