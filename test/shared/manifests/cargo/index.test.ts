import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'Cargo.lock';
const REGISTRY = 'registry+https://index.crates.example';
/** The format's own name for cargo's registry. */
const DEFAULT = 'registry+https://github.com/rust-lang/crates.io-index';
const DIGEST = 'ab'.repeat(32);

function crate(name: string, version: string, source?: string, dependencies: readonly string[] = []): string {
  const list = dependencies.length > 0 ? `dependencies = [\n${dependencies.map((dependency) => ` "${dependency}",\n`).join('')}]\n` : '';
  const origin = source === undefined ? '' : `source = "${source}"\nchecksum = "${DIGEST}"\n`;
  return `[[package]]\nname = "${name}"\nversion = "${version}"\n${origin}${list}\n`;
}

describe('cargo', () => {
  it('lists registry crates, several versions of one, and our own apart', async () => {
    const content = await read(
      FILE,
      `# generated\nversion = 4\n\n${crate('app', '0.1.0', undefined, ['rand 0.8.5', 'serde'])}${crate('rand', '0.7.3', REGISTRY)}${crate('rand', '0.8.5', REGISTRY)}${crate('serde', '1.0.0')}${crate('ring', '1.0.0+meta', REGISTRY)}`,
    );
    expect(packagesOf(content)).toEqual(['rand@0.7.3', 'rand@0.8.5', 'ring@1.0.0+meta']);
    expect(localsOf(content)).toEqual(['app 0.1.0', 'serde 1.0.0']);
    expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
  });

  it('tells what our own code asks for, the digest, the host and the line', async () => {
    const content = await read(
      FILE,
      `version = 4\n\n${crate('app', '0.1.0', undefined, ['rand 0.8.5', 'ring 1.0.0 (git+https://git.example/ring)'])}${crate('rand', '0.7.3', REGISTRY)}${crate('rand', '0.8.5', REGISTRY)}${crate('ring', '1.0.0', REGISTRY)}`,
    );
    expect(content.packages).toMatchObject([
      { name: 'rand', version: '0.7.3', relationship: 'transitive', line: 11 },
      {
        name: 'rand',
        version: '0.8.5',
        relationship: 'direct',
        line: 17,
        integrity: `sha256:${DIGEST}`,
        registryHosts: ['index.crates.example'],
      },
      { name: 'ring', relationship: 'direct' },
    ]);
    expect(content.registries).toEqual([{ ecosystem: 'CARGO', host: 'index.crates.example', entryCount: 3 }]);
  });

  it('takes a crate without a source for our own, whatever its name: a patch by folder', async () => {
    const content = await read(FILE, `version = 4\n${crate('serde', '1.0.219')}${crate('app', '0.1.0', undefined, ['serde'])}`);
    expect(content).toMatchObject({ packages: [], gaps: [], locals: [{ name: 'serde', requirement: '1.0.219' }, { name: 'app' }] });
  });

  it('reads layout 1: a root, checksums in [metadata], no version', async () => {
    const content = await read(
      FILE,
      `[root]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "ms 1.0.0 (${REGISTRY})",\n]\n\n[[package]]\nname = "ms"\nversion = "1.0.0"\nsource = "${REGISTRY}"\n\n[metadata]\n"checksum ms 1.0.0 (${REGISTRY})" = "${DIGEST}"\n"checksum app 0.1.0 (x)" = "<none>"\n`,
    );
    expect(content.packages).toMatchObject([{ name: 'ms', version: '1.0.0', integrity: `sha256:${DIGEST}`, relationship: 'direct' }]);
    expect(content).toMatchObject({ gaps: [], warnings: [], locals: [{ name: 'app' }] });
  });

  it('makes gaps of git sources, unknown sources, illegal names and what is declared in vain', async () => {
    const content = await read(
      FILE,
      `version = 3\n${crate('app', '0.1.0', undefined, ['gone', 'regex'])}${crate('regex', '1.11.1', 'git+https://git.example/regex.git#0123456')}${crate('dir', '1.0.0', 'directory+file:///x')}${crate('../x', '1.0.0', REGISTRY)}`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved gone gone',
      'unsupported regex git+https://git.example/regex.git#0123456',
      'unsupported dir directory+file:///x',
      'unresolved ../x 1.0.0',
    ]);
  });

  it('notices a file that was cut between two packages, by what the rest depends on', async () => {
    const whole = `version = 4\n\n${crate('a', '1.0.0', REGISTRY, ['b 2.0.0'])}${crate('b', '1.0.0', REGISTRY)}${crate('b', '2.0.0', REGISTRY)}`;
    expect((await read(FILE, whole)).gaps).toEqual([]);
    const cut = await read(FILE, whole.slice(0, whole.lastIndexOf('[[package]]')));
    expect(packagesOf(cut)).toEqual(['a@1.0.0', 'b@1.0.0']);
    expect(gapsOf(cut)).toEqual(['unresolved b b 2.0.0']);
  });

  it("warns of another registry than cargo's own, which names no host", async () => {
    const content = await read(FILE, `version = 4\n${crate('a', '1.0.0', DEFAULT)}${crate('c', '1.0.0', 'sparse+https://other.example/')}`);
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'c@1.0.0']);
    expect(content.packages[0]).not.toHaveProperty('registryHosts');
    expect(content.warnings).toEqual(["1 package is of another registry than cargo's own, sparse+https://other.example/, such as c@1.0.0"]);
    expect(content.registries).toEqual([{ ecosystem: 'CARGO', host: 'other.example', entryCount: 1 }]);
  });

  it('knows the host of a registry that is reached over SSH', async () => {
    const content = await read(FILE, `version = 4\n${crate('a', '1.0.0', 'registry+ssh://git@crates.internal.example/index.git')}`);
    expect(content.packages[0]?.registryHosts).toEqual(['crates.internal.example']);
  });

  it('reports a registry without TLS, and two digests of one version', async () => {
    const other = crate('a', '1.0.0', 'registry+https://index.crates.example/two').replace(DIGEST, 'cd'.repeat(32));
    const content = await read(
      FILE,
      `version = 4\n${crate('a', '1.0.0', REGISTRY)}${other}${crate('b', '1.0.0', 'registry+http://index.crates.example')}`,
    );
    expect(poisoningsOf(content)).toEqual(['plain-http b@1.0.0', 'changed-integrity a@1.0.0']);
  });

  it('refuses more registries than any lock file has', async () => {
    const crates = Array.from({ length: 501 }, (_, index) => crate('a', '1.0.0', `registry+https://h${index}.example`));
    expect(await reasonOf(FILE, `version = 4\n\n${crates.join('')}`)).toBe('more than 500 registries, which no lock file has');
  });

  it('reads any other TOML to the same packages', async () => {
    const content = await read(
      FILE,
      `version = 4\npackage = [{ name = 'a', version = '1.0.0', source = "${REGISTRY}" }, { name = "b", version = "2.0.0", source = "${REGISTRY}", dependencies = ["a"] }]\n`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@2.0.0']);
    const commented = `${crate('a', '1.0.0', REGISTRY, ['b']).replace(' "b",', '  "b", # a comment')}${crate('b', '1.0.0', REGISTRY)}`;
    expect((await read(FILE, commented)).packages).toMatchObject([{ name: 'a', line: 1 }, { name: 'b' }]);
    expect(packagesOf(await read(FILE, crate('a', '1.0.0', REGISTRY).replaceAll('\n', '\r\n')))).toEqual(['a@1.0.0']);
  });

  it('warns of a key that it does not know: a source that is misspelt would pass for none', async () => {
    const content = await read(FILE, `version = 4\n${crate('a', '1.0.0', REGISTRY).replace('source', 'sauce')}`);
    expect(localsOf(content)).toEqual(['a 1.0.0']);
    expect(content.warnings).toEqual(['an entry has "sauce", which is not known and not read']);
  });

  it('reports entries of the wrong type and keeps the rest', async () => {
    const content = await read(
      FILE,
      `version = 4\npackage = [7, { name = "x" }, { name = "a", version = "1.0.0", source = "${REGISTRY}" }]\n`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(gapsOf(content)).toEqual(['unresolved [[package]]', 'unresolved x']);
  });

  it('accepts a workspace without members', async () => {
    expect(await read(FILE, 'version = 4\n')).toMatchObject({ packages: [], gaps: [], locals: [] });
  });

  it.each([
    ['cut off', `version = 4\n[[package]]\nname = "ms`, /not valid TOML \(line 3/],
    ['empty', '', /neither "version" nor/],
    ['a layout to come', 'version = 99\n', /version 99 is not known/],
    ['text', 'hello world\n', /not valid TOML/],
    ['a merge conflict', `version = 4\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n`, /unfinished merge/],
    ['deeply nested', `version = 4\nx = ${'['.repeat(100_000)}`, /not valid TOML/],
    ['deeply dotted', `version = 4\n${'a.'.repeat(100_000)}b = 1\n`, /it has a "a"/],
    ['a misspelt section', 'version = 4\n[[packages]]\nname = "x"\n', /it has a "packages"/],
    ['a table of packages', '[package]\nname = "x"\n', /"package" is no array/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/), fc.constantFrom('constructor', '__proto__', 'toString'));
    const version = fc.stringMatching(/^\d{1,2}\.\d{1,2}\.\d{1,2}(-[a-z]{1,4}\.\d)?(\+[a-z0-9]{1,4})?$/);
    const entry = fc.tuple(name, version, fc.constantFrom(undefined, REGISTRY, DEFAULT));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(entry, { selector: ([n, v]) => `${n}@${v}`, maxLength: 20 }), async (entries) => {
        const content = await read(FILE, `version = 4\n\n${entries.map(([n, v, source]) => crate(n, v, source)).join('')}`);
        const written = (isOwn: boolean): string[] =>
          entries.filter(([, , source]) => (source === undefined) === isOwn).map(([n, v]) => `${n}@${v}`);
        expect(packagesOf(content).sort()).toEqual(written(false).sort());
        expect(content.locals.map((local) => `${local.name}@${local.requirement}`).sort()).toEqual(written(true).sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `version = 4\n\n${crate('application', '0.1.0', undefined, ['randomness 0.8.5', 'serialization'])}${crate('randomness', '0.7.3', REGISTRY)}${crate('randomness', '0.8.5', REGISTRY, ['regexes'])}${crate('serialization', '1.0.0', REGISTRY)}${crate('regexes', '1.11.1', 'git+https://git.example/regex.git#0123456')}`,
    );
  });
});
