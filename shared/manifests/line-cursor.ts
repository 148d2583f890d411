/** So many texts may be absent before the search is given up: each costs a pass over the rest of the file. */
const MAX_MISSES = 8;

/** Finds the lines of texts that stand in a file in the order of asking, in one pass over it. */
export class LineCursor {
  readonly #text: string;
  #position = 0;
  /** The newline that ends the line counted last: looked for once, or a text of one long line would be gone through at every call. */
  #newline: number;
  #line = 1;
  #missCount = 0;

  constructor(text: string) {
    this.#text = text;
    this.#newline = this.#newlineFrom(0);
  }

  /** The line, from 1, on which `sought` begins, its leading newline left out; `undefined` where it does not follow. */
  lineOf(sought: string): number | undefined {
    if (this.#missCount > MAX_MISSES) return undefined;
    const found = this.#text.indexOf(sought, this.#position);
    if (found < 0) {
      this.#missCount++;
      return undefined;
    }
    while (this.#newline < found) {
      this.#line++;
      this.#newline = this.#newlineFrom(this.#newline + 1);
    }
    this.#position = found;
    return sought.startsWith('\n') ? this.#line + 1 : this.#line;
  }

  #newlineFrom(position: number): number {
    const found = this.#text.indexOf('\n', position);
    return found < 0 ? this.#text.length : found;
  }
}
