/** A token of HCL's native syntax, as far as lock files use it. */
export type Token =
  | { readonly kind: 'name' | 'text'; readonly text: string; readonly line: number }
  | { readonly kind: 'sign'; readonly text: '{' | '}' | '[' | ']' | '=' | ','; readonly line: number }
  | { readonly kind: 'newline' | 'end'; readonly text: ''; readonly line: number };

export class HclError extends Error {
  override readonly name = 'HclError';
}

const SIGNS = '{}[]=,';
const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y;
/** A character of a text, or an escape; a template (`${`, `%{`) would have to be evaluated, and is none. */
const PLAIN_TEXT = /[^"\\$%\n]*/y;
const ESCAPE = /\\(?:([nrt"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/y;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Reads a text token by token. Throws `HclError` with the line at the first sign that none begins with. */
export class Tokens {
  readonly #text: string;
  #position = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next token; white space and comments are passed over. After the end it is `end` again and again. */
  next(): Token {
    for (;;) {
      const sign = this.#text[this.#position];
      if (sign === undefined) return { kind: 'end', text: '', line: this.#line };
      if (sign === '\n') {
        this.#position++;
        return { kind: 'newline', text: '', line: this.#line++ };
      }
      if (sign === ' ' || sign === '\t' || (sign === '\r' && this.#text[this.#position + 1] === '\n')) this.#position++;
      else if (sign === '#' || this.#text.startsWith('//', this.#position)) this.#position = this.#indexOrEnd('\n');
      else if (this.#text.startsWith('/*', this.#position)) this.#passComment();
      else return this.#read(sign);
    }
  }

  /** The next token that is no newline. */
  nextBeyondLines(): Token {
    for (let token = this.next(); ; token = this.next()) if (token.kind !== 'newline') return token;
  }

  #read(sign: string): Token {
    const line = this.#line;
    if (SIGNS.includes(sign)) {
      this.#position++;
      return { kind: 'sign', text: sign as '{', line };
    }
    if (sign === '"') return { kind: 'text', text: this.#readText(), line };
    const name = this.#match(NAME)?.[0];
    if (name === undefined) throw new HclError(`line ${line}: unexpected ${JSON.stringify(sign)}`);
    return { kind: 'name', text: name, line };
  }

  #readText(): string {
    this.#position++;
    let text = '';
    for (;;) {
      text += this.#match(PLAIN_TEXT)?.[0] ?? '';
      const sign = this.#text[this.#position];
      const following = this.#text[this.#position + 1];
      if (sign === '"') {
        this.#position++;
        return text;
      }
      if (sign === undefined || sign === '\n') throw new HclError(`line ${this.#line}: a text that does not end`);
      if (sign === '\\') text += this.#readEscape();
      else if (following === '{') throw new HclError(`line ${this.#line}: a template, which no lock file has`);
      else {
        text += sign;
        this.#position++;
      }
    }
  }

  #readEscape(): string {
    const found = this.#match(ESCAPE);
    if (!found) throw new HclError(`line ${this.#line}: an escape that HCL does not know`);
    const [, letter, short, long] = found;
    if (letter !== undefined) return ESCAPED[letter] ?? letter;
    const point = Number.parseInt(short ?? long ?? '', 16);
    if (point > 0x10ffff) throw new HclError(`line ${this.#line}: an escape of no character`);
    return String.fromCodePoint(point);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text);
    if (found) this.#position = pattern.lastIndex;
    return found;
  }

  #passComment(): void {
    const end = this.#text.indexOf('*/', this.#position + 2);
    if (end < 0) throw new HclError(`line ${this.#line}: a comment that does not end`);
    for (let index = this.#position; index < end; index++) if (this.#text.charCodeAt(index) === 0x0a) this.#line++;
    this.#position = end + 2;
  }

  #indexOrEnd(sign: string): number {
    const index = this.#text.indexOf(sign, this.#position);
    return index < 0 ? this.#text.length : index;
  }
}
