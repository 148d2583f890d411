import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'composer.lock';
const COMMIT = '30cccab17501b122e2e5d799227d673d0952b4ae';
const OTHER_COMMIT = '8ac19b2c834fbcf96154106b6e33b1884ad27e67';

function lock(packages: readonly unknown[], development: readonly unknown[] = [], more: object = {}): string {
  return JSON.stringify({ 'content-hash': 'd0c4', packages, 'packages-dev': development, aliases: [], ...more }, null, 4);
}

function entry(name: string, version: string, more: object = {}): object {
  return {
    name,
    version,
    source: { type: 'git', url: `https://git.example/${name}.git`, reference: COMMIT },
    dist: { type: 'zip', url: `https://api.git.example/repos/${name}/zipball/${COMMIT}`, reference: COMMIT, shasum: '' },
    'notification-url': 'https://php.registry.example/downloads/',
    type: 'library',
    ...more,
  };
}

describe('composer', () => {
  it('lists packages and those for development, with what the file tells of each', async () => {
    const content = await read(FILE, lock([entry('acme/alpha', 'v1.2.0')], [entry('acme/beta', '2.0.0')]));
    expect(content.packages).toEqual([
      {
        ecosystem: 'PACKAGIST',
        name: 'acme/alpha',
        version: 'v1.2.0',
        isDevelopment: false,
        line: 5,
        integrity: `git:${COMMIT}`,
        registryHosts: ['php.registry.example'],
      },
      {
        ecosystem: 'PACKAGIST',
        name: 'acme/beta',
        version: '2.0.0',
        isDevelopment: true,
        line: 24,
        integrity: `git:${COMMIT}`,
        registryHosts: ['php.registry.example'],
      },
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
  });

  it('folds names, keeps every version of one, and takes branches for versions', async () => {
    const content = await read(
      FILE,
      lock([entry('Acme/Alpha', '1.0.0'), entry('acme/alpha', '1.1.0'), entry('acme/b', 'dev-feature/x'), entry('acme/c', '1.x-dev')]),
    );
    expect(packagesOf(content)).toEqual(['acme/alpha@1.0.0', 'acme/alpha@1.1.0', 'acme/b@dev-feature/x', 'acme/c@1.x-dev']);
    expect(content.packages.map(({ integrity }) => integrity !== undefined)).toEqual([true, true, false, false]);
  });

  it('takes the digest of the archive before the commit', async () => {
    const content = await read(
      FILE,
      lock([entry('acme/a', '1.0.0', { dist: { type: 'zip', url: 'https://x.example/a.zip', shasum: 'abcd' } })]),
    );
    expect(content.packages[0]?.integrity).toBe('sha1:abcd');
  });

  it('takes packages of folders for our own code', async () => {
    const content = await read(
      FILE,
      lock([
        entry('acme/local', 'dev-main', { dist: { type: 'path', url: '../packages/local', reference: 'ab' }, source: undefined }),
        entry('acme/linked', '1.0.0', { dist: undefined, source: { type: 'path', url: 'lib/linked' } }),
      ]),
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual(['acme/local ../packages/local', 'acme/linked lib/linked']);
  });

  it('tells a repository of a version control system by its lack of an archive and of a registry', async () => {
    const content = await read(
      FILE,
      lock([
        {
          name: 'corp/private',
          version: '1.0.0',
          source: { type: 'git', url: 'git@git.corp.example:corp/private.git', reference: COMMIT },
        },
        { name: 'acme/meta', version: '3.0.0-dev', type: 'metapackage' },
      ]),
    );
    expect(packagesOf(content)).toEqual(['acme/meta@3.0.0-dev']);
    expect(gapsOf(content)).toEqual(['unsupported corp/private git@git.corp.example:corp/private.git']);
  });

  it('reads the layouts of the first years', async () => {
    const content = await read(
      FILE,
      JSON.stringify({
        hash: 'x',
        packages: [{ package: 'acme/old', version: 'dev-master', 'source-reference': 'ab' }],
        'packages-dev': null,
        aliases: [],
      }),
    );
    expect(packagesOf(content)).toEqual(['acme/old@dev-master']);
    expect(content.warnings).toEqual([expect.stringMatching(/"packages-dev" is null/)]);
  });

  it('reports an archive of another commit, of another repository, and one without encryption', async () => {
    const archive = (url: string): object => ({ dist: { type: 'zip', url, reference: COMMIT } });
    const content = await read(
      FILE,
      lock([
        entry('acme/a', '1.0.0', archive(`https://api.git.example/repos/acme/a/zipball/${OTHER_COMMIT}`)),
        entry('acme/b', '1.0.0', archive(`https://api.git.example/repos/evil/b/zipball/${COMMIT}`)),
        entry('acme/c', '1.0.0', archive('http://mirror.example/c.zip')),
        entry('acme/d', '1.0.0', archive(`https://mirror.example/d/${OTHER_COMMIT}/${COMMIT}.zip`)),
      ]),
    );
    expect(poisoningsOf(content)).toEqual(['other-version acme/a@1.0.0', 'other-package acme/b@1.0.0', 'plain-http acme/c@1.0.0']);
    expect(packagesOf(content)).toHaveLength(4);
  });

  it('says what it does not know', async () => {
    const content = await read(FILE, lock([entry('acme/a', '1.0.0')], [], { 'packages-test': [entry('acme/b', '1.0.0')] }));
    expect(content.warnings).toEqual(['its "packages-test" is not known, and was not read']);
  });

  it('reports entries of wrong types and illegal names, and keeps the rest', async () => {
    const content = await read(
      FILE,
      lock([
        7,
        null,
        entry('acme/ok', '1.0.0'),
        entry('no-vendor', '1.0.0'),
        entry('../up/x', '1.0.0'),
        entry('a\u001b[31m/b', '1.0.0'),
        entry('acme/\u212aelvin', '1.0.0'),
        { ...entry('acme/none', ''), version: undefined },
        entry('acme/range', '^1.0'),
        { ...entry('acme/number', ''), version: 1 },
        entry('acme/dist', '1.0.0', { dist: 'x' }),
      ]),
    );
    expect(packagesOf(content)).toEqual(['acme/ok@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved packages 7',
      'unresolved packages null',
      'unresolved no-vendor 1.0.0',
      'unresolved ../up/x 1.0.0',
      'unresolved a\\u001b[31m/b 1.0.0',
      'unresolved acme/\u212aelvin 1.0.0',
      'unresolved acme/none',
      'unresolved acme/range ^1.0',
      'unresolved acme/number 1',
      'unresolved acme/dist 1.0.0',
    ]);
  });

  it('takes __proto__ for data', async () => {
    const content = await read(
      FILE,
      '{"packages": [{"__proto__": {"name": "acme/x", "version": "1.0.0"}}], "__proto__": {"packages-dev": []}}',
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual(['unresolved packages']);
    expect(content.warnings).toEqual(['its "__proto__" is not known, and was not read']);
  });

  it('reads a project without packages', async () => {
    expect(await read(FILE, lock([]))).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /not valid JSON/],
    ['a list', '[]', /not a JSON object/],
    ['without packages', '{"packages-dev": []}', /"packages" are no list/],
    ['a map of packages', '{"packages": {}}', /"packages" are no list/],
    ['a text of development packages', '{"packages": [], "packages-dev": "x"}', /"packages-dev" are no list/],
    ['cut', lock([entry('acme/a', '1.0.0')]).slice(0, -40), /not valid JSON/],
    ['an unfinished merge', '{\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n}', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever packages are written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}\/[a-z][a-z0-9_.-]{0,6}$/);
    const version = fc.stringMatching(/^(v?[0-9]{1,2}(\.[0-9]{1,3}){0,3}|dev-[a-z/#-]{1,8}|[0-9]\.x-dev)$/);
    const packages = fc.array(fc.tuple(name, version), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(packages, packages, async (main, development) => {
        const text = lock(
          main.map(([each, at]) => entry(each, at)),
          development.map(([each, at]) => entry(each, at)),
        );
        const content = await read(FILE, text);
        expect(packagesOf(content)).toEqual([...new Set([...main, ...development].map(([each, at]) => `${each}@${at}`))].sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () =>
    expectNoSilentLoss(FILE, lock([entry('acme/alpha', '1.20.0'), entry('borealis/tundra', '4.7.1')], [entry('cascade/umbra', '9.3.5')])));
});
