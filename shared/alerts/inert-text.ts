/**
 * Text from outside (package names, titles, branch names, paths) made safe to show: on a terminal, in a chat that reads Markdown,
 * in a page. The exact text stays in the event; what is made here is for the eye and is not to be parsed.
 */

/** Longer pieces are cut: a name may have 10 KB, an alert is read on a telephone. */
const PIECE_MAX_CHARACTERS = 300;

/**
 * Characters that start markup, links or mentions somewhere, each with a look-alike that starts none. Escapes would be shown as
 * they stand by every reader that does not know them.
 */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '<': '‹',
  '>': '›',
  '[': '［',
  ']': '］',
  '*': '∗',
  '`': 'ˋ',
  '|': '¦',
  '~': '∼',
  '@': '＠',
  _: 'ˍ',
};

/** Everything without a shape of its own: controls (line ends and ESC too), bidi and zero-width marks, separators, surrogates, unassigned. */
const SHAPELESS = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** An underscore inside a word marks nothing up anywhere, and stays, so that most paths can still be copied. */
const MARKUP = /[<>[\]*`|~@]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu;

function toVisibleEscape(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** One line, at most 300 characters and their escapes, in which nothing moves the cursor or changes direction. What is there can be copied. */
export function toTerminalText(text: string): string {
  const characters = Array.from(text);
  const cut = characters.length > PIECE_MAX_CHARACTERS ? [...characters.slice(0, PIECE_MAX_CHARACTERS), '…'] : characters;
  return cut.join('').replace(SHAPELESS, toVisibleEscape);
}

/** The same for any reader: nothing links, mentions or marks up either. */
export function toInertText(text: string): string {
  return toTerminalText(text)
    .replaceAll('://', ':⁄⁄')
    .replace(MARKUP, (character) => LOOK_ALIKES[character] ?? character);
}
