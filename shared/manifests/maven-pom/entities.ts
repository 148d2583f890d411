/** HTML's names of the characters from U+00A0 to U+00FF, in order. */
const LATIN_1 = (
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil ' +
  'sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute ' +
  'Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc ' +
  'atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide ' +
  'oslash ugrave uacute ucirc uuml yacute thorn yuml'
).split(' ');
const FIRST = 0xa0;
const OTHERS: readonly (readonly [name: string, character: string])[] = [
  ['OElig', 'Œ'],
  ['oelig', 'œ'],
  ['Scaron', 'Š'],
  ['scaron', 'š'],
  ['ndash', '–'],
  ['mdash', '—'],
  ['lsquo', '‘'],
  ['rsquo', '’'],
  ['ldquo', '“'],
  ['rdquo', '”'],
  ['bull', '•'],
  ['hellip', '…'],
  ['euro', '€'],
  ['trade', '™'],
];
const CHARACTERS = new Map([...LATIN_1.map((name, index) => [name, String.fromCharCode(FIRST + index)] as const), ...OTHERS]);

/** Maven knows HTML's entities without a declaration: people's names are written with them. The five of XML stay as they are. */
export function withoutHtmlEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([A-Za-z]{2,6}[0-9]{0,2});/g, (entity, name: string) => CHARACTERS.get(name) ?? entity);
}
