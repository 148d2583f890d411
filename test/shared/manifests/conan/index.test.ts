import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'conan.lock';
const REVISION = '13c96f538b52e1600c40b88994de240f';

function lists(more: object): string {
  return JSON.stringify({ version: '0.5', requires: [], build_requires: [], python_requires: [], ...more }, undefined, 4);
}

function graph(nodes: object, version = '0.4'): string {
  return JSON.stringify({ graph_lock: { nodes, revisions_enabled: true }, version, profile_host: '[settings]\nos=Linux\n' }, undefined, 1);
}

describe('conan.lock of Conan 2', () => {
  it('reads every list of references, without user, channel, revision and time', async () => {
    const content = await read(
      PATH,
      lists({
        requires: [`acme-left/1.2.13#${REVISION}%1667396813.733`, 'acme-right/cci.20210118@acme/stable', 'acme-sole/2.0@acme'],
        build_requires: ['acme-make/3.27#00'],
        python_requires: ['acme-recipes/0.1'],
        config_requires: ['acme-profiles/1.0'],
      }),
    );
    expect(packagesOf(content)).toEqual([
      'acme-left@1.2.13',
      'acme-make@3.27',
      'acme-profiles@1.0',
      'acme-recipes@0.1',
      'acme-right@cci.20210118',
      'acme-sole@2.0',
    ]);
    expect(content.packages.map(({ isDevelopment }) => isDevelopment)).toEqual([false, true, undefined, undefined, false, false]);
    expect(content.packages.find(({ name }) => name === 'acme-left')?.line).toBe(4);
    expect(content.gaps).toEqual([]);
  });

  it('reads references that come with their binaries', async () => {
    const content = await read(PATH, lists({ requires: [['acme-left/1.0#aa%1.5', { bb: { cc: 1.5 } }]] }));
    expect(packagesOf(content)).toEqual(['acme-left@1.0']);
  });

  it('does not list what is overridden or an alias', async () => {
    const content = await read(
      PATH,
      lists({
        requires: ['acme-left/1.1'],
        overrides: { 'acme-left/1.0': ['acme-left/1.1'] },
        alias: { 'acme-left/latest': 'acme-left/1.1' },
      }),
    );
    expect(packagesOf(content)).toEqual(['acme-left@1.1']);
    expect(content.warnings).toEqual([]);
  });

  it.each([
    ['1.2.3#ffa77daf', 'unresolved 1.2.3#ffa77daf'],
    ['acme-left/[>=1.0 <2]', 'unresolved acme-left [>=1.0 <2]'],
    ['acme-left/1.0/2', 'unresolved acme-left/1.0/2'],
    ['acme-left/', 'unresolved acme-left/'],
    ['../left/1.0', 'unresolved ../left/1.0'],
    ['acme-left/1.0@a b', 'unresolved acme-left/1.0@a b'],
    ['acme\u001bleft/1.0', 'unresolved acme\\u001bleft/1.0'],
    [7, 'unresolved requires 7'],
    [null, 'unresolved requires null'],
    [{ ref: 'acme-left/1.0' }, 'unresolved requires an object'],
  ])('makes a gap of %j', async (entry, gap) => {
    const content = await read(PATH, lists({ requires: [entry, 'acme-right/1.0'] }));
    expect(gapsOf(content)).toEqual([gap]);
    expect(packagesOf(content)).toEqual(['acme-right@1.0']);
  });

  it('warns of keys that it does not know', async () => {
    const content = await read(PATH, '{"version":"0.5","requires":[],"tool_requires":["acme-left/1.0"],"__proto__":[]}');
    expect(content.warnings).toEqual([
      'its "tool_requires" is not known, and was not read',
      'its "__proto__" is not known, and was not read',
    ]);
  });

  it('reads back what was written', async () => {
    const name = fc.stringMatching(/^[a-z0-9_][a-z0-9_+.-]{1,20}$/);
    const version = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,12}$/);
    const entry = fc.record({
      name,
      version,
      user: fc.constantFrom('', '@acme', '@acme/stable'),
      revision: fc.constantFrom('', '#00ff', '#00ff%1667396813.733'),
      list: fc.constantFrom('requires', 'build_requires', 'python_requires', 'config_requires'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 20 }), async (entries) => {
        const written: Record<string, string[]> = {};
        for (const { list, name, version, user, revision } of entries) {
          written[list] = [...(written[list] ?? []), `${name}/${version}${user}${revision}`];
        }
        const content = await read(PATH, lists(written));
        expect(packagesOf(content)).toEqual([...new Set(entries.map(({ name, version }) => `${name}@${version}`))].sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('conan.lock of Conan 1', () => {
  const NODES = {
    0: { ref: 'acme-shop/1.0', options: 'a=True', requires: ['1'], build_requires: ['3'], path: 'conanfile.py', context: 'host' },
    1: { ref: `acme-left/1.2.2@acme/stable#${REVISION}`, package_id: 'aa', prev: 'bb', requires: ['2'], context: 'host' },
    2: { ref: 'acme-right/1.75.0', python_requires: ['acme-recipes/0.1#cc'], context: 'host', modified: true },
    3: { ref: 'acme-make/3.27', context: 'build' },
  };

  it('reads the nodes of the graph, the project apart', async () => {
    const content = await read(PATH, graph(NODES));
    expect(content.packages.map(({ name, version, relationship, isDevelopment }) => [name, version, relationship, isDevelopment])).toEqual([
      ['acme-left', '1.2.2', 'direct', false],
      ['acme-make', '3.27', 'direct', true],
      ['acme-recipes', '0.1', undefined, undefined],
      ['acme-right', '1.75.0', 'transitive', false],
    ]);
    expect(localsOf(content)).toEqual(['acme-shop conanfile.py']);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it('reads the first layouts: `pref`, UUIDs for numbers, `requires` as an object', async () => {
    const content = await read(
      PATH,
      graph(
        {
          'f0-1': { pref: null, options: '', path: '/build/conanfile.txt', requires: { 'acme-left/1.2.11': 'f0-2' } },
          'f0-2': { pref: 'acme-left/1.2.11#aa:bb#cc', options: 'shared=False', requires: { 'acme-right/0.3@acme/testing': 'f0-3' } },
          'f0-3': { pref: 'acme-right/0.3@acme/testing#0:dd#0', python_requires: { recipes: 'acme-recipes/1.0' } },
        },
        '0.0',
      ),
    );
    expect(content.packages.map(({ name, relationship }) => [name, relationship])).toEqual([
      ['acme-left', 'direct'],
      ['acme-recipes', undefined],
      ['acme-right', 'transitive'],
    ]);
    expect(localsOf(content)).toEqual(['the project itself /build/conanfile.txt']);
  });

  it('takes a recipe in a folder for our own, also one that others require', async () => {
    const content = await read(PATH, graph({ 0: { requires: ['1'] }, 1: { ref: 'acme-left/1.0', path: '../left/conanfile.py' } }));
    expect(packagesOf(content)).toEqual([]);
    expect(localsOf(content)).toEqual(['the project itself', 'acme-left ../left/conanfile.py']);
  });

  it('makes gaps of nodes that are none, and of those that the file lacks', async () => {
    const content = await read(
      PATH,
      graph({
        0: { path: 7 },
        1: null,
        2: { options: '' },
        3: { ref: 5 },
        4: { ref: 'acme-left/1.0', requires: ['9'], build_requires: 3 },
      }),
    );
    expect(gapsOf(content)).toEqual([
      'unresolved node 0 7',
      'unresolved node 1 null',
      'unresolved node 2',
      'unresolved node 3 5',
      'unresolved node 4 3',
      'unresolved node 9',
    ]);
    expect(packagesOf(content)).toEqual(['acme-left@1.0']);
  });

  it('passes over no damage in silence', async () => {
    // Names and versions of the lock have no sign in common with what follows them, so that none becomes part of a recipe.
    await expectNoSilentLoss(PATH, graph(NODES), { numRuns: 200 });
  });
});

describe('conan.lock', () => {
  it.each([
    ['', 'not valid JSON'],
    ['[]', 'not a conan.lock: not a JSON object'],
    ['{"version":"0.5","requires":["acme-left/1.0"', 'not valid JSON'],
    ['{"version":"0.6","requires":[]}', 'lock file version 0.6 is not known; 0.0 to 0.5 are'],
    ['{"requires":[]}', 'lock file version (none) is not known'],
    ['{"version":5}', 'lock file version 5 is not known'],
    ['{"version":"0.5"}', 'neither "graph_lock" nor "requires" stand in it'],
    ['{"version":"0.5","requires":{}}', 'its "requires" are no list'],
    ['{"version":"0.4","graph_lock":[]}', 'its "graph_lock" is no object'],
    ['{"version":"0.4","graph_lock":{}}', 'its "nodes" are no object'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('reads a project that needs nothing', async () => {
    expect(packagesOf(await read(PATH, lists({})))).toEqual([]);
  });

  it('stays fast on long texts', async () => {
    const long = 'a'.repeat(1_000_000);
    for (const entry of [long, `${long}/${long}`, `a/1@${'a/'.repeat(500_000)}`, '/'.repeat(1_000_000), '#'.repeat(1_000_000)]) {
      expect((await read(PATH, lists({ requires: [entry] }))).gaps).toHaveLength(1);
    }
  });
});
