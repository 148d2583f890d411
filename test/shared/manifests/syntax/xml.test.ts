import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseXml } from '../../../../shared/manifests/syntax/xml.ts';
import type { XmlElement } from '../../../../shared/manifests/syntax/xml-element.ts';

function rootOf(text: string): XmlElement {
  const parsed = parseXml(text);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.value;
}

function reasonOf(text: string): string {
  const parsed = parseXml(text);
  if (!('reason' in parsed)) throw new Error('it was parsed');
  return parsed.reason;
}

describe('parseXml', () => {
  it('gives elements by their local names, with texts and attributes decoded', () => {
    const root = rootOf(
      '<?xml version="1.0"?>\n<!-- head --><x:root xmlns:x="urn:x" a="1 &lt; 2">\n <b> one &amp; &#50;&#x33; </b><y:b c=\'"\'/><d><![CDATA[<&amp;>]]></d></x:root>\n',
    );
    expect(root.name).toBe('root');
    expect(root.attribute('a')).toBe('1 < 2');
    expect(root.attribute('missing')).toBeUndefined();
    expect(root.elements().map(({ name }) => name)).toEqual(['b', 'b', 'd']);
    expect(root.elements('b').map(({ text }) => text)).toEqual(['one & 23', '']);
    expect(root.elements('b')[1]?.attribute('c')).toBe('"');
    expect(root.element('d')?.text).toBe('<&amp;>');
    expect(root.element('missing')).toBeUndefined();
  });

  it('keeps texts as they are written', () => {
    expect(rootOf('<v>1.0</v>').text).toBe('1.0');
    expect(rootOf('<v>0x10</v>').text).toBe('0x10');
    expect(rootOf('<v a="1e3"/>').attribute('a')).toBe('1e3');
  });

  it('reads back what was written', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => value.replace(/[^\P{C}]/gu, '').trim());
    const escaped = (value: string) => value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (entries) => {
        const root = rootOf(`<r>${entries.map(([a, b]) => `<e a="${escaped(a)}">${escaped(b)}</e>`).join('')}</r>`);
        expect(root.elements('e').map((element) => [element.attribute('a')?.trim(), element.text])).toEqual(entries);
      }),
    );
  });

  it.each([
    ['an empty text', ''],
    ['no element', 'text'],
    ['an open element', '<a><b></b>'],
    ['crossed elements', '<a><b></a></b>'],
    ['two elements at the top', '<a/><b/>'],
    ['an attribute without quotes', '<a x=1/>'],
    ['an attribute twice', '<a x="1" x="2"/>'],
    ['a cut tag', '<a'],
    ['a document type', '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['a bare ampersand', '<a>b & c</a>'],
    ['deep nesting', '<a>'.repeat(5_000) + '</a>'.repeat(5_000)],
    ['an unfinished merge', '<a>\n<<<<<<< ours\n<b/>\n=======\n<c/>\n>>>>>>> theirs\n</a>'],
    ['too many tags', `<a>${'<b/>'.repeat(1_000_001)}</a>`],
    ['too many attributes', `<a ${Array.from({ length: 1_000_001 }, (_, index) => `a${index}="1"`).join(' ')}/>`],
  ])('refuses %s', (_, text) => {
    expect(reasonOf(text)).not.toBe('');
  });

  it('takes an ampersand in a comment or a CDATA section for itself', () => {
    expect(rootOf('<a><!-- b & c --><![CDATA[d & e]]></a>').text).toBe('d & e');
  });

  it('leaves Object.prototype alone', () => {
    const root = rootOf('<a __proto__="1" constructor="2"><__proto__>3</__proto__><prototype/><toString/></a>');
    expect(root.attributes()).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    expect(root.element('__proto__')?.text).toBe('3');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
