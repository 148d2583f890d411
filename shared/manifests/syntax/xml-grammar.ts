/**
 * Why a text is no well-formed XML document (XML 1.0, without a document type), with the line; `undefined` where it is one. The parser
 * of the library is lenient, and its validator is as slow as the parser. Entities are not looked at.
 */
export function whyNotWellFormed(text: string, maxDepth: number): string | undefined {
  return new Grammar(text, maxDepth).check();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no control characters but these three
const NO_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
/** Attributes of one element up to which they are compared one by one. */
const FEW_ATTRIBUTES = 16;

const TAB = 0x09;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const EXCLAMATION_MARK = 0x21;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const QUESTION_MARK = 0x3f;

function isSpace(code: number): boolean {
  return code === SPACE || code === NEWLINE || code === TAB || code === CARRIAGE_RETURN;
}

const STARTS_NAME = 1;
const IN_NAME = 2;
/** ASCII signs of names. Of the others every one passes: what they are called matters to nobody here. */
const NAME_SIGNS = Uint8Array.from({ length: 128 }, (_, code) => {
  const sign = String.fromCharCode(code);
  return /[A-Za-z_:]/.test(sign) ? STARTS_NAME | IN_NAME : /[0-9.-]/.test(sign) ? IN_NAME : 0;
});

class Grammar {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #open: string[] = [];
  #position = 0;
  #rootCount = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  check(): string | undefined {
    const control = NO_CHARACTERS.exec(this.#text);
    if (control) return this.#placed('a control character', control.index);
    while (this.#position < this.#text.length) {
      const found = this.#text.indexOf('<', this.#position);
      const tag = found < 0 ? this.#text.length : found;
      const why = this.#checkText(tag) ?? (found < 0 ? undefined : this.#checkMarkup(tag));
      if (why !== undefined) return this.#placed(why, tag);
      if (found < 0) break;
    }
    const last = this.#open.at(-1);
    if (last !== undefined) return this.#placed(`<${last}> is not closed`, this.#text.length);
    return this.#rootCount === 1 ? undefined : `${this.#rootCount} elements at the top`;
  }

  #placed(why: string, index: number): string {
    let line = 1;
    for (let newline = this.#text.indexOf('\n'); newline >= 0 && newline < index; newline = this.#text.indexOf('\n', newline + 1)) line++;
    return `${why} (line ${line})`;
  }

  #checkText(end: number): string | undefined {
    if (this.#open.length > 0) return undefined;
    for (let index = this.#position; index < end; index++) {
      if (!isSpace(this.#text.charCodeAt(index))) return 'text outside of the elements';
    }
    return undefined;
  }

  /** What begins with the `<` at `start`; moves on to what follows it. */
  #checkMarkup(start: number): string | undefined {
    const code = this.#text.charCodeAt(start + 1);
    if (code === SLASH) return this.#checkEndTag(start);
    if (code === EXCLAMATION_MARK) return this.#checkDeclaration(start);
    if (code === QUESTION_MARK) return this.#checkInstruction(start);
    return this.#checkStartTag(start);
  }

  #checkEndTag(start: number): string | undefined {
    const end = this.#text.indexOf('>', start);
    if (end < 0) return 'a tag that is not closed';
    const name = this.#text.slice(start + 2, end);
    const open = this.#open.pop();
    if (open !== name && open !== name.trimEnd()) return `</${name.slice(0, 40)}> closes ${open === undefined ? 'nothing' : `<${open}>`}`;
    this.#position = end + 1;
    return undefined;
  }

  #checkDeclaration(start: number): string | undefined {
    if (this.#text.startsWith('<!--', start)) {
      const end = this.#text.indexOf('--', start + 4);
      if (end < 0 || this.#text.charCodeAt(end + 2) !== GREATER)
        return end < 0 ? 'a comment that is not closed' : 'two dashes in a comment';
      this.#position = end + 3;
      return undefined;
    }
    if (!this.#text.startsWith('<![CDATA[', start)) return 'a declaration';
    const end = this.#text.indexOf(']]>', start);
    if (end < 0) return 'a CDATA section that is not closed';
    if (this.#open.length === 0) return 'text outside of the elements';
    this.#position = end + 3;
    return undefined;
  }

  #checkInstruction(start: number): string | undefined {
    const end = this.#text.indexOf('?>', start);
    if (end < 0) return 'an instruction that is not closed';
    if (this.#endOfName(start + 2) < 0) return 'an instruction without a name';
    if (start > 0 && /^<\?xml\s/i.test(this.#text.slice(start, start + 6))) return 'an XML declaration that does not stand first';
    this.#position = end + 2;
    return undefined;
  }

  #checkStartTag(start: number): string | undefined {
    const text = this.#text;
    // No tag holds another `<`: whatever ends beyond the next one is broken.
    const next = text.indexOf('<', start + 1);
    const limit = next < 0 ? text.length : next;
    let index = this.#endOfName(start + 1);
    if (index < 0) return 'a tag without a name';
    const name = text.slice(start + 1, index);
    const attributes = new AttributeNames();
    for (;;) {
      const afterName = index;
      while (isSpace(text.charCodeAt(index))) index++;
      const code = text.charCodeAt(index);
      const isEmpty = code === SLASH && text.charCodeAt(index + 1) === GREATER;
      if (code === GREATER || isEmpty) {
        this.#position = index + (isEmpty ? 2 : 1);
        return this.#opened(name, isEmpty);
      }
      const end = this.#endOfName(index);
      if (end < 0 || index === afterName) return `<${name.slice(0, 40)}> is not closed, or has something other than attributes`;
      const attribute = text.slice(index, end);
      if (!attributes.isNew(attribute)) return `the attribute ${attribute.slice(0, 40)} stands twice in one tag`;
      index = end;
      while (isSpace(text.charCodeAt(index))) index++;
      if (text.charCodeAt(index) !== EQUALS) return `the attribute ${attribute.slice(0, 40)} has no value`;
      index++;
      while (isSpace(text.charCodeAt(index))) index++;
      const quote = text.charCodeAt(index);
      if (quote !== DOUBLE_QUOTE && quote !== SINGLE_QUOTE) return `the value of ${attribute.slice(0, 40)} is not quoted`;
      index = text.indexOf(quote === DOUBLE_QUOTE ? '"' : "'", index + 1) + 1;
      if (index === 0 || index > limit) return `the value of ${attribute.slice(0, 40)} is not closed`;
    }
  }

  #opened(name: string, isEmpty: boolean): string | undefined {
    if (this.#open.length === 0) this.#rootCount++;
    if (this.#open.length >= this.#maxDepth) return `elements nested deeper than ${this.#maxDepth}`;
    if (!isEmpty) this.#open.push(name);
    return undefined;
  }

  /** Where the name that begins at `start` ends; -1 where none begins. */
  #endOfName(start: number): number {
    if (!this.#isOfName(start, STARTS_NAME)) return -1;
    let end = start + 1;
    while (this.#isOfName(end, IN_NAME)) end++;
    return end;
  }

  #isOfName(index: number, place: number): boolean {
    const code = this.#text.charCodeAt(index);
    return code >= NAME_SIGNS.length || ((NAME_SIGNS[code] ?? 0) & place) !== 0;
  }
}

/** The names of the attributes of one tag. */
class AttributeNames {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  isNew(name: string): boolean {
    if (this.#few.length < FEW_ATTRIBUTES) {
      if (this.#few.includes(name)) return false;
      this.#few.push(name);
      return true;
    }
    this.#many ??= new Set(this.#few);
    return this.#many.size < this.#many.add(name).size;
  }
}
