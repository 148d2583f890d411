import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { XmlElement } from '../../../../shared/manifests/syntax/xml-element.ts';
import { XmlReader, XmlRefused } from '../../../../shared/manifests/syntax/xml-reader.ts';

const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<?an instruction?>
<x:root xmlns:x='urn:x' a.b-c="1 > 2"
  größe = "3">
  text <b/> <c ></c > <![CDATA[<&>]]> ]] <d e="f"  />
</x:root>
`;

function read(text: string, maxDepth = 100, maxParts = 1_000): XmlElement {
  return new XmlReader(text, { maxDepth, maxParts }).read();
}

function whyNotRead(text: string, maxDepth?: number, maxParts?: number): string | undefined {
  try {
    read(text, maxDepth, maxParts);
    return undefined;
  } catch (error) {
    if (error instanceof XmlRefused) return error.message;
    throw error;
  }
}

const withoutSpace = (text: string): string => text.replaceAll(/\s/g, '');

/** Names, attributes and texts of an element and all below it, without white space. */
interface Outline {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Outline[];
}

function toOutline(name: string, attributes: readonly (readonly [string, string])[], text: string, children: readonly Outline[]): Outline {
  const values = attributes.map(([attribute, value]) => [attribute, withoutSpace(value)]);
  return { name, attributes: Object.fromEntries(values), text: withoutSpace(text), children };
}

function outlineOf(element: XmlElement): Outline {
  return toOutline(element.name, element.attributes(), element.text, element.elements().map(outlineOf));
}

const PEER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: '#cdata',
});

type PeerNode = Readonly<Record<string, unknown>>;

/** The same as fast-xml-parser reads it. */
function peerOutlineOf(node: PeerNode): Outline {
  const tag = Object.keys(node).find((key) => key !== ':@') ?? '';
  const inner = node[tag] as readonly PeerNode[];
  const textOf = (child: PeerNode): string =>
    '#cdata' in child ? (child['#cdata'] as readonly PeerNode[]).map(textOf).join('') : String(child['#text'] ?? '');
  return toOutline(
    tag.slice(tag.indexOf(':') + 1),
    Object.entries((node[':@'] as Readonly<Record<string, string>> | undefined) ?? {}),
    inner.map(textOf).join(''),
    inner.filter((child) => !('#text' in child) && !('#cdata' in child)).map(peerOutlineOf),
  );
}

describe('XmlReader', () => {
  it('reads elements, attributes and texts', () => {
    expect(outlineOf(read(DOCUMENT))).toEqual({
      name: 'root',
      attributes: { 'xmlns:x': 'urn:x', 'a.b-c': '1>2', größe: '3' },
      text: 'text<&>]]',
      children: [
        { name: 'b', attributes: {}, text: '', children: [] },
        { name: 'c', attributes: {}, text: '', children: [] },
        { name: 'd', attributes: { e: 'f' }, text: '', children: [] },
      ],
    });
    expect(read('<a/>', 1, 1).name).toBe('a');
  });

  it('takes many attributes in one tag', () => {
    const attributes = Array.from({ length: 40 }, (_, index) => `a${index}="${index}"`).join(' ');
    expect(read(`<a ${attributes}/>`).attributes()).toHaveLength(40);
  });

  it('reads line breaks and white space as XML has them', () => {
    const root = read('<a b="1\r\n2\t3"> x\r\ny<c/>\rz&#13;\r\n.</a>');
    expect([root.attribute('b'), root.text]).toEqual(['1 2 3', 'x\ny\nz\r\n.']);
  });

  it('decodes the five entities of XML and numbers, in texts and attributes', () => {
    const root = read('<a b="&lt;&#x1F600;&quot;">&amp;amp;&apos;&gt;&#233;</a>');
    expect([root.attribute('b'), root.text]).toEqual(['<\u{1f600}"', "&amp;'>é"]);
  });

  it.each([
    ['', 'no element'],
    ['<!-- -->', 'no element'],
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
    ['<a><!-- x</a>', 'comment that is not closed'],
    ['<a><!-- x -- y --></a>', 'two dashes'],
    ['<a><![CDATA[x]]</a>', 'CDATA section that is not closed'],
    ['<a><?x</a>', 'instruction that is not closed'],
    ['<a><? x?></a>', 'without a name'],
    ["<a><?x'y?></a>", 'without a name'],
    [' <?xml version="1.0"?><a/>', 'stand first'],
    ['<!DOCTYPE a><a/>', 'document type'],
    ['<!ELEMENT a><a/>', 'a declaration'],
    ['<a>\u0001</a>', 'control character'],
    ['<a>&nbsp;</a>', '"&nbsp;" is no entity of XML'],
    ['<a>b & c</a>', '"& c" is no entity of XML'],
    ['<a b="&c"/>', '"&c" is no entity of XML'],
    ['<a>&#0;</a>', 'no entity'],
    ['<a>&#xD800;</a>', 'no entity'],
    ['<a>&#x110000;</a>', 'no entity'],
    ['<a><a><a/></a></a>', 'deeper than 2'],
    ['<a b="1" c="2"><d/></a>', 'more than 3'],
  ])('refuses %s', (text, reason) => {
    expect(whyNotRead(text, 2, 3)).toContain(reason);
  });

  it('names the line', () => {
    expect(whyNotRead('<a>\n<b>\n</c>\n</a>')).toContain('(line 3)');
    expect(whyNotRead('<a>\n\n&b;</a>')).toContain('(line 1)');
  });

  it('refuses whatever the validator of fast-xml-parser refuses, and reads the rest as its parser does', () => {
    fc.assert(
      fc.property(
        fc.nat(DOCUMENT.length - 1),
        fc.string({ unit: fc.constantFrom(...'<>/"\'=!?-[] ab1\n'), maxLength: 3 }),
        fc.nat(3),
        (at, text, cut) => {
          const mutated = DOCUMENT.slice(0, at) + text + DOCUMENT.slice(at + cut);
          if (whyNotRead(mutated) === undefined) expect([mutated, XMLValidator.validate(mutated)]).toEqual([mutated, true]);
          // Its parser takes quotes in an instruction for those of an attribute.
          const plain = mutated.replaceAll(/<\?.*?\?>/gs, '');
          if (whyNotRead(plain) !== undefined) return;
          const [root] = (PEER.parse(plain) as readonly PeerNode[]).filter((node) => !('#text' in node));
          expect([plain, outlineOf(read(plain))]).toEqual([plain, peerOutlineOf(root ?? {})]);
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
      `<a>${'&'.repeat(many)}</a>`,
      `<a>${'&amp;'.repeat(many)}`,
      `<a>${'x<![CDATA[]]>\r'.repeat(many)}`,
    ]) {
      expect(whyNotRead(text)).toBeDefined();
    }
  });
});
