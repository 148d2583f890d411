import type { Parsed } from './parsed.ts';

/** A literal of Elixir or Erlang: what a lock file of theirs is made of. Nothing of it is ever evaluated. */
export type Term =
  | { readonly kind: 'text' | 'atom' | 'number'; readonly value: string }
  | { readonly kind: 'tuple' | 'list' | 'map'; readonly items: readonly Term[] }
  /** An item of a map or of a keyword list. */
  | { readonly kind: 'pair'; readonly key: Term; readonly value: Term; readonly line: number };

type Dialect = 'elixir' | 'erlang';

/** A lock file nests 6 deep. */
const MAX_DEPTH = 16;
/** A lock file has one or two of its own. */
const MAX_TERMS = 16;

interface Frame {
  readonly kind: 'tuple' | 'list' | 'map';
  readonly close: number;
  readonly items: Term[];
  /** Waits for its value. */
  key: { readonly term: Term; readonly line: number } | undefined;
  /** An item has been read, and no comma since. */
  isFull: boolean;
}

const NEWLINE = 0x0a;
const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const PERCENT = 0x25;
const SINGLE_QUOTE = 0x27;
const COMMA = 0x2c;
const FULL_STOP = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_TUPLE = 0x7b;
const CLOSE_TUPLE = 0x7d;

/** The one term of a file that Elixir reads: a map, or a keyword list in files of its first years. */
export function parseElixirTerm(text: string): Parsed<Term> {
  const parsed = new TermReader(text, 'elixir').read();
  if ('reason' in parsed) return parsed;
  const [term] = parsed.value;
  return term ? { value: term } : { reason: 'no term stands in it' };
}

/** The terms of a file that Erlang consults, each ended by a full stop. */
export function parseErlangTerms(text: string): Parsed<readonly Term[]> {
  return new TermReader(text, 'erlang').read();
}

/** Thrown and caught in this file. */
class NoTerm extends Error {
  override readonly name = 'NoTerm';
}

class TermReader {
  readonly #text: string;
  readonly #isElixir: boolean;
  #at = 0;
  #line = 1;

  constructor(text: string, dialect: Dialect) {
    this.#text = text;
    this.#isElixir = dialect === 'elixir';
  }

