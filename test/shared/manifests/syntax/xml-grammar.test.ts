import fc from 'fast-check';
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { whyNotWellFormed } from '../../../../shared/manifests/syntax/xml-grammar.ts';

const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<?an instruction?>
<x:root xmlns:x='urn:x' a.b-c="1 > 2"
  größe = "3">
  text <b/> <c ></c > <![CDATA[<&>]]> ]] <d e="f"  />
</x:root>
`;

describe('whyNotWellFormed', () => {
  it('takes what is well-formed', () => {
    expect(whyNotWellFormed(DOCUMENT, 10)).toBeUndefined();
    expect(whyNotWellFormed('<a/>', 1)).toBeUndefined();
    const attributes = Array.from({ length: 40 }, (_, index) => `a${index}="${index}"`).join(' ');
    expect(whyNotWellFormed(`<a ${attributes}/>`, 1)).toBeUndefined();
  });

  it.each([
    ['', '0 elements'],
    ['<!-- -->', '0 elements'],
    ['<a/><b/>', '2 elements'],
    ['x<a/>', 'text outside'],
    ['<a/>x', 'text outside'],
    ['<a/><![CDATA[x]]>', 'text outside'],
    ['<a>', '<a> is not closed'],
    ['<a></b>', '</b> closes <a>'],
    ['<a></a ></a>', '</a> closes nothing'],
    ['<a></a', 'not closed'],
    ['<a></ a>', 'closes'],
    ['<a', 'not closed'],
    ['<a <b/>', 'not closed'],
    ['<a / >', 'not closed'],
    ['< a/>', 'without a name'],
    ['<1a/>', 'without a name'],
    ['<a b/>', 'no value'],
    ['<a b=c/>', 'not quoted'],
    ['<a b="c/>', 'not closed'],
    ['<a b="<"/>', 'not closed'],
    ['<a b="1"c="2"/>', 'not closed'],
    ['<a b="1" b="2"/>', 'stands twice'],
    [`<a ${Array.from({ length: 40 }, (_, index) => `a${index}="1"`).join(' ')} a39="1"/>`, 'stands twice'],
    ['<a><!-- x</a>', 'comment that is not closed'],
    ['<a><!-- x -- y --></a>', 'two dashes'],
    ['<a><![CDATA[x]]</a>', 'CDATA section that is not closed'],
    ['<a><?x</a>', 'instruction that is not closed'],
    ['<a><? x?></a>', 'without a name'],
    [' <?xml version="1.0"?><a/>', 'stand first'],
    ['<!DOCTYPE a><a/>', 'a declaration'],
    ['<a>\u0001</a>', 'control character'],
    ['<a><a><a/></a></a>', 'deeper than 2'],
  ])('refuses %s', (text, reason) => {
    expect(whyNotWellFormed(text, 2)).toContain(reason);
  });

  it('names the line', () => {
    expect(whyNotWellFormed('<a>\n<b>\n</c>\n</a>', 9)).toContain('(line 3)');
  });

  it('refuses whatever the validator of the library refuses', () => {
    fc.assert(
      fc.property(
        fc.nat(DOCUMENT.length - 1),
        fc.string({ unit: fc.constantFrom(...'<>/"\'=!?-[] ab1\n'), maxLength: 3 }),
        fc.nat(3),
        (at, text, cut) => {
          const mutated = DOCUMENT.slice(0, at) + text + DOCUMENT.slice(at + cut);
          if (whyNotWellFormed(mutated, 100) === undefined) expect([mutated, XMLValidator.validate(mutated)]).toEqual([mutated, true]);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('ends on hostile documents without delay', () => {
    const many = 1_000_000;
    for (const text of [
      '<'.repeat(many),
      '<a '.repeat(many),
      '<!--'.repeat(many),
      '<a b="'.repeat(many),
      '<?'.repeat(many),
      ' '.repeat(many),
      `<a${' '.repeat(many)}`,
    ]) {
      expect(whyNotWellFormed(text, 100)).toBeDefined();
    }
  });
});
