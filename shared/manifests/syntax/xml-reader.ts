import { XmlElement } from './xml-element.ts';

export interface XmlLimits {
  /** Elements within each other. */
  readonly maxDepth: number;
  /** Elements and attributes of a document. */
  readonly maxParts: number;
}

/** Why a document is not read: not well-formed, with the line, or beyond what is read here. */
export class XmlRefused extends Error {
  override readonly name = 'XmlRefused';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no control characters but these three
const NO_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,6});|#([0-9]{1,7});|(amp|lt|gt|quot|apos);)?/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const WHITE_SPACE_IN_ATTRIBUTE = /\r\n|[\t\n\r]/g;
/** How much of a document an error cites. */
const CITED_CHARACTERS = 40;

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

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
const NO_CHILDREN: readonly XmlElement[] = [];

/** An element whose end tag has not come yet. */
interface OpenElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  children: XmlElement[] | undefined;
  text: string;
}

/**
 * Reads a document of XML 1.0 without a document type: no entities but XML's own five and numbers, and nothing that a document declares
 * is ever followed. Of the libraries, one takes what is not well-formed, and another eight bytes more for each character of a document
 * that has a single one beyond U+FFFF.
 */
export class XmlReader {
  readonly #text: string;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[] = [];
  #position = 0;
  #parts = 0;
  #root: XmlElement | undefined;