  read(): Parsed<readonly Term[]> {
    try {
      return { value: this.#readAll() };
    } catch (error) {
      if (error instanceof NoTerm) return { reason: `line ${this.#line}: ${error.message}` };
      throw error;
    }
  }

  #readAll(): readonly Term[] {
    const done: Term[] = [];
    const open: Frame[] = [];
    let isStopped = true;
    for (;;) {
      this.#skipBlanks();
      const frame = open.at(-1);
      const sign = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(sign)) {
        if (frame) throw new NoTerm('the file ends within a term');
        if (!isStopped && !this.#isElixir) throw new NoTerm('the file ends without a full stop');
        return done;
      }
      if (!frame && !isStopped) {
        // Behind a term of the document.
        if (this.#isElixir || sign !== FULL_STOP) throw new NoTerm(`${this.#shown()} behind the end of a term`);
        this.#at++;
        isStopped = true;
        if (done.length > MAX_TERMS) throw new NoTerm(`more than ${MAX_TERMS} terms`);
        continue;
      }
      if (frame && sign === frame.close) {
        if (frame.key) throw new NoTerm('a key has no value');
        this.#at++;
        open.pop();
        if (this.#put({ kind: frame.kind, items: frame.items }, open.at(-1), done)) isStopped = false;
        continue;
      }
      if (frame?.isFull) {
        this.#readSeparator(frame, sign);
        continue;
      }
      const opened = this.#readOpening(sign);
      if (opened) {
        if (open.length >= MAX_DEPTH) throw new NoTerm(`it nests deeper than ${MAX_DEPTH} levels`);
        open.push(opened);
      } else if (this.#readScalar(sign, frame, done)) isStopped = false;
    }
  }

  /** True where the term is one of the document. */
  #put(term: Term, frame: Frame | undefined, done: Term[]): boolean {
    if (!frame) {
      done.push(term);
      return true;
    }
    if (frame.key) {
      frame.items.push({ kind: 'pair', key: frame.key.term, value: term, line: frame.key.line });
      frame.key = undefined;
    } else {
      frame.items.push(term);
    }
    frame.isFull = true;
    return false;
  }

  /** A comma, or the arrow that makes a key of the item before. */
  #readSeparator(frame: Frame, sign: number): void {
    if (sign === COMMA) {
      this.#at++;
      frame.isFull = false;
      return;
    }
    const last = frame.items.at(-1);
    const isArrow = this.#isElixir && sign === EQUALS && this.#text.charCodeAt(this.#at + 1) === GREATER;
    if (!isArrow || frame.kind !== 'map' || !last || last.kind === 'pair') throw new NoTerm(`${this.#shown()} where a comma is due`);
    this.#at += 2;
    frame.items.pop();
    frame.key = { term: last, line: this.#line };
    frame.isFull = false;
  }

  #readOpening(sign: number): Frame | undefined {
    if (sign === OPEN_LIST) {
      this.#at++;
      return { kind: 'list', close: CLOSE_LIST, items: [], key: undefined, isFull: false };
    }
    const isMap = this.#isElixir && sign === PERCENT && this.#text.charCodeAt(this.#at + 1) === OPEN_TUPLE;
    if (!isMap && sign !== OPEN_TUPLE) return undefined;
    this.#at += isMap ? 2 : 1;
    return { kind: isMap ? 'map' : 'tuple', close: CLOSE_TUPLE, items: [], key: undefined, isFull: false };
  }

  #readScalar(sign: number, frame: Frame | undefined, done: Term[]): boolean {
    const line = this.#line;
    const term = this.#isElixir ? this.#elixirScalar(sign) : this.#erlangScalar(sign);
    // `key: value` and `"key": value`, with a blank behind the colon.
    const isKey = this.#isElixir && term.kind !== 'number' && this.#text.charCodeAt(this.#at) === COLON;
    if (!isKey) {
      if (this.#isElixir && term.kind === 'atom' && !term.isLiteral)
        throw new NoTerm(`"${term.value}" is no literal: lock files are not evaluated`);
      return this.#put({ kind: term.kind, value: term.value }, frame, done);
    }
    if (!frame || frame.key || frame.kind === 'tuple') throw new NoTerm('a key where none can stand');
    this.#at++;
    frame.key = { term: { kind: term.kind, value: term.value }, line };
    return false;
  }

  #elixirScalar(sign: number): Scalar {
    if (sign === DOUBLE_QUOTE) return { kind: 'text', value: this.#readQuoted(DOUBLE_QUOTE), isLiteral: true };
    if (sign === SINGLE_QUOTE) return { kind: 'text', value: this.#readQuoted(SINGLE_QUOTE), isLiteral: true };
    if (sign === COLON) {
      this.#at++;
      const isQuoted = this.#text.charCodeAt(this.#at) === DOUBLE_QUOTE;
      return { kind: 'atom', value: isQuoted ? this.#readQuoted(DOUBLE_QUOTE) : this.#readWord(), isLiteral: true };
    }
    const value = this.#readWord();
    if (isDigit(sign)) return { kind: 'number', value, isLiteral: true };
    return { kind: 'atom', value, isLiteral: value === 'nil' || value === 'true' || value === 'false' };
  }

  #erlangScalar(sign: number): Scalar {
    if (sign === DOUBLE_QUOTE) return { kind: 'text', value: this.#readQuoted(DOUBLE_QUOTE), isLiteral: true };
    if (sign === SINGLE_QUOTE) return { kind: 'atom', value: this.#readQuoted(SINGLE_QUOTE), isLiteral: true };
    if (sign === LESS && this.#text.startsWith('<<', this.#at)) return this.#readBinary();
    if (!isDigit(sign) && (sign < 0x61 || sign > 0x7a)) throw new NoTerm(`${this.#shown()} where a term is due`);
    return { kind: isDigit(sign) ? 'number' : 'atom', value: this.#readWord(), isLiteral: true };
  }

  /** `<<"text">>` or `<<"text"/utf8>>`. */
  #readBinary(): Scalar {
    this.#at += 2;
    this.#skipBlanks();
    if (this.#text.startsWith('>>', this.#at)) {
      this.#at += 2;
      return { kind: 'text', value: '', isLiteral: true };
    }
    if (this.#text.charCodeAt(this.#at) !== DOUBLE_QUOTE) throw new NoTerm('a binary that is no text');
    const value = this.#readQuoted(DOUBLE_QUOTE);
    if (this.#text.charCodeAt(this.#at) === SLASH) {
      this.#at++;
      if (this.#readWord() !== 'utf8') throw new NoTerm('a binary of another type than utf8');
    }
    this.#skipBlanks();
    if (!this.#text.startsWith('>>', this.#at)) throw new NoTerm('a binary that does not end');
    this.#at += 2;
    return { kind: 'text', value, isLiteral: true };
  }

  #readQuoted(quote: number): string {
    const start = ++this.#at;
    let pieces = '';
    let pieceStart = start;
    for (;;) {
      const sign = this.#text.charCodeAt(this.#at);
      if (sign === quote) break;
      if (Number.isNaN(sign) || sign === NEWLINE) throw new NoTerm('a text that does not end on its line');
      if (this.#isElixir && sign === HASH && this.#text.charCodeAt(this.#at + 1) === OPEN_TUPLE) {
        throw new NoTerm('a text with code in it: lock files are not evaluated');
      }
      if (sign === BACKSLASH) {
        const escaped = this.#text[this.#at + 1] ?? '';
        // Other escapes stand in no name or version; they stay as they are written, and make it illegal.
        const isPlain = escaped === '"' || escaped === "'" || escaped === '\\';
        if (escaped === '\n') throw new NoTerm('a text that does not end on its line');
        pieces += this.#text.slice(pieceStart, isPlain ? this.#at : this.#at + 1) + escaped;
        this.#at += 1 + escaped.length;
        pieceStart = this.#at;
      } else {
        this.#at++;
      }
    }
    const value = pieces + this.#text.slice(pieceStart, this.#at);
    this.#at++;
    return value;
  }

  #readWord(): string {
    const start = this.#at;
    while (isWordSign(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw new NoTerm(`${this.#shown()} where a term is due`);
    return this.#text.slice(start, this.#at);
  }

  #skipBlanks(): void {
    const comment = this.#isElixir ? HASH : PERCENT;
    for (;;) {
      const sign = this.#text.charCodeAt(this.#at);
      if (sign === NEWLINE) this.#line++;
      else if (sign === comment) {
        const newline = this.#text.indexOf('\n', this.#at);
        this.#at = newline < 0 ? this.#text.length : newline;
        continue;
      } else if (sign !== 0x20 && sign !== 0x0d && sign !== 0x09) return;
      this.#at++;
    }
  }

  #shown(): string {
    const end = this.#text.indexOf('\n', this.#at);
    return JSON.stringify(this.#text.slice(this.#at, Math.min(end < 0 ? this.#text.length : end, this.#at + 40)));
  }
}

interface Scalar {
  readonly kind: 'text' | 'atom' | 'number';
  readonly value: string;
  /** False for a bare word of Elixir: a variable, a module. */
  readonly isLiteral: boolean;
}

function isDigit(sign: number): boolean {
  return sign >= 0x30 && sign <= 0x39;
}

/** Letters, digits, `_`, `@`: what an atom consists of, and a number. */
function isWordSign(sign: number): boolean {
  return (sign >= 0x61 && sign <= 0x7a) || (sign >= 0x41 && sign <= 0x5a) || isDigit(sign) || sign === 0x5f || sign === 0x40;
}
