import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { isTomlTable, linesOfHeaders, parseToml } from '../../../../shared/manifests/syntax/toml.ts';

const LARGE = 1024 * 1024 + 1;

function repeated(piece: string, characters: number): string {
  return piece.repeat(Math.ceil(characters / piece.length));
}

describe('parseToml', () => {
  it('reads keys that mean something to JavaScript as data', () => {
    const parsed = parseToml('__proto__ = 1\n[constructor]\ntoString = 2\n');
    expect('value' in parsed && Object.keys(parsed.value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });

  it('tells tables from lists, dates and everything else', () => {
    const parsed = parseToml('table = {}\nlist = []\ndate = 1979-05-27\ntext = ""\n');
    const { value } = parsed as { value: Record<string, unknown> };
    expect(Object.values(value).map(isTomlTable)).toEqual([true, false, false, false]);
  });

  it.each([
    ['cut off', 'a = "b', 'not valid TOML (line 1, column 5)'],
    ['nested too deep', `a = ${'['.repeat(10)}${']'.repeat(10)}`, 'not valid TOML (line 1, column 13)'],
    ['binary', 'a\u0000', 'a binary file: it holds NUL characters'],
    ['an unfinished merge', 'a = 1\n<<<<<<< HEAD\n=======\n>>>>>>> x\n', 'it holds the markers of an unfinished merge (<<<<<<<)'],
  ])('refuses what is %s', (_what, text, reason) => {
    expect(parseToml(text)).toEqual({ reason });
  });

  it.each([
    ['tables', 2 * LARGE, (n: number) => repeated('[[a]]\n', n)],
    ['inline tables', 3 * LARGE, (n: number) => `a = [${repeated('{},', n)}]`],
    ['dotted keys', 2 * LARGE, (n: number) => `${repeated('a.', n)}a = 1`],
    ['lists', 2 * LARGE, (n: number) => `a = [${repeated('[1],', n)}]`],
    ['escapes', 3 * LARGE, (n: number) => `a = "${repeated('\\n', n)}"`],
    ['lines', 3 * LARGE, (n: number) => `${repeated('\n', n)}!`],
    ['digits apart', 6 * LARGE, (n: number) => `a = ${repeated('1_', n)}1`],
    ['quotes that are escaped in another string', 3 * LARGE, (n: number) => repeated('\\"\n', n)],
  ])('refuses more %s than fit into the memory, before they are made', (_what, characters, make) => {
    expect(parseToml(make(characters))).toEqual({ reason: expect.stringContaining('bytes of memory') });
  });

  it('reads a lock file of 8 MiB', () => {
    const file = `    { url = "https://files.example/${'0'.repeat(60)}/a-1.0-py3-none-any.whl", hash = "sha256:${'0'.repeat(64)}", size = 123456 },\n`;
    const entry = `[[package]]\nname = "a"\nversion = "1.0"\nwheels = [\n${file.repeat(8)}]\n\n`;
    const parsed = parseToml(repeated(entry, 8 * 1024 * 1024));
    expect('value' in parsed && (parsed.value['package'] as unknown[]).length).toBeGreaterThan(4_000);
  });

  it('does not count what stands in strings and comments', () => {
    const signs = repeated('[{.=,-:_', LARGE);
    const text = `a = "${signs}"\nb = '${signs}'\nc = """\n${signs}"""""\nd = '''${signs}'''\n# ${signs}\n`;
    expect(parseToml(text)).toHaveProperty('value.d', signs);
    expect(parseToml(`a = 1 # ${signs}`)).toHaveProperty('value.a', 1);
  });

  it('counts whatever smol-toml would read: no string ends later than for it', () => {
    const content = fc.array(fc.constantFrom('"', '""', "'", "''", '\\', '\\\\', '\\"', '\n', '\\\n', '#', 'x'), { maxLength: 6 });
    const statement = fc.tuple(content, fc.constantFrom('"', "'", '"""', "'''")).map(([pieces, quote]) => quote + pieces.join('') + quote);
    const tables = '[[b]]\n'.repeat(240_000);
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 3 }), (statements) => {
        const head = `a = [\n${statements.join(',\n')}\n]\n`;
        try {
          if (!Object.hasOwn(parse(`${head}[[b]]\n`), 'b')) return;
        } catch {
          return; // smol-toml reads no further either
        }
        expect(parseToml(`${head}${tables}`)).toEqual({ reason: expect.stringContaining('bytes of memory') });
      }),
      { numRuns: 100 },
    );
  });
});

describe('linesOfHeaders', () => {
  it('finds the line of each header at the start of a line', () => {
    expect(linesOfHeaders('[[a]]\n\n  [[a]]\r\n[[a]]\nx = "[[a]]"\n[[b]]\n[[a]]', 'a')).toEqual([1, 4, 7]);
    expect(linesOfHeaders('', 'a')).toEqual([]);
  });

  it('ends soon on a line without end', () => {
    expect(linesOfHeaders(repeated('[[a]]', 4_000_000), 'a')).toEqual([1]);
  });
});
