import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCursor } from '../../../shared/manifests/line-cursor.ts';

describe('LineCursor', () => {
  it('finds the lines of texts in the order in which they stand', () => {
    const cursor = new LineCursor('a\nb\n\n  c: 1\n  d: 1\n');
    expect([cursor.lineOf('a'), cursor.lineOf('b'), cursor.lineOf('\n  c:'), cursor.lineOf('\n  d:'), cursor.lineOf('d')]).toEqual([
      1, 2, 4, 5, 5,
    ]);
  });

  it('says nothing of a text that does not follow, and gives up after some', () => {
    const cursor = new LineCursor('a\nb\n');
    expect([cursor.lineOf('b'), cursor.lineOf('a'), cursor.lineOf('b')]).toEqual([2, undefined, 2]);
    for (let index = 0; index < 20; index++) cursor.lineOf('z');
    expect(cursor.lineOf('b')).toBeUndefined();
  });

  it('counts as splitting into lines does', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-c]{0,3}$/), { maxLength: 12 }), (words) => {
        const lines = words.map((word, index) => `${word}<${index}>`);
        const cursor = new LineCursor(lines.join('\n'));
        for (const [index] of lines.entries()) expect(cursor.lineOf(`<${index}>`)).toBe(index + 1);
      }),
    );
  });

  it('goes through a text of one long line once', () => {
    const cursor = new LineCursor(Array.from({ length: 100_000 }, (_, index) => `<${index}> some more text that is in between`).join(''));
    for (let index = 0; index < 100_000; index++) expect(cursor.lineOf(`<${index}>`)).toBe(1);
  });
});
