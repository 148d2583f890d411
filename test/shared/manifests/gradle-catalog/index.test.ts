import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradleCatalog } from '../../../../shared/manifests/gradle-catalog/index.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'gradle/libs.versions.toml';
const CATALOG = `[versions]
groovy = "3.0.5"
strict = { strictly = "[1.7, 1.8[", prefer = "1.7.25" }

[libraries]
guava = "org.acme:guava:30.1.1-jre"
core = { module = "org.acme:core", version.ref = "groovy" }
strings = { group = "com.example", name = "strings", version = "3.12.0" }
logging = { module = "com.example:logging", version.ref = "strict" }

[plugins]
shadow = { id = "net.example.shadow", version = "2.0.0" }
`;

function librariesOf(lines: string, versions = ''): string {
  return `[versions]\n${versions}\n[libraries]\n${lines}\n`;
}

describe('gradle-catalog', () => {
  it('reads catalogs by the end of their name', () => {
    expect(['gradle/libs.versions.toml', 'tools.versions.toml'].map((path) => gradleCatalog.matches(path))).toEqual([true, true]);
    expect(['versions.toml', 'libs.toml', 'libs.versions.toml.bak'].map((path) => gradleCatalog.matches(path))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('lists libraries in each of their spellings, with their lines', async () => {
    const content = await read(PATH, CATALOG);
    expect(content.packages.map(({ name, version, line, relationship }) => ({ name, version, line, relationship }))).toEqual([
      { name: 'com.example:logging', version: '1.7.25', line: 9, relationship: 'direct' },
      { name: 'com.example:strings', version: '3.12.0', line: 8, relationship: 'direct' },
      { name: 'org.acme:core', version: '3.0.5', line: 7, relationship: 'direct' },
      { name: 'org.acme:guava', version: '30.1.1-jre', line: 6, relationship: 'direct' },
    ]);
    expect(gapsOf(content)).toEqual(['unresolved net.example.shadow 2.0.0']);
    expect(content.warnings).toEqual([]);
  });

  it.each([
    ['"1.0"', '1.0'],
    ['"[1.0]"', '1.0'],
    ['"1.0!!"', '1.0'],
    ['"[1.0, 2.0[!!1.5"', '1.5'],
    ['{ strictly = "1.0" }', '1.0'],
    ['{ require = "1.5" }', '1.5'],
    ['{ prefer = "1.0" }', '1.0'],
    ['{ require = "1.0", reject = ["1.1"] }', '1.0'],
    ['{ strictly = "[1.0, 2.0[", prefer = "1.5" }', '1.5'],
    ['{ ref = "one-two" }', '7.0'],
  ])('takes version = %s for %s', async (version, expected) => {
    const content = await read(PATH, librariesOf(`a = { module = "org.acme:a", version = ${version} }`, 'one_two = "7.0"'));
    expect(packagesOf(content)).toEqual([`org.acme:a@${expected}`]);
    expect(content.gaps).toEqual([]);
  });

  it.each([
    ['"1.+"', '1.+', 'begins so'],
    ['"latest.release"', 'latest.release', 'time to time'],
    ['"[1.0, 2.0)"', '[1.0, 2.0)', 'range'],
    ['"[1.0, 2.0[!!"', '[1.0, 2.0[', 'range'],
    ['{ strictly = "[1.0, 2.0["}', '[1.0, 2.0[', 'range'],
    ['{ reject = ["1.0"] }', '', 'no version'],
    ['{ rejectAll = true }', 'rejectAll', 'rejected'],
    ['{ exactly = "1.0" }', 'exactly', 'no part of a version'],
    ['{ require = 1 }', 'require', 'no text'],
    ['{ ref = "missing" }', 'missing', 'no version missing'],
    ['{ ref = "one", require = "1" }', 'one', 'both'],
    ['{ ref = 1 }', '', 'no text'],
    ['""', '', 'not a version'],
    ['1.0', '', 'no text'],
    ['["1.0"]', '', 'no text'],
  ])('tells version = %s', async (version, requirement, reason) => {
    const content = await read(PATH, librariesOf(`a = { module = "org.acme:a", version = ${version} }`, 'one = "1"'));
    expect(content.packages).toEqual([]);
    expect(content.gaps).toMatchObject([{ state: 'unresolved', name: 'org.acme:a', requirement }]);
    expect(content.gaps[0]?.reason).toContain(reason);
  });

  it('tells libraries that it does not understand, and those without version', async () => {
    const content = await read(
      PATH,
      librariesOf(
        `a = { module = "org.acme:a" }
b = "org.acme:b"
c = "org.acme:c:1.0:sources"
d = { module = "org.acme", version = "1" }
e = { group = "org.acme", version = "1" }
f = { module = "org.acme:f", name = "g", version = "1" }
g = { module = "org.acme:g", version = "1", classifier = "x" }
h = 1
i = ["org.acme:i:1"]
j.k = { module = "org.acme:k", version = "1" }
l = { module = "org acme:l", version = "1" }`,
      ),
    );
    expect(content.packages).toEqual([]);
    expect(content.gaps.map(({ name }) => name)).toEqual(['org.acme:a', 'b', 'c', 'd', 'e', 'f', 'org.acme:g', 'h', 'i', 'j', 'l']);
  });

  it('keeps each version of a library that stands twice', async () => {
    expect(packagesOf(await read(PATH, librariesOf('a = "org.acme:a:1"\nb = "org.acme:a:2"')))).toEqual(['org.acme:a@1', 'org.acme:a@2']);
  });

  it('tells every plugin: what it is made of is fetched by another name', async () => {
    const content = await read(
      PATH,
      '[versions]\nv = "3"\n[plugins]\na = "x.a:1.0"\nb = { id = "x.b", version.ref = "v" }\nc = { id = "x.c" }\nd = 1\n',
    );
    expect(gapsOf(content)).toEqual(['unresolved x.a 1.0', 'unresolved x.b 3', 'unresolved x.c', 'unresolved d']);
    expect(content.gaps[0]?.reason).toContain('x.a:x.a.gradle.plugin');
  });

  it('warns of tables that it does not know', async () => {
    expect((await read(PATH, '[versions]\n[librarys]\na = "b:c:1"\n')).warnings).toEqual([expect.stringContaining('"librarys"')]);
  });

  it('reads format versions 1.0 and 1.1, and refuses others by name', async () => {
    for (const version of ['1.0', '1.1']) {
      expect(packagesOf(await read(PATH, `[metadata]\nformat.version = "${version}"\n[libraries]\na = "b:c:1"\n`))).toEqual(['b:c@1']);
    }
    expect(await reasonOf(PATH, '[metadata]\nformat.version = "2.0"\n[libraries]\na = "b:c:1"\n')).toContain('2.0');
  });

  it.each([
    ['an empty file', ''],
    ['only comments', '# libraries\n'],
    ['another TOML file', '[package]\nname = "a"\n'],
    ['what is no TOML', '[libraries\n'],
    ['a cut file', CATALOG.slice(0, CATALOG.indexOf('"3.12.0"') + 4)],
    ['libraries that are no table', 'libraries = ["a:b:1"]\n'],
    ['an alias twice', librariesOf('a = "b:c:1"\na = "b:d:1"')],
    ['an unfinished merge', '<<<<<<< ours\n[libraries]\n=======\n>>>>>>> theirs\n'],
  ])('refuses %s', async (_, text) => {
    expect(await reasonOf(PATH, text)).not.toContain('reader failed');
  });

  it('takes the names of Object.prototype for data', async () => {
    const content = await read(
      PATH,
      librariesOf(
        '__proto__ = { module = "a:b", version.ref = "constructor" }\ntoString = { module = "a:c", version.ref = "valueOf" }',
        '__proto__ = "1"',
      ),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual(['unresolved a:b constructor', 'unresolved a:c valueOf']);
  });

  it('reads back what was written', async () => {
    const id = fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,12}$/);
    const version = fc.stringMatching(/^[0-9][0-9A-Za-z.-]{0,8}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(id, id, version, fc.boolean()), { selector: ([group, name]) => `${group}:${name}` }),
        async (entries) => {
          const lines = entries.map(([group, name, number, isShort], index) =>
            isShort
              ? `l${index} = "${group}:${name}:${number}"`
              : `l${index} = { group = "${group}", name = "${name}", version.ref = "v${index}" }`,
          );
          const versions = entries.map(([, , number], index) => `v${index} = "${number}"`);
          const content = await read(PATH, librariesOf(lines.join('\n'), versions.join('\n')));
          expect(new Set(packagesOf(content))).toEqual(new Set(entries.map(([group, name, number]) => `${group}:${name}@${number}`)));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('loses nothing in silence when a character is damaged', async () => {
    await expectNoSilentLoss(PATH, CATALOG);
  });
});