  constructor(text: string, limits: XmlLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  /** The root element. Throws `XmlRefused`; once for each reader. */
  read(): XmlElement {
    const text = this.#text;
    const control = NO_CHARACTERS.exec(text);
    if (control) throw this.#broken('a control character', control.index);
    while (this.#position < text.length) {
      const found = text.indexOf('<', this.#position);
      this.#readText(found < 0 ? text.length : found);
      if (found < 0) break;
      this.#readMarkup(found);
    }
    const last = this.#open.at(-1);
    if (last) throw this.#broken(`<${cited(last.name)}> is not closed`, text.length);
    if (!this.#root) throw new XmlRefused('not well-formed XML: it has no element');
    return this.#root;
  }

  #broken(why: string, index: number): XmlRefused {
    let line = 1;
    for (let newline = this.#text.indexOf('\n'); newline >= 0 && newline < index; newline = this.#text.indexOf('\n', newline + 1)) line++;
    return new XmlRefused(`not well-formed XML: ${why} (line ${line})`);
  }

  /** Text up to `end`; moves there. */
  #readText(end: number): void {
    const start = this.#position;
    let index = start;
    while (index < end && isSpace(this.#text.charCodeAt(index))) index++;
    this.#position = end;
    const element = this.#open.at(-1);
    if (!element) {
      if (index < end) throw this.#broken('text outside of the elements', index);
      return;
    }
    // White space that nothing precedes is cut off in the end.
    if (index < end || element.text !== '') element.text += this.#decoded(normalLines(this.#text.slice(start, end)), start);
  }

  /** What begins with the `<` at `start`; moves behind it. */
  #readMarkup(start: number): void {
    const code = this.#text.charCodeAt(start + 1);
    if (code === SLASH) this.#readEndTag(start);
    else if (code === EXCLAMATION_MARK) this.#readDeclaration(start);
    else if (code === QUESTION_MARK) this.#readInstruction(start);
    else this.#readStartTag(start);
  }

  #readEndTag(start: number): void {
    const end = this.#text.indexOf('>', start);
    if (end < 0) throw this.#broken('a tag that is not closed', start);
    const name = this.#text.slice(start + 2, end);
    const element = this.#open.pop();
    if (element === undefined || (element.name !== name && element.name !== name.trimEnd())) {
      throw this.#broken(`</${cited(name)}> closes ${element === undefined ? 'nothing' : `<${cited(element.name)}>`}`, start);
    }
    this.#position = end + 1;
    this.#add(new XmlElement(element.name, element.attributes, element.children ?? NO_CHILDREN, element.text), start);
  }

  #readDeclaration(start: number): void {
    const text = this.#text;
    if (text.startsWith('<!--', start)) {
      const end = text.indexOf('--', start + 4);
      if (end < 0) throw this.#broken('a comment that is not closed', start);
      if (text.charCodeAt(end + 2) !== GREATER) throw this.#broken('two dashes in a comment', start);
      this.#position = end + 3;
      return;
    }
    if (!text.startsWith('<![CDATA[', start)) {
      if (!text.startsWith('<!DOCTYPE', start)) throw this.#broken('a declaration', start);
      throw new XmlRefused('it declares a document type (<!DOCTYPE): entities are never followed, so it is not read');
    }
    const end = text.indexOf(']]>', start);
    if (end < 0) throw this.#broken('a CDATA section that is not closed', start);
    const element = this.#open.at(-1);
    if (!element) throw this.#broken('text outside of the elements', start);
    element.text += normalLines(text.slice(start + '<![CDATA['.length, end));
    this.#position = end + 3;
  }

  #readInstruction(start: number): void {
    const end = this.#text.indexOf('?>', start);
    if (end < 0) throw this.#broken('an instruction that is not closed', start);
    const nameEnd = this.#endOfName(start + 2);
    if (nameEnd < 0 || (nameEnd !== end && !isSpace(this.#text.charCodeAt(nameEnd)))) {
      throw this.#broken('an instruction without a name', start);
    }
    if (start > 0 && /^<\?xml\s/i.test(this.#text.slice(start, start + 6))) {
      throw this.#broken('an XML declaration that does not stand first', start);
    }
    this.#position = end + 2;
  }

  #readStartTag(start: number): void {
    const text = this.#text;
    const nameEnd = this.#endOfName(start + 1);
    if (nameEnd < 0) throw this.#broken('a tag without a name', start);
    const name = text.slice(start + 1, nameEnd);
    const attributes = this.#readAttributes(start, name, nameEnd);
    const isEmpty = text.charCodeAt(this.#position) === SLASH;
    this.#position += isEmpty ? 2 : 1;
    if (this.#open.length >= this.#limits.maxDepth) throw this.#broken(`elements nested deeper than ${this.#limits.maxDepth}`, start);
    this.#count();
    if (isEmpty) this.#add(new XmlElement(name, attributes, NO_CHILDREN, ''), start);
    else this.#open.push({ name, attributes, children: undefined, text: '' });
  }

  /** The attributes of the tag that begins at `start`; moves to its `>` or `/>`. */
  #readAttributes(start: number, tagName: string, nameEnd: number): ReadonlyMap<string, string> {
    const text = this.#text;
    // No tag holds another `<`: whatever ends beyond the next one is broken.
    const next = text.indexOf('<', start + 1);
    const limit = next < 0 ? text.length : next;
    let attributes: Map<string, string> | undefined;
    let index = nameEnd;
    for (;;) {
      const afterLast = index;
      index = this.#afterSpace(index);
      const code = text.charCodeAt(index);
      if (code === GREATER || (code === SLASH && text.charCodeAt(index + 1) === GREATER)) {
        this.#position = index;
        return attributes ?? NO_ATTRIBUTES;
      }
      const end = this.#endOfName(index);
      if (end < 0 || index === afterLast) {
        throw this.#broken(`<${cited(tagName)}> is not closed, or has something other than attributes`, start);
      }
      const name = text.slice(index, end);
      index = this.#afterSpace(end);
      if (text.charCodeAt(index) !== EQUALS) throw this.#broken(`the attribute ${cited(name)} has no value`, start);
      index = this.#afterSpace(index + 1);
      const quote = text.charCodeAt(index);
      if (quote !== DOUBLE_QUOTE && quote !== SINGLE_QUOTE) throw this.#broken(`the value of ${cited(name)} is not quoted`, start);
      const close = text.indexOf(quote === DOUBLE_QUOTE ? '"' : "'", index + 1);
      if (close < 0 || close > limit) throw this.#broken(`the value of ${cited(name)} is not closed`, start);
      attributes ??= new Map();
      if (attributes.has(name)) throw this.#broken(`the attribute ${cited(name)} stands twice in one tag`, start);
      const value = text.slice(index + 1, close).replace(WHITE_SPACE_IN_ATTRIBUTE, ' ');
      attributes.set(name, this.#decoded(value, start).trim());
      this.#count();
      index = close + 1;
    }
  }

  #add(element: XmlElement, start: number): void {
    const parent = this.#open.at(-1);
    if (parent) {
      parent.children ??= [];
      parent.children.push(element);
    } else if (this.#root) {
      throw this.#broken('2 elements at the top', start);
    } else {
      this.#root = element;
    }
  }

  #count(): void {
    this.#parts++;
    const { maxParts } = this.#limits;
    if (this.#parts > maxParts)
      throw new XmlRefused(`more than ${maxParts} elements and attributes; documents with up to that many are read`);
  }

  /** The text with its references decoded; `start` is where it stands. */
  #decoded(text: string, start: number): string {
    if (!text.includes('&')) return text;
    return text.replace(
      REFERENCE,
      (reference: string, hex: string | undefined, decimal: string | undefined, name: string | undefined, at: number) => {
        if (name !== undefined) return ENTITIES[name] ?? reference;
        const code = hex === undefined ? Number(decimal ?? 0) : Number.parseInt(hex, 16);
        // Surrogates are no characters, and neither is what the document itself could not hold.
        const character = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '\0';
        if (!NO_CHARACTERS.test(character)) return character;
        throw this.#broken(`${JSON.stringify(text.slice(at, at + CITED_CHARACTERS / 2))} is no entity of XML`, start);
      },
    );
  }

  #afterSpace(start: number): number {
    let index = start;
    while (isSpace(this.#text.charCodeAt(index))) index++;
    return index;
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

/** Line breaks as XML has them, before references are decoded. */
function normalLines(text: string): string {
  return text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text;
}

function cited(name: string): string {
  return name.slice(0, CITED_CHARACTERS);
}
