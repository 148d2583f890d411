const TOKEN = /\s*(?:("[^"]*"|'[^']*')|(===|==|~=|!=|<=|>=|<|>)|([A-Za-z_][A-Za-z0-9_.]*)|(\()|(\)))/y;

/** Whether a text is a condition by the grammar of PEP 508, whatever its variables are called. */
export function isMarker(text: string): boolean {
  const token = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  let expected: 'left' | 'operator' | 'in' | 'right' | 'connective' = 'left';
  let depth = 0;
  while (token.lastIndex < end) {
    const [, quoted, operator, word, opening, closing] = token.exec(text) ?? [];
    if (expected === 'left') {
      if (opening !== undefined) depth++;
      else if (quoted !== undefined || (word !== undefined && !KEYWORDS.has(word))) expected = 'operator';
      else return false;
    } else if (expected === 'operator') {
      if (operator !== undefined || word === 'in') expected = 'right';
      else if (word === 'not') expected = 'in';
      else return false;
    } else if (expected === 'in') {
      if (word !== 'in') return false;
      expected = 'right';
    } else if (expected === 'right') {
      if (quoted === undefined && (word === undefined || KEYWORDS.has(word))) return false;
      expected = 'connective';
    } else if (closing !== undefined) {
      if (--depth < 0) return false;
    } else {
      if (word !== 'and' && word !== 'or') return false;
      expected = 'left';
    }
  }
  return expected === 'connective' && depth === 0;
}

const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'in']);
