import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { issueText, toSchemaIssue } from '../../../shared/model/schema-issue.ts';

const schema = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(8)),
  count: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  kind: v.optional(v.picklist(['a', 'b'])),
  one: v.optional(v.literal(1)),
  url: v.optional(v.pipe(v.string(), v.url())),
  at: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  form: v.optional(v.pipe(v.string(), v.regex(/^[a-z]$/))),
  own: v.optional(
    v.pipe(
      v.string(),
      v.check(() => false, 'must be better'),
    ),
  ),
  list: v.optional(v.array(v.strictObject({ forge: v.string() }))),
  either: v.optional(v.union([v.literal('none'), v.strictObject({ requests: v.number() })])),
  variant: v.optional(v.variant('forge', [v.strictObject({ forge: v.literal('x') }), v.strictObject({ forge: v.literal('y') })])),
  inner: v.optional(v.strictObject({ key: v.optional(v.boolean()) })),
});

function textOf(document: unknown): string | undefined {
  const result = v.safeParse(schema, document);
  return result.success ? undefined : issueText(result.issues[0]);
}

describe('issueText', () => {
  it.each([
    [{}, 'name: it is missing'],
    [{ name: 5 }, 'name: expected a text, found 5'],
    [{ name: {} }, 'name: expected a text, found an object'],
    [{ name: '' }, 'name: expected a length >=1, found 0'],
    [{ name: '123456789' }, 'name: expected a length <=8, found 9'],
    [{ name: 'a', nmae: 'b' }, 'nmae: there is no such key'],
    [{ name: 'a', count: 0 }, 'count: expected >=1, found 0'],
    [{ name: 'a', count: 1.5 }, 'count: expected a whole number, found 1.5'],
    [{ name: 'a', count: '1' }, 'count: expected a number, found "1"'],
    [{ name: 'a', kind: 'c' }, 'kind: expected one of "a", "b", found "c"'],
    [{ name: 'a', one: 2 }, 'one: expected 1, found 2'],
    [{ name: 'a', url: 'x' }, 'url: expected an address (URL), found "x"'],
    [{ name: 'a', at: 'x' }, 'at: expected a time of RFC 3339, found "x"'],
    [{ name: 'a', form: 'xx' }, 'form: expected a text like /^[a-z]$/, found "xx"'],
    [{ name: 'a', own: 'x' }, 'own: must be better'],
    [{ name: 'a', list: {} }, 'list: expected a list, found an object'],
    [{ name: 'a', list: [{ forge: 'x' }, {}] }, 'list.1.forge: it is missing'],
    [{ name: 'a', either: 5 }, 'either: expected one of "none", an object, found 5'],
    [{ name: 'a', either: { requests: 'x' } }, 'either.requests: expected a number, found "x"'],
    [{ name: 'a', variant: { forge: 'z' } }, 'variant.forge: expected one of "x", "y", found "z"'],
    [{ name: 'a', inner: ['x'] }, 'inner: expected an object, found a list'],
    [['x'], 'document: expected an object, found a list'],
    ['x', 'document: expected an object, found "x"'],
  ])('of %j', (document, text) => {
    expect(textOf(document)).toBe(text);
  });

  it('cuts what it cites', () => {
    expect(textOf({ name: 'a', kind: 'c'.repeat(10_000) })?.length).toBeLessThan(140);
  });
});

describe('toSchemaIssue', () => {
  it('gives keys and indexes as they are', () => {
    const result = v.safeParse(schema, { name: 'a', list: [{ forge: 1 }] });
    expect(result.issues?.map((issue) => toSchemaIssue(issue).path)).toEqual([['list', 0, 'forge']]);
  });
});
