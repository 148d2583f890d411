/** A text of at most so many UTF-16 code units, with an ellipsis where it is cut; never through a pair, whose half would be no character. */
export function cutText(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
