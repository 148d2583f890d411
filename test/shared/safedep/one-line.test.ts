import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toOneLine } from '../../../shared/safedep/one-line.ts';

describe('toOneLine', () => {
  it('makes one line of several, without the control characters that a terminal would obey', () => {
    expect(toOneLine('  a\r\n\tb\u001b[31m c\u202edef\u2028g ', 100)).toBe('a b [31m c def g');
  });

  it('cuts with an ellipsis at the given length', () => {
    expect(toOneLine('abcdef', 6)).toBe('abcdef');
    expect(toOneLine('abcdefg', 6)).toBe('abcde…');
    expect(toOneLine('abcd😀😀', 6)).toBe('abcd…');
  });

  it('never exceeds the length and never holds half a character, whatever comes in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        const line = toOneLine(text, max);
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line.isWellFormed()).toBe(true);
        expect(line).not.toMatch(/[\p{Cc}\n]/u);
      }),
    );
  });
});
