/** Values by name; `undefined` for one that was declared without a value. */
export type Variables = ReadonlyMap<string, string | undefined>;

const MAX_DEPTH = 8;
/** Of a text before and after; references to images have some hundred. */
const MAX_CHARACTERS = 4_096;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * The text with `$NAME`, `${NAME}`, `${NAME:-DEFAULT}` and `${NAME:+OTHER}` replaced, or why it cannot be: a variable without a value, or
 * another operation.
 */
export function expand(text: string, variables: Variables, depth = 0): string | { readonly reason: string } {
  if (text.length > MAX_CHARACTERS || depth > MAX_DEPTH) return { reason: 'too long or too deep' };
  let expanded = '';
  for (let index = 0; index < text.length; ) {
    if (text[index] !== '$') {
      expanded += text[index++];
      continue;
    }
    const braced = text[index + 1] === '{';
    NAME.lastIndex = index + (braced ? 2 : 1);
    const name = NAME.exec(text)?.[0];
    if (name === undefined) return { reason: 'a "$" without a name' };
    let end = NAME.lastIndex;
    let value: string | { readonly reason: string } | undefined = variables.get(name);
    if (braced) {
      const close = closingBrace(text, end);
      if (close < 0) return { reason: 'a "${" that does not end' };
      value = applied(value, text.slice(end, close), variables, depth);
      end = close + 1;
    }
    if (value === undefined) return { reason: `${name} has no value here` };
    if (typeof value !== 'string') return value;
    expanded += value;
    // Each reference is short and its value need not be: arguments made of arguments grow without end.
    if (expanded.length > MAX_CHARACTERS) return { reason: 'too long or too deep' };
    index = end;
  }
  return expanded;
}

/** What follows the name between the braces: nothing, or an operation with a word. */
function applied(
  value: string | undefined,
  operation: string,
  variables: Variables,
  depth: number,
): string | undefined | { readonly reason: string } {
  if (operation === '') return value;
  const [, colon = '', sign, word = ''] = /^(:?)([+-])(.*)$/s.exec(operation) ?? [];
  if (sign === undefined) return { reason: `an operation that is not known: ${operation}` };
  const isSet = value !== undefined && (colon === '' || value !== '');
  if (sign === '-') return isSet ? value : expand(word, variables, depth + 1);
  return isSet ? expand(word, variables, depth + 1) : '';
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let index = from; index < text.length; index++) {
    if (text[index] === '}' && --depth === 0) return index;
    if (text[index] === '{') depth++;
  }
  return -1;
}
