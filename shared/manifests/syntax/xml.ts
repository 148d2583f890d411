import { XMLParser } from 'fast-xml-parser';
import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';
import { whyNotWellFormed } from './xml-grammar.ts';

/** Tags and attributes. A verification-metadata.xml of 10 MB has some 300,000; a hostile document of so many takes 250 MB (measured). */
const XML_MAX_PARTS = 400_000;
/** No document here nests deeper than 20; the parser is not recursive, but walks over its result may be. */
const XML_MAX_DEPTH = 100;

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  // Entities are decoded here, the five of XML and numbers only: no declaration of a document is ever followed.
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: XML_MAX_DEPTH,
  cdataPropName: '#cdata',
});

/** One element: `{ NAME: [children], ':@': { attributes } }`; a text is `{ '#text': TEXT }`, a CDATA section `{ '#cdata': [text] }`. */
type RawNode = Readonly<Record<string, unknown>>;

/** An element of a document, by its local name: prefixes of namespaces are cut off. */
export class XmlElement {
  readonly name: string;
  readonly #children: readonly RawNode[];
  readonly #attributes: Readonly<Record<string, string>>;

  constructor(qualifiedName: string, children: readonly RawNode[], attributes: Readonly<Record<string, string>>) {
    this.name = localName(qualifiedName);
    this.#children = children;
    this.#attributes = attributes;
  }

  /** The child elements, of this name if one is given, in order. */
  elements(name?: string): XmlElement[] {
    const found: XmlElement[] = [];
    for (const node of this.#children) {
      const tag = tagOf(node);
      if (tag !== TEXT && tag !== CDATA && (name === undefined || localName(tag) === name)) found.push(toElement(node, tag));
    }
    return found;
  }

  /** The first child element of this name. */
  element(name: string): XmlElement | undefined {
    for (const node of this.#children) {
      const tag = tagOf(node);
      if (tag !== TEXT && localName(tag) === name) return toElement(node, tag);
    }
    return undefined;
  }

  /** The text right in it, without the white space around it. Child elements' texts are not part of it. */
  get text(): string {
    let text = '';
    for (const node of this.#children) {
      const tag = tagOf(node);
      if (tag === TEXT) text += decodeEntities(String(node[TEXT]));
      else if (tag === CDATA) text += (node[CDATA] as readonly RawNode[]).map((section) => String(section[TEXT])).join('');
    }
    return text.trim();
  }

  /** All attributes, namespaces included, as they are named in the document. */
  attributes(): [name: string, value: string][] {
    return Object.entries(this.#attributes).map(([name, value]) => [name, decodeEntities(value)]);
  }

  /** An attribute's value; `undefined` where there is none of this name. */
  attribute(name: string): string | undefined {
    const value = Object.hasOwn(this.#attributes, name) ? this.#attributes[name] : undefined;
    return value === undefined ? undefined : decodeEntities(value);
  }
}

/** The root element of a document. What is not well-formed, declares a document type or names an unknown entity is refused. */
export function parseXml(text: string): Parsed<XmlElement> {
  const unreadable = whyUnreadable(text) ?? whyRefused(text);
  if (unreadable !== undefined) return { reason: unreadable };
  try {
    const malformed = whyNotWellFormed(text, XML_MAX_DEPTH);
    if (malformed !== undefined) return { reason: `not well-formed XML: ${malformed}` };
    const roots = (PARSER.parse(text) as readonly RawNode[]).filter((node) => tagOf(node) !== TEXT);
    const [root] = roots;
    if (!root || roots.length > 1) return { reason: `not well-formed XML: ${roots.length} elements at the top` };
    return { value: toElement(root, tagOf(root)) };
  } catch (error) {
    return { reason: `not XML that can be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const TEXT = '#text';
const CDATA = '#cdata';
const ATTRIBUTES = ':@';
const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};

function tagOf(node: RawNode): string {
  for (const key in node) if (key !== ATTRIBUTES) return key;
  return TEXT;
}

function toElement(node: RawNode, tag: string): XmlElement {
  return new XmlElement(
    tag,
    node[tag] as readonly RawNode[],
    (node[ATTRIBUTES] as Readonly<Record<string, string>> | undefined) ?? NO_ATTRIBUTES,
  );
}

function localName(qualifiedName: string): string {
  return qualifiedName.slice(qualifiedName.indexOf(':') + 1);
}

function whyRefused(text: string): string | undefined {
  const parts = countSigns(text, '<') + countSigns(text, '=');
  if (parts > XML_MAX_PARTS) return `more than ${XML_MAX_PARTS} tags and attributes; documents with up to that many are read`;
  if (/<!DOCTYPE/i.test(text)) return 'it declares a document type (<!DOCTYPE): entities are never followed, so it is not read';
  const unknown = /&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)[^<]{0,20}/.exec(withoutLiterals(text))?.[0];
  return unknown === undefined ? undefined : `not well-formed XML: ${JSON.stringify(unknown)} is no entity of XML`;
}

/** How often the sign stands in the text; counting ends a little beyond the limit. */
function countSigns(text: string, sign: string): number {
  let count = 0;
  for (let at = text.indexOf(sign); at >= 0 && count <= XML_MAX_PARTS; at = text.indexOf(sign, at + 1)) count++;
  return count;
}

/** The text without comments, CDATA sections and instructions, where an `&` means itself. */
function withoutLiterals(text: string): string {
  if (!text.includes('&')) return '';
  let rest = '';
  let start = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    const end = text.startsWith('<!--', at)
      ? '-->'
      : text.startsWith('<![CDATA[', at)
        ? ']]>'
        : text.startsWith('<?', at)
          ? '?>'
          : undefined;
    if (end === undefined) continue;
    rest += text.slice(start, at);
    const close = text.indexOf(end, at);
    if (close < 0) return rest;
    start = close + end.length;
    at = start - 1;
  }
  return rest + text.slice(start);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));/g, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] ?? whole) : whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
