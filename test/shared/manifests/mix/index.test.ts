import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'mix.lock';
const OUTER = '9c1b'.repeat(16);
const INNER = '4e07'.repeat(16);

function hex(name: string, version: string, dependencies = '[]', key = name): string {
  return `"${key}": {:hex, :${name}, "${version}", "${INNER}", [:mix], ${dependencies}, "hexpm", "${OUTER}"},`;
}

function lock(...entries: readonly string[]): string {
  return `%{\n${entries.map((entry) => `  ${entry}\n`).join('')}}\n`;
}

describe('mix', () => {
  it('lists packages with their digest and line', async () => {
    const content = await read(FILE, lock(hex('jason', '1.4.4'), hex('plug', '1.16.0-rc.1')));
    expect(content.packages).toEqual([
      { ecosystem: 'HEX', name: 'jason', version: '1.4.4', line: 2, integrity: `sha256:${OUTER}` },
      { ecosystem: 'HEX', name: 'plug', version: '1.16.0-rc.1', line: 3, integrity: `sha256:${OUTER}` },
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('takes the name of the second term, not the key', async () => {
    expect(packagesOf(await read(FILE, lock(hex('ts_chatterbox', '0.15.1', '[]', 'chatterbox'))))).toEqual(['ts_chatterbox@0.15.1']);
  });

  it('reads a first entry on the line of the brace, arrows, quoted atoms, escapes and comments', async () => {
    const text = `# by hand\n%{"jason" => {:hex, :"jason", "1.4.4"}, # newest\n  plug: {:hex, "plug", "1.0.0"}, "x\\"y": {:path, "a\\\\b", []}}\n`;
    const content = await read(FILE, text);
    expect(packagesOf(content)).toEqual(['jason@1.4.4', 'plug@1.0.0']);
    expect(localsOf(content)).toEqual(['x"y a\\b']);
    expect(packagesOf(await read(FILE, text.replaceAll('\n', '\r\n')))).toEqual(['jason@1.4.4', 'plug@1.0.0']);
  });

  it('reads the layouts of the first years: fewer terms, a keyword list', async () => {
    const content = await read(
      FILE,
      `[ "a": {:package, "0.1.0"},\n  "b": {:hex, :b, "0.2.0"},\n  "c": {:hex, :c, "0.3.0", "${INNER}", [:make], []},\n  "d": {:git, "git://git.example/d.git", "aa", []} ]\n`,
    );
    expect(packagesOf(content)).toEqual(['a@0.1.0', 'b@0.2.0', 'c@0.3.0']);
    expect(content.packages[2]?.integrity).toBe(`inner:${INNER}`);
    expect(gapsOf(content)).toEqual(['unsupported d git://git.example/d.git']);
  });

  it('keeps git, folders and other sources apart from the registry', async () => {
    const content = await read(
      FILE,
      lock(
        '"enacl": {:git, "https://git.example/enacl.git", "2f50ba6289f2f2d9fef05d22a396c0bab4f64149", [ref: "2f50ba6", depth: 1]},',
        '"near": {:path, "../near", []},',
        '"far": {:svn, "https://svn.example/far", "1"},',
      ),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual(['unsupported enacl https://git.example/enacl.git', 'unsupported far https://svn.example/far']);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it('says which packages are of another repository', async () => {
    const content = await read(
      FILE,
      lock(hex('corp', '1.0.0').replace('"hexpm"', '"hexpm:acme"'), hex('jason', '1.4.4').replace('"hexpm"', 'nil')),
    );
    expect(packagesOf(content)).toEqual(['corp@1.0.0', 'jason@1.4.4']);
    expect(content.warnings).toEqual(['1 package of the Hex repository hexpm:acme, such as corp']);
  });

  it('makes gaps of what packages need and the lock file does not resolve', async () => {
    const needs = (app: string, isOptional: boolean): string =>
      `{:${app}, "~> 1.0", [hex: :${app}, repo: "hexpm", optional: ${isOptional}]}`;
    const content = await read(
      FILE,
      lock(hex('plug', '1.0.0', `[${needs('gone', false)}, ${needs('spare', true)}, ${needs('mime', false)}]`), hex('mime', '2.0.0')),
    );
    expect(gapsOf(content)).toEqual(['unresolved gone ~> 1.0']);
  });

  it('makes gaps of wrong types, missing parts and illegal names, and keeps the rest', async () => {
    const content = await read(
      FILE,
      `%{"a": {:hex, :a, "1.0.0"}, "b": {:hex, :b}, "c": {:hex, 7, "1.0"}, "d": {:hex, :d, "~> 1.0"}, "e": "1.0.0", "f": {}, "g": {"hex", :g, "1"}, "../h": {:hex, :"../h", "1.0.0"}, 1 => {:hex, :i, "1"}, {:hex, :j, "1"}, "__proto__": {:hex, :__proto__, "1.0.0"}}`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved b',
      'unresolved c 1.0',
      'unresolved d ~> 1.0',
      'unresolved e',
      'unresolved f',
      'unresolved g',
      'unresolved ../h 1.0.0',
      'unresolved mix.lock',
      'unresolved __proto__ 1.0.0',
    ]);
  });

  it('lists both entries of one key, and says so', async () => {
    const content = await read(FILE, lock(hex('jason', '1.4.4'), hex('jason', '1.3.0')));
    expect(packagesOf(content)).toEqual(['jason@1.3.0', 'jason@1.4.4']);
    expect(content.warnings).toEqual(['jason stands in it twice; Elixir takes the last one']);
  });

  it('reads a project without packages', async () => {
    expect(await read(FILE, '%{\n}\n')).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /no term stands in it/],
    ['text', 'hello world\n', /line 1: "hello" is no literal/],
    ['code', `%{\n  ${hex('jason', '1.4.4')}\n  "x": System.cmd("touch", ["/tmp/x"]),\n}\n`, /line 3: "System" is no literal/],
    ['code in a text', '%{"x": {:hex, :x, "#{1 + 1}"}}', /code in it/],
    ['code behind the map', '%{}\nSystem.halt(0)\n', /line 2: .* behind the end of a term/],
    ['a tuple', '{:hex, :a, "1"}', /neither a map nor/],
    ['cut', lock(hex('jason', '1.4.4')).slice(0, -3), /ends within a term/],
    ['cut in a text', '%{"a": {:hex, :a, "1', /does not end on its line/],
    ['deeply nested', `%{"a": ${'['.repeat(100_000)}`, /nests deeper/],
    ['unfinished', '%{\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n}', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever packages are written', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, version), { maxLength: 10, selector: ([each]) => each }), async (packages) => {
        const content = await read(FILE, lock(...packages.map(([each, at], index) => hex(each, at, '[]', `app${index}`))));
        expect(packagesOf(content)).toEqual(packages.map(([each, at]) => `${each}@${at}`).sort());
      }),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () =>
    expectNoSilentLoss(
      FILE,
      lock(
        hex('copperworks', '1.24.9', '[{:zincplate, "~> 1.0", [hex: :zincplate, repo: "hexpm", optional: false]}]'),
        '"enacl": {:git, "https://git.example/enacl.git", "2f50ba62", [ref: "2f50ba6"]},',
        hex('dovetail', '3.7.1'),
        hex('zincplate', '5.8.6'),
      ),
    ));
});
