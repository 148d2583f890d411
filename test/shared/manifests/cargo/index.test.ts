import { describe, expect, it } from 'vitest';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'Cargo.lock';
const REGISTRY = 'registry+https://index.crates.example';

function crate(name: string, version: string, source?: string, dependencies: readonly string[] = []): string {
  const list = dependencies.length > 0 ? `dependencies = [\n${dependencies.map((dependency) => ` "${dependency}",\n`).join('')}]\n` : '';
  return `[[package]]\nname = "${name}"\nversion = "${version}"\n${source === undefined ? '' : `source = "${source}"\nchecksum = "00"\n`}${list}\n`;
}

describe('cargo', () => {
  it('lists registry crates, several versions of one, and leaves out our own', async () => {
    const content = await read(
      FILE,
      `# generated\nversion = 4\n\n${crate('app', '0.1.0', undefined, ['rand 0.8.5', 'serde'])}${crate('rand', '0.7.3', REGISTRY)}${crate('rand', '0.8.5', REGISTRY)}${crate('serde', '1.0.0')}${crate('ring', '1.0.0+meta', REGISTRY)}`,
    );
    expect(packagesOf(content)).toEqual(['rand@0.7.3', 'rand@0.8.5', 'ring@1.0.0+meta']);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('reads layout 1: a root, checksums in [metadata], no version', async () => {
    const content = await read(
      FILE,
      `[root]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "ms 1.0.0 (${REGISTRY})",\n]\n\n${crate('ms', '1.0.0', REGISTRY)}[metadata]\n"checksum ms 1.0.0 (${REGISTRY})" = "00"\n`,
    );
    expect(packagesOf(content)).toEqual(['ms@1.0.0']);
    expect(content.gaps).toEqual([]);
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

  it('warns of another registry than most', async () => {
    const content = await read(
      FILE,
      `version = 4\n${crate('a', '1.0.0', REGISTRY)}${crate('b', '1.0.0', REGISTRY)}${crate('c', '1.0.0', 'sparse+https://other.example/')}`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.0.0', 'c@1.0.0']);
    expect(content.warnings).toEqual([`1 package of another registry, sparse+https://other.example/, than most (${REGISTRY}), such as c`]);
  });

  it('reads any other TOML to the same packages', async () => {
    const content = await read(
      FILE,
      `version = 4\npackage = [{ name = 'a', version = '1.0.0', source = "${REGISTRY}" }, { name = "b", version = "2.0.0", source = "${REGISTRY}", dependencies = ["a"] }]\n`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@2.0.0']);
    expect(packagesOf(await read(FILE, `${crate('a', '1.0.0', REGISTRY, ['b']).replace(' "b",', '  "b", # a comment')}`))).toEqual([
      'a@1.0.0',
    ]);
    expect(packagesOf(await read(FILE, crate('a', '1.0.0', REGISTRY).replaceAll('\n', '\r\n')))).toEqual(['a@1.0.0']);
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
    expect(await read(FILE, 'version = 4\n')).toMatchObject({ packages: [], gaps: [] });
  });

  it.each([
    ['cut off', `version = 4\n[[package]]\nname = "ms`, /not valid TOML \(line 3/],
    ['empty', '', /neither "version" nor/],
    ['a layout to come', 'version = 99\n', /version 99 is not known/],
    ['text', 'hello world\n', /not valid TOML/],
    ['a merge conflict', `version = 4\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n`, /unfinished merge/],
    ['deeply nested', `version = 4\nx = ${'['.repeat(100_000)}`, /not valid TOML/],
    ['deeply dotted', `version = 4\n${'a.'.repeat(100_000)}b = 1\n`, /line 2 nests deeper/],
    ['large and of another layout', `# ${'x'.repeat(600_000)}\nversion = 4 # c\n`, /too large to be read as TOML/],
    ['a misspelt section', 'version = 4\n[[packages]]\nname = "x"\n', /it has a "packages"/],
    ['a table of packages', '[package]\nname = "x"\n', /"package" is no array/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });
});
