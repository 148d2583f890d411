import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'rebar.lock';
const INNER = '99AA'.repeat(16);
const OUTER = '2C72'.repeat(16);

function pkg(app: string, version: string, level = 0, name = app): string {
  return `{<<"${app}">>,{pkg,<<"${name}">>,<<"${version}">>},${level}}`;
}

function lock(entries: readonly string[], attributes = '', version = '1.2.0'): string {
  return `{"${version}",\n[${entries.join(',\n ')}]}.\n[\n${attributes}].\n`;
}

function digests(key: string, apps: readonly string[], digest: string): string {
  return `{${key},[\n${apps.map((app) => ` {<<"${app}">>, <<"${digest}">>}`).join(',\n')}]}`;
}

const GIT = `{<<"turbine">>,\n  {git,"https://git.example/turbine.git",\n       {ref,"e21878935b801c4966a0e34c1c70cfcc42d56a29"}},\n  1}`;

describe('rebar', () => {
  it('lists packages, with what the file tells of each', async () => {
    const content = await read(
      FILE,
      lock(
        [pkg('cowboy', '2.9.0'), pkg('cowlib', '2.11.0', 1), pkg('recon', '2.5.2')],
        `${digests('pkg_hash', ['cowboy', 'cowlib'], INNER)},\n${digests('pkg_hash_ext', ['cowboy'], OUTER)}`,
      ),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'HEX', name: 'cowboy', version: '2.9.0', relationship: 'direct', integrity: `sha256:${OUTER.toLowerCase()}` },
      { ecosystem: 'HEX', name: 'cowlib', version: '2.11.0', relationship: 'transitive', integrity: `inner:${INNER.toLowerCase()}` },
      { ecosystem: 'HEX', name: 'recon', version: '2.5.2', relationship: 'direct' },
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('reads a list alone, as the first rebar3 wrote it, comments and other spellings of texts', async () => {
    const text = `%% made by hand\n[${pkg('cowboy', '1.0.4')}, % old\n {'lager',{pkg,<<"lager"/utf8>>,"3.2.1"},1}].\n`;
    expect(packagesOf(await read(FILE, text))).toEqual(['cowboy@1.0.4', 'lager@3.2.1']);
    expect(packagesOf(await read(FILE, text.replaceAll('\n', '\r\n')))).toEqual(['cowboy@1.0.4', 'lager@3.2.1']);
    expect(packagesOf(await read(FILE, lock([pkg('a', '1')], '', '1.1.0')))).toEqual(['a@1']);
  });

  it('takes the name of the package, not of the application', async () => {
    expect(packagesOf(await read(FILE, lock([pkg('chatterbox', '0.15.1', 0, 'ts_chatterbox')])))).toEqual(['ts_chatterbox@0.15.1']);
  });

  it('makes gaps of repositories and unknown sources', async () => {
    const content = await read(
      FILE,
      lock([
        GIT,
        '{<<"sub">>,{git_subdir,"https://git.example/mono.git",{tag,"v1"},"apps/sub"},0}',
        '{<<"old">>,{hg,"https://hg.example/old",{ref,"ab"}},0}',
        '{<<"odd">>,{tape,"x",{ref,"ab"}},0}',
      ]),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported turbine https://git.example/turbine.git#e21878935b801c4966a0e34c1c70cfcc42d56a29',
      'unsupported sub https://git.example/mono.git#v1',
      'unsupported old https://hg.example/old#ab',
      'unsupported odd x',
    ]);
  });

  it('makes gaps of wrong types, missing parts and illegal names, and keeps the rest', async () => {
    const content = await read(
      FILE,
      lock([
        pkg('a', '1.0.0'),
        '7',
        '{<<"b">>}',
        '{<<"c">>,{pkg,<<"c">>},0}',
        '{<<"d">>,{pkg,7,<<"1">>},0}',
        '{<<"e">>,{pkg,<<"e">>,<<"1">>}}',
        pkg('f', '~> 1.0'),
        pkg('../g', '1.0'),
      ]),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved rebar.lock',
      'unresolved b',
      'unresolved c',
      'unresolved d 1',
      'unresolved e 1',
      'unresolved f ~> 1.0',
      'unresolved ../g 1.0',
    ]);
  });

  it('says what it does not know behind the entries', async () => {
    const content = await read(FILE, `${lock([pkg('a', '1')], '{pkg_hush,[]}')}[].\n`);
    expect(content.warnings).toEqual([
      '1 more terms than rebar3 writes were not read',
      'its attribute pkg_hush is not known, and was not read',
    ]);
  });

  it('reads a project without packages', async () => {
    expect(await read(FILE, '[].\n')).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /neither a list of entries/],
    ['text', 'hello world\n', /line 1: "world" behind the end of a term/],
    ['of a version to come', lock([pkg('a', '1')], '', '2.0.0'), /version 2\.0\.0 is not known/],
    ['cut', lock([pkg('a', '1')]).slice(0, 30), /line 2/],
    ['without its full stop', `[${pkg('a', '1')}]`, /without a full stop/],
    ['a call', '[os:cmd("x")].\n', /where a comma is due/],
    ['a variable', '[X].\n', /where a term is due/],
    ['a binary of numbers', '[<<1,2>>].\n', /a binary that is no text/],
    ['deeply nested', '{'.repeat(100_000), /nests deeper/],
    ['of very many terms', 'a.\n'.repeat(100), /more than 16 terms/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever packages are written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, version, fc.nat(3)), { maxLength: 10 }), fc.boolean(), async (packages, isOld) => {
        const entries = packages.map(([each, at, level], index) => pkg(`app${index}`, at, level, each));
        const content = await read(FILE, isOld ? `[${entries.join(',')}].` : lock(entries));
        expect(packagesOf(content)).toEqual([...new Set(packages.map(([each, at]) => `${each}@${at}`))].sort());
      }),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () =>
    expectNoSilentLoss(
      FILE,
      lock([pkg('copperworks', '1.24.9'), GIT, pkg('dovetail', '3.7.1', 1)], digests('pkg_hash', ['copperworks', 'dovetail'], INNER)),
    ));
});
