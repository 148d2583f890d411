/** The words of a line; white space within quotes divides none. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  let start = 0;
  let quote = '';
  for (let index = 0; index <= text.length; index++) {
    const sign = text[index];
    if (quote !== '' && sign !== undefined) {
      if (sign === quote) quote = '';
    } else if (sign === '"' || sign === "'") {
      quote = sign;
    } else if (sign === undefined || sign === ' ' || sign === '\t') {
      if (index > start) words.push(text.slice(start, index));
      start = index + 1;
    }
  }
  return words;
}

/** Without the quotes around the whole. */
export function unquoted(text: string): string {
  const quote = text[0];
  return (quote === '"' || quote === "'") && text.length > 1 && text.endsWith(quote) ? text.slice(1, -1) : text;
}
