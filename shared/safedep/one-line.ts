import { cutText } from '../model/cut-text.ts';

/**
 * Text of the service made fit for one line of a terminal, a log or a message: control characters and runs of white space
 * become one blank, cut at `maxCharacters` (UTF-16 code units, never through a pair) with an ellipsis.
 */
export function toOneLine(text: string, maxCharacters: number): string {
  // Reading far beyond the cut would only cost time: a megabyte of blanks is still one line.
  const line = text
    .slice(0, maxCharacters * 10)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\s]+/gu, ' ')
    .trim()
    .toWellFormed();
  return cutText(line, maxCharacters);
}
