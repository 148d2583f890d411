import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleText } from '../../../shared/manifests/text.ts';
import { cutText } from '../../../shared/model/cut-text.ts';

describe('a text that is cut', () => {
  it('is its beginning with an ellipsis, no longer than asked for, and still of whole characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (text, maxCharacters) => {
        const cut = cutText(text, maxCharacters);
        expect(cut.length).toBeLessThanOrEqual(maxCharacters);
        expect(cut.isWellFormed()).toBe(true);
        expect(cut === text || text.startsWith(cut.slice(0, -1))).toBe(true);
        if (text.length <= maxCharacters) expect(cut).toBe(text);
        else expect([maxCharacters, maxCharacters - 1]).toContain(cut.length);
      }),
    );
  });

  it('keeps no half of a pair in what a reader says of a lock file', () => {
    expect(visibleText('a𐀀𐀀', 4)).toBe('a𐀀…');
    expect(visibleText('a𐀀𐀀', 3)).toBe('a…');
  });
});
