import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gemfile } from '../../../../shared/manifests/gemfile/index.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'Gemfile.lock';
const REMOTE = 'https://gems.registry.example/';

function gem(specs: string, remote = REMOTE): string {
  return `GEM\n  remote: ${remote}\n  specs:\n${specs}\n`;
}

function dependencies(...lines: readonly string[]): string {
  return `PLATFORMS\n  ruby\n\nDEPENDENCIES\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

const RICH = `GIT
  remote: https://git.example/acme/turbine.git
  revision: 80216ce9d89920bf073709405e3fce6d0a3ccd9a
  branch: main
  specs:
    turbine (3.0.0)
      copperworks (>= 1)

PATH
  remote: engines/billing
  specs:
    billing-engine (0.1.0)

${gem(`    copperworks (1.13.3)
      zincplate (~> 2.0)
    dovetail (4.2.1-java)
    zincplate (2.7.1)
`)}PLATFORMS
  java
  ruby

DEPENDENCIES
  billing-engine!
  copperworks (~> 1.13)
  dovetail
  turbine!

CHECKSUMS
  copperworks (1.13.3) sha256=${'ab'.repeat(32)}
  dovetail (4.2.1-java) sha256=${'cd'.repeat(32)}
  zincplate (2.7.1)

RUBY VERSION
   ruby 3.3.0p0

BUNDLED WITH
   2.5.3
`;

describe('gemfile', () => {
  it.each([
    ['Gemfile.lock', true],
    ['app/gems.locked', true],
    ['gemfiles/rails_7.gemfile.lock', true],
    ['Gemfile.next.lock', true],
    ['Gemfile_rails7.lock', true],
    ['Gemfile-rails7.lock', true],
    ['Gemfile', false],
    ['Gemfiles.lock', false],
    ['composer.lock', false],
  ])('takes %s: %s', (path, isOurs) => {
    expect(gemfile.matches(path)).toBe(isOurs);
  });

  it('lists gems, with what the file tells of each', async () => {
    const content = await read(FILE, RICH);
    expect(content.packages).toEqual([
      {
        ecosystem: 'RUBYGEMS',
        name: 'copperworks',
        version: '1.13.3',
        relationship: 'direct',
        line: 17,
        integrity: `sha256:${'ab'.repeat(32)}`,
        registryHosts: ['gems.registry.example'],
      },
      {
        ecosystem: 'RUBYGEMS',
        name: 'dovetail',
        version: '4.2.1',
        relationship: 'direct',
        line: 19,
        registryHosts: ['gems.registry.example'],
      },
      {
        ecosystem: 'RUBYGEMS',
        name: 'zincplate',
        version: '2.7.1',
        relationship: 'transitive',
        line: 20,
        registryHosts: ['gems.registry.example'],
      },
    ]);
    expect(gapsOf(content)).toEqual(['unsupported turbine https://git.example/acme/turbine.git']);
    expect(localsOf(content)).toEqual(['billing-engine engines/billing']);
    expect(content.warnings).toEqual([]);
  });

  it('makes one package of a gem for several platforms, and keeps what only looks like one', async () => {
    const content = await read(
      FILE,
      `${gem('    ffi (1.17.4)\n    ffi (1.17.4-aarch64-linux-gnu)\n    ffi (1.17.4-x86_64-linux)\n    jars (1.0.0.pre-java)\n    rc (1.0.0.rc.1)\n')}${dependencies('ffi', 'jars', 'rc')}`,
    );
    expect(packagesOf(content)).toEqual(['ffi@1.17.4', 'jars@1.0.0.pre', 'rc@1.0.0.rc.1']);
  });

  it('takes the digest of the gem that is built on every platform, and reports two for one gem', async () => {
    const text = `${gem('    ffi (1.17.4)\n    ffi (1.17.4-java)\n')}${dependencies('ffi')}
CHECKSUMS
  ffi (1.17.4) sha256=aa
  ffi (1.17.4-java) sha256=bb
`;
    const content = await read(FILE, text);
    expect(content.packages[0]?.integrity).toBe('sha256:aa');
    expect(content.poisonings).toEqual([]);
    expect(poisoningsOf(await read(FILE, `${text}  ffi (1.17.4-java) sha256=cc\n`))).toEqual(['changed-integrity ffi@1.17.4']);
  });

  it('reads CRLF, a byte order mark, blanks at ends of lines and sections in any order', async () => {
    const text = `${dependencies('ast')}\n${gem('    ast (2.4.2)\n')}`;
    for (const variant of [text.replaceAll('\n', '\r\n'), `\ufeff${text}`, text.replaceAll('\n', ' \n')]) {
      expect(packagesOf(await read(FILE, variant))).toEqual(['ast@2.4.2']);
      expect((await read(FILE, variant)).packages[0]?.relationship).toBe('direct');
    }
  });

  it('notes every remote of a section, since each of its gems may come from any of them', async () => {
    const content = await read(
      FILE,
      `GEM\n  remote: ${REMOTE}\n  remote: https://other.example/\n  specs:\n    ast (2.4.2)\n\n${dependencies('ast')}`,
    );
    expect(content.packages[0]?.registryHosts).toEqual(['gems.registry.example', 'other.example']);
    expect(content.warnings).toEqual([expect.stringMatching(/several remotes/)]);
  });

  it('keeps sections of several registries apart', async () => {
    const content = await read(
      FILE,
      `${gem('    ast (2.4.2)\n')}${gem('    corp (1.0)\n', 'https://user:secret@gems.corp.example/x/')}${dependencies('ast', 'corp!')}`,
    );
    expect(content.packages.map(({ name, registryHosts }) => [name, registryHosts])).toEqual([
      ['ast', ['gems.registry.example']],
      ['corp', ['gems.corp.example']],
    ]);
    expect(JSON.stringify(content)).not.toContain('secret');
  });

  it('reports gems that are fetched over plain HTTP', async () => {
    const content = await read(FILE, `${gem('    ast (2.4.2)\n', 'http://gems.registry.example/')}${dependencies('ast')}`);
    expect(poisoningsOf(content)).toEqual(['plain-http ast@2.4.2']);
  });

  it('makes gaps of what is declared and not resolved, by the Gemfile or by a gem', async () => {
    const content = await read(FILE, `${gem('    ast (2.4.2)\n      gone (>= 1, < 3)\n')}${dependencies('ast', 'lost (~> 1.0)', 'away!')}`);
    expect(gapsOf(content)).toEqual(['unresolved lost ~> 1.0', 'unresolved away', 'unresolved gone >= 1, < 3']);
  });

  it('takes Bundler itself for no gap', async () => {
    const content = await read(
      FILE,
      `${gem('    ast (2.4.2)\n      bundler (>= 1.15)\n')}${dependencies('ast', 'bundler')}\nBUNDLED WITH\n   2.5.3\n`,
    );
    expect(content.gaps).toEqual([]);
    expect(localsOf(content)).toEqual(['bundler 2.5.3']);
  });

  it('makes gaps of plugin sources, sections and lines that Bundler does not write', async () => {
    const content = await read(
      FILE,
      `PLUGIN SOURCE\n  remote: https://s3.example/x\n  type: s3\n  specs:\n    bucket (1.0)\n\nGEMS\n  specs:\n    hidden (1.0)\n\n${gem('    ast (2.4.2)\n    half (1.0\n    bare\n    two words (1)\n\tast (3)\n    ../up (1.0)\n    __proto__ (1.0)\n')}${dependencies('ast')}`,
    );
    expect(packagesOf(content)).toEqual(['__proto__@1.0', 'ast@2.4.2']);
    expect(gapsOf(content)).toEqual([
      'unsupported bucket https://s3.example/x',
      'unresolved bare',
      'unresolved two words 1',
      'unresolved ../up 1.0',
      'unresolved GEMS',
      'unresolved half (1.0',
      'unresolved \\u0009ast (3)',
    ]);
  });

  it('says when the end may be missing', async () => {
    expect((await read(FILE, gem('    ast (2.4.2)\n'))).warnings).toEqual([expect.stringMatching(/no DEPENDENCIES section/)]);
  });

  it('reads a project without gems', async () => {
    expect(await read(FILE, dependencies())).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /none of its sections/],
    ['text', 'hello world\n', /none of its sections/],
    ['YAML of the first Bundler', '---\ndependencies:\n  rake:\n', /none of its sections/],
    ['indented from the start', '  specs:\n', /line 1: it stands in no section/],
    ['binary', 'GEM\n\u0000', /binary/],
    ['an unfinished merge', 'GEM\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
    ['of endless lines', `GEM\n  remote: ${'x'.repeat(100_000)}\n`, /line 2 has more than/],
    ['of too many gems', gem(Array.from({ length: 400_001 }, (_, index) => `    g${index} (1)\n`).join('')), /more than 400000 entries/],
    ['of too many remotes', `GEM\n${'  remote: https://a.example/\n'.repeat(30)}`, /more than 20 remotes/],
    ['damaged all over', `GEM\n${' x\n'.repeat(300)}`, /more than 200 lines/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever gems are written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/).filter((text) => text !== 'bundler');
    const version = fc.stringMatching(/^[0-9]{1,2}(\.[0-9a-z]{1,3}){0,3}$/);
    const platform = fc.constantFrom('', '-java', '-x86_64-linux', '-arm64-darwin-22');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, version, platform), { maxLength: 12 }), fc.boolean(), async (gems, isCrlf) => {
        const specs = gems.map(([gemName, gemVersion, suffix]) => `    ${gemName} (${gemVersion}${suffix})\n`).join('');
        const text = `${gem(specs)}${dependencies(...new Set(gems.map(([gemName]) => gemName)))}`;
        const content = await read(FILE, isCrlf ? text.replaceAll('\n', '\r\n') : text);
        expect(packagesOf(content)).toEqual([...new Set(gems.map(([gemName, gemVersion]) => `${gemName}@${gemVersion}`))].sort());
        expect(content).toMatchObject({ gaps: [], warnings: [] });
      }),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () => expectNoSilentLoss(FILE, RICH));
});
