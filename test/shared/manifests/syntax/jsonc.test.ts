import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { isJsoncObject, parseJsonc } from '../../../../shared/manifests/syntax/jsonc.ts';

/** Maps as plain objects without a prototype, to compare them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return isJsoncObject(value) ? Object.fromEntries([...value].map(([key, inner]) => [`key ${key}`, plain(inner)])) : value;
}

/** As `plain`, of what JSON.parse makes. */
function marked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [`key ${key}`, marked(inner)]));
}

function readValue(text: string): unknown {
  const parsed = parseJsonc(text);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return plain(parsed.value.value);
}

function reasonOf(text: string): string {
  const parsed = parseJsonc(text);
  return 'reason' in parsed ? parsed.reason : `read: ${JSON.stringify(plain(parsed.value.value))}`;
}

describe('parseJsonc', () => {
  it('reads whatever JSON.parse reads, to the same', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(readValue(text)).toEqual(marked(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it('never reads what jsonc-parser takes for damaged', () => {
    const seed = '{\n  // said\n  "a": [1, "x", {"b": null,},],\n  "c": {}, /* more */ "d": true,\n}\n';
    const piece = fc.oneof(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '/', '*', '\\', '\n', ' '), fc.string({ maxLength: 2 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(seed.length), fc.nat(4), piece), { minLength: 1, maxLength: 3 }), (edits) => {
        const text = edits.reduce((all, [at, length, put]) => all.slice(0, at) + put + all.slice(at + length), seed);
        const errors: never[] = [];
        const value: unknown = parse(text, errors, { allowTrailingComma: true });
        const parsed = parseJsonc(text);
        if ('reason' in parsed) return;
        expect(errors).toEqual([]);
        if (!text.includes('__proto__')) expect(plain(parsed.value.value)).toEqual(marked(value));
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads comments and trailing commas', () => {
    expect(readValue('// one\n{"a": [1, 2,], /* two */ "b": {},\n}')).toEqual({ 'key a': [1, 2], 'key b': {} });
  });

  it('tells the lines of arrays and the keys that stand twice', () => {
    const parsed = parseJsonc('{\n"a": [\n[1]],\r\n"a": [2]}');
    if ('reason' in parsed) throw new Error(parsed.reason);
    const { value, lineOf, doubledKeys } = parsed.value;
    const last = isJsoncObject(value) ? value.get('a') : undefined;
    expect(last).toEqual([2]);
    expect(Array.isArray(last) && lineOf(last)).toBe(4);
    expect(doubledKeys).toEqual(['a']);
  });

  it('keeps keys that mean something to JavaScript', () => {
    const parsed = parseJsonc('{"__proto__": {"x": 1}, "constructor": 2}');
    expect('value' in parsed && isJsoncObject(parsed.value.value) && [...parsed.value.value.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([
    ['nothing', '', /line 1, column 1/],
    ['a comma alone', '[,]', /line 1, column 2/],
    ['two commas', '[1,,]', /line 1, column 4/],
    ['no comma', '{"a": 1\n"b": 2}', /line 2, column 1/],
    ['no colon', '{"a" 1}', /column 6/],
    ['no value', '{"a": }', /column 7/],
    ['no quotes', '{a: 1}', /column 2/],
    ['another bracket', '[1}', /column 3/],
    ['more than one value', '{} {}', /column 4/],
    ['a comment that never ends', '{} /* said', /line 1/],
    ['a cut end', '{"a": [1, "b', /column 11/],
    ['a control character', '["a\u0001"]', /column 2/],
    ['a wrong escape', '["\\x"]', /column 2/],
    ['NUL', '["\u0000"]', /binary/],
    ['the end of brackets', '}', /column 1/],
  ])('refuses %s', (_what, text, place) => {
    expect(reasonOf(text)).toMatch(place);
  });

  it('refuses what nests too deep, and too many values, without effort', () => {
    expect(reasonOf('['.repeat(1_000_000))).toBe('it nests deeper than 32 levels, which no lock file does');
    expect(reasonOf('{"a":'.repeat(1_000_000))).toBe('it nests deeper than 32 levels, which no lock file does');
    expect(reasonOf(`[${'1,'.repeat(1_000_000)}]`)).toBe('more than 900000 values; files with up to that many are read');
  });
});
